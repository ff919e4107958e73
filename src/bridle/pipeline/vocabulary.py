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
    """One kind of mapping. `aliases` maps other words for a key to the one in `marks`."""

    name: str
    marks: Mapping[str, Mark]
    reasons: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


def define(
    name: str,
    *,
    core: str = "",
    later: str = "",
    noted: str = "",
    refused: Mapping[str, str] | None = None,
    aliases: Mapping[str, str] | None = None,
) -> Noun:
    """Make a noun from words separated by blanks; `refused` maps a key to its reason."""
    marks = {
        **dict.fromkeys(core.split(), Mark.CORE),
        **dict.fromkeys(later.split(), Mark.LATER),
        **dict.fromkeys(noted.split(), Mark.NOTED),
        **dict.fromkeys(refused or {}, Mark.REFUSED),
    }
    return Noun(name, marks, refused or {}, aliases or {})


@lru_cache(maxsize=4096)
def spell(key: str) -> str:
    """Return the kebab-case spelling of `key`: `onFailure`, `on_failure` and `on-failure` are one word."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", key).lower().replace("_", "-")


KINDS = ("run", "clone", "agent", "approval", "tool", "wait")
_LATER_KINDS = "group parallel template barrier queue policy background"
_NAMES = {"identifier": "id", "desc": "description"}
_TEXTS = "id name description"

ROOT = define(
    "document",
    core="version pipeline",
    later=(
        "template agent action service environment infrastructure inputset kind spec inputs trigger freeze connector"
        " name on jobs defaults env concurrency permissions policy scorecard"
    ),
)
PIPELINE = define(
    "pipeline",
    core=f"{_TEXTS} inputs env stages",
    later=(
        "if on repo clone delegate barriers concurrency permissions service environment jobs status timeout default"
        " notifications template on-failure allow-stage-executions fixed-inputs-on-rerun"
    ),
    noted="tags",
    refused={"generate": "dynamic-pipeline"},
    aliases=_NAMES,
)
STAGE = define(
    "stage",
    core=f"{_TEXTS} if steps on-failure env",
    later=(
        "group parallel template approval chain action deploy build test chaos idp iacm sto disabled inputs variables"
        " outputs needs delegate runtime platform workspace clone volumes shared-paths service environment rollback"
        " timeout strategy concurrency permissions status"
    ),
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
    core=f"{_TEXTS} if on-failure timeout env uses with {' '.join(KINDS)}",
    later=f"needs strategy enforce delegate disabled status inputs permissions outputs {_LATER_KINDS}",
    refused={
        "run-test": "test-intelligence",
        "change-advisor": "unsupported-step:change-advisor",
        "upload": "unsupported-step:upload",
        "step": "v0-pipeline",
    },
    aliases={**_NAMES, "output": "outputs", "exports": "outputs"},
)
RUN = define(
    "run",
    core="script shell report env output",
    later="container with output-alias download delegate",
    aliases={"outputs": "output", "exports": "output", "reports": "report"},
)
REPORT = define("report", core="type path", aliases={"paths": "path"})
OUTPUT = define("output", core="name alias mask")
CLONE = define(
    "clone",
    core="repo ref",
    later="connector depth path sparse-checkout submodules disabled enabled",
    refused={"persist-credentials": "credentials-in-workspace"},
    aliases={"clonedir": "path", "repository": "repo"},
)
REF = define("ref", core="type name", later="number")
AGENT = define(
    "agent",
    core="uses with model",
    later="container env task max-turns rules skills mcp-servers tools inputs permissions",
)
TOOL = define("tool", core="uses with")
WAIT = define("wait", core="duration")
APPROVAL = define("approval", core="uses with", later="run")
APPROVAL_WITH = define(
    "approval.with",
    core="message for groups users timeout min-count block-executor self-approval approvers",
    later="service-accounts auto-reject auto-approve auto-approval timezone deadline comments callback inputs",
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
        "approver-inputs": "inputs",
    },
)
APPROVERS = define(
    "approvers",
    core="users groups minimum block-executor",
    aliases={
        "user-groups": "groups",
        "minimum-count": "minimum",
        "disallow-pipeline-executor": "block-executor",
    },
)
FAILURE = define("on-failure", core="errors action", later="retry", aliases={"error": "errors"})
INPUT = define(
    "input", core="type required default description enum", noted="ui", aliases={**_NAMES, "allowed": "enum"}
)
