"""The words of the dialect: for every noun the keys it may have, and what becomes of each.

    core      read and executed
    later     part of the dialect, read, not executed yet: refused with `not-executed-yet:<key>`
    refused   part of the dialect, never executed as written: refused with the reason in the table
    noted     read and without effect: one note in the plan

Rules
  1. A key has one spelling here, kebab-case; snake_case and camelCase are read as the same key.
  2. A key that no table knows is refused, with the nearest one that it knows.
  3. Adding a key is adding a word to a table; a noun's reader then asks for it by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache


class Mark(StrEnum):
    """What becomes of a key."""

    CORE = "core"
    LATER = "later"
    REFUSED = "refused"
    NOTED = "noted"


@dataclass(frozen=True)
class Noun:
    """One kind of mapping. `aliases` maps other words for a key to the one in `marks`; `beside` are keys of the node around."""

    name: str
    marks: Mapping[str, Mark]
    reasons: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()


def define(
    name: str,
    *,
    core: str = "",
    later: str = "",
    noted: str = "",
    refused: Mapping[str, str] | None = None,
    aliases: Mapping[str, str] | None = None,
    beside: frozenset[str] = frozenset(),
) -> Noun:
    """Make a noun from words separated by blanks; `refused` maps a key to its reason."""
    marks = {
        **dict.fromkeys(core.split(), Mark.CORE),
        **dict.fromkeys(later.split(), Mark.LATER),
        **dict.fromkeys(noted.split(), Mark.NOTED),
        **dict.fromkeys(refused or {}, Mark.REFUSED),
    }
    return Noun(name, marks, refused or {}, aliases or {}, beside)


@lru_cache(maxsize=4096)
def spell(key: str) -> str:
    """Return the kebab-case spelling of `key`: `onFailure`, `on_failure` and `on-failure` are one word."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", key).lower().replace("_", "-")


KINDS = ("run", "background", "clone", "agent", "approval", "tool", "wait", "barrier", "queue", "policy")
BLOCKS = ("group", "parallel", "template")
TEMPLATE_STAGES = ("template", "action", "deploy", "build", "test", "chaos", "idp", "iacm", "sto")
STAGE_KINDS = ("steps", "group", "parallel", "approval", "chain", *TEMPLATE_STAGES)
_NAMES = {"identifier": "id", "desc": "description"}
_TEXTS = "id name description"

ROOT = define(
    "document",
    core="version pipeline template jobs name env concurrency permissions",
    later=(
        "agent service environment infrastructure inputset kind spec inputs trigger freeze connector"
        " on defaults policy scorecard"
    ),
    aliases={"action": "template"},
)
PIPELINE = define(
    "pipeline",
    core=f"{_TEXTS} if inputs variables env permissions stages jobs barriers concurrency timeout on-failure outputs"
    " allow-stage-executions fixed-inputs-on-rerun enforce service environment repo clone template",
    later="on rollback delegate status default notifications",
    noted="tags",
    refused={"generate": "dynamic-pipeline"},
    aliases={**_NAMES, "exports": "outputs", "output": "outputs"},
)
STAGE = define(
    "stage",
    core=(
        f"{_TEXTS} enforce if needs strategy timeout disabled on-failure inputs variables env permissions rollback outputs clone"
        f" runtime platform service environment uses with concurrency {' '.join(STAGE_KINDS)}"
    ),
    later="delegate workspace volumes shared-paths status",
    noted="tags labels cache",
    refused={
        "dynamic": "dynamic-stage",
        "stage": "v0-pipeline",
        **{
            key: f"unsupported-key:{key}"
            for key in ("build-intelligence", "runs-on", "services", "tofu-module", "remote-execution")
        },
    },
    aliases={**_NAMES, "exports": "outputs", "output": "outputs"},
)
STEP = define(
    "step",
    core=(
        f"{_TEXTS} enforce if needs strategy timeout disabled on-failure env permissions outputs uses with verify"
        f" {' '.join(KINDS)} {' '.join(BLOCKS)}"
    ),
    later="delegate status inputs",
    refused={
        "run-test": "test-intelligence",
        "change-advisor": "unsupported-step:change-advisor",
        "upload": "unsupported-step:upload",
        "step": "v0-pipeline",
    },
    aliases={**_NAMES, "output": "outputs", "exports": "outputs"},
)
_BESIDE = frozenset(
    name for noun in (STAGE, STEP) for name, mark in noun.marks.items() if mark is Mark.CORE
) - {*STAGE_KINDS, *KINDS, *BLOCKS}
GROUP = define(
    "group",
    core="id name steps stages outputs inputs",
    aliases={**_NAMES, "output": "outputs", "exports": "outputs"},
    beside=_BESIDE,
)
PARALLEL = define("parallel", core="steps stages", beside=_BESIDE)
TEMPLATE = define("template", core="uses with git-branch", beside=_BESIDE)
TEMPLATE_FILE = define(
    "template-file",
    core=f"{_TEXTS} version inputs pipeline stage step group agent",
    noted="tags author module alias layout",
    aliases=_NAMES,
)
CHAIN = define("chain", core="uses with")
CHAIN_WITH = define("chain.with", core="inputs outputs input-sets", aliases={"input-set-refs": "input-sets"})
CHAIN_OUTPUT = define("chain.output", core="name value")
VERIFY = define("verify", core="window interval steps", aliases={"duration": "window", "every": "interval"})
BARRIER = define("barrier", core="name")
QUEUE = define("queue", core="key scope")
POLICY = define("policy", core="sets payload", aliases={"policy-sets": "sets"})
STRATEGY = define(
    "strategy",
    core="matrix for while repeat max-parallel fail-fast if",
    aliases={"max-concurrency": "max-parallel"},
)
_LOOP = "iterations node-name"
FOR = define("for", core=f"{_LOOP} items max-parallel", aliases={"max-concurrency": "max-parallel"})
WHILE = define("while", core=f"{_LOOP} condition delay", aliases={"max-iterations": "iterations"})
REPEAT = define(
    "repeat",
    core=f"{_LOOP} items start end partition-size unit max-parallel",
    aliases={"max-concurrency": "max-parallel"},
)
CONCURRENCY = define(
    "concurrency", core="max group cancel-in-progress", aliases={"max-executions": "max", "limit": "max"}
)
PLATFORM = define("platform", core="os arch")
RUN = define(
    "run",
    core="script shell report evidence env with output output-alias download",
    later="delegate",
    refused={"container": "no-runtime:container"},
    aliases={"outputs": "output", "exports": "output", "reports": "report"},
)
BACKGROUND = define(
    "background",
    core="script shell env with",
    later="delegate",
    refused={
        "container": "no-runtime:container",
        **{
            key: f"unsupported-key:{key}"
            for key in ("report", "evidence", "output", "output-alias", "download")
        },
    },
    aliases={"outputs": "output", "exports": "output", "reports": "report"},
)
EVIDENCE = define("evidence", core="type path subject")
DOWNLOAD = define("download", core="source target checksum fallback")
REPORT = define("report", core="type path", aliases={"paths": "path"})
OUTPUT = define("output", core="name alias mask")
OUTPUT_ALIAS = define("output-alias", core="key scope")
CLONE = define(
    "clone",
    core="repo connector ref depth path sparse-checkout submodules disabled enabled persist-credentials",
    aliases={"clonedir": "path", "repository": "repo"},
)
REPO = define("repo", core="name connector", aliases={"repo": "name", "repository": "name"})
REF = define("ref", core="type name number")
AGENT = define(
    "agent",
    core="uses with model env task max-turns tools rules",
    refused={"container": "no-runtime:container"},
    later="skills mcp-servers inputs permissions",
)
V0_STEP = define(
    "v0-step",
    core="type id name description timeout spec strategy",
    later="when failure-strategies enforce",
    aliases=_NAMES,
)
V0_AGENT = define("v0-agent", core="agent-name agent-settings", later="llm-connector mcp-connectors")
TOOL = define("tool", core="uses with")
WAIT = define("wait", core="duration")
APPROVAL = define("approval", core="uses with run")
CUSTOM_WITH = define(
    "custom-approval.with",
    core="message approve reject retry timeout",
    aliases={
        "approval-message": "message",
        "approval-criteria": "approve",
        "rejection-criteria": "reject",
        "interval": "retry",
    },
)
CRITERIA = define("criteria", core="match conditions", aliases={"condition": "conditions"})
CRITERION = define("criterion", core="key operator value")
APPROVAL_WITH = define(
    "approval.with",
    core=(
        "message for groups users attributes service-accounts timeout min-count block-executor self-approval approvers"
        " auto-reject auto-approve timezone deadline comments inputs escalation"
    ),
    refused={"callback": "approval-callback"},
    noted="execution-details",
    aliases={
        "approval-message": "message",
        "user-groups": "groups",
        "approvers-min-count": "min-count",
        "min-approvers": "min-count",
        "disallow-pipeline-executor": "block-executor",
        "print-execution-history": "execution-details",
        "include-pipeline-execution-history": "execution-details",
        "is-auto-reject-enabled": "auto-reject",
        "auto-approval": "auto-approve",
        "approver-inputs": "inputs",
        "time-zone": "timezone",
    },
)
APPROVERS = define(
    "approvers",
    core="users groups attributes service-accounts minimum block-executor",
    aliases={
        "user-groups": "groups",
        "minimum-count": "minimum",
        "min-count": "minimum",
        "disallow-pipeline-executor": "block-executor",
    },
)
ESCALATION = define("escalation", core="after users groups", aliases={"user-groups": "groups"})
AUTO_APPROVAL = define("auto-approve", core="action scheduled-deadline comments")
SCHEDULED_DEADLINE = define("scheduled-deadline", core="time timezone", aliases={"time-zone": "timezone"})
APPROVER_INPUT = define(
    "approver-input",
    core="name description required default enum pattern multi-select",
    aliases={
        "default-value": "default",
        "allowed-values": "enum",
        "select-one-from": "enum",
        "regex": "pattern",
    },
)
FAILURE = define("on-failure", core="errors action retry manual-intervention", aliases={"error": "errors"})
RETRY = define(
    "retry",
    core="attempts interval backoff failure-action condition fail-all",
    aliases={
        "count": "attempts",
        "retry-count": "attempts",
        "intervals": "interval",
        "on-retry-failure": "failure-action",
    },
)
MANUAL = define(
    "manual-intervention",
    core="timeout timeout-action available-actions approvers fail-all",
    aliases={"on-timeout": "timeout-action"},
)
DECIDERS = define("deciders", core="users groups attributes", aliases={"user-groups": "groups"})
PLAIN_ACTION = define("action", core="fail-all steps")
INPUT_SET_FILE = define(
    "input-set-file", core="inputset version kind spec inputs", aliases={"input-set": "inputset"}
)
INPUT_SET = define("input-set", core="id name description inputs", noted="tags org project", aliases=_NAMES)
INPUT_SET_SPEC = define(
    "input-set.spec", core="inputs input-sets", noted="id name description tags", aliases=_NAMES
)
ENFORCE = define("enforce", core="policy-sets", aliases={"sets": "policy-sets"})
SERVICE = define(
    "service", core="id name ref items parallel sequential", noted="type", later="with", aliases=_NAMES
)
SERVICE_ITEM = define("service.item", core="id name ref", noted="type", later="with", aliases=_NAMES)
ENVIRONMENT = define(
    "environment",
    core="id name ref type deploy-to items parallel sequential",
    later="with group",
    refused={"filters": "environment-filter"},
    aliases={**_NAMES, "infrastructure": "deploy-to"},
)
ENVIRONMENT_ITEM = define(
    "environment.item",
    core="id name ref type deploy-to",
    later="with",
    aliases={**_NAMES, "infrastructure": "deploy-to"},
)
VARIABLE = define("variable", core="name type value description", noted="required", aliases=_NAMES)
INPUT = define(
    "input", core="type required default description enum", noted="ui", aliases={**_NAMES, "allowed": "enum"}
)
CASE_TYPE_FILE = define("case-type-file", core="version case-type")
CASE_TYPE = define(
    "case-type",
    core="name version owner description initial decisions holds exceptions states transitions",
    aliases={"desc": "description"},
)
CASE_STATE = define("case-state", core="description purposes tools effects otherwise due final")
CASE_DUE = define("case-due", core="after escalate")
CASE_TRANSITION = define("case-transition", core="from to by if approval")
CASE_APPROVAL = define(
    "case-approval",
    core="users groups attributes min-count four-eyes",
    aliases={"user-groups": "groups", "minimum-count": "min-count", "block-executor": "four-eyes"},
)
CASE_DECISION = define("case-decision", core="description values by")
CASE_HOLDS = define("case-holds", core="place release")
CASE_EXCEPTIONS = define("case-exceptions", core="resolve")
