"""The body of a step to the plan's `with_`: one function for each kind that is executed.

Rules
  1. What a step uses (an agent, a tool) is written out: no expression may choose it.
  2. A shell, a kind of report or of ref that isn't executed is refused, never replaced by another.
  3. `uses` and `with` beside an empty `agent:` or `approval:` are read as its own, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.agent_steps import read_agent
from bridle.pipeline.approvals import read_approval
from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.criteria import CUSTOM, read_custom
from bridle.pipeline.exported import SCOPES
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Node, Scalar, Sequence, to_json
from bridle.pipeline.plugins import plugin_environment
from bridle.pipeline.vocabulary import (
    AGENT,
    APPROVAL,
    BACKGROUND,
    BARRIER,
    CLONE,
    DOWNLOAD,
    EVIDENCE,
    OUTPUT,
    OUTPUT_ALIAS,
    POLICY,
    QUEUE,
    REF,
    REPORT,
    RUN,
    TOOL,
    WAIT,
    Noun,
)

EXHIBITS = ("sarif", "junit", "cyclonedx", "spdx", "openvex", "slsa")
SHELLS = ("sh", "bash", "python")
_LATER_SHELLS = ("powershell", "pwsh")
REFS = {
    "branch": "branch",
    "tag": "tag",
    "commit": "commit",
    "sha": "commit",
    "pull-request": "pull_request",
    "merge-request": "pull_request",
}
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_TOOL = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9_-]*)+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONNECTOR = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_BELOW = re.compile(r"(?!\.{1,2}(?:/|$))[\w.-]+(?:/(?!\.{1,2}(?:/|$))[\w.-]+)*", re.ASCII)
_KEY = re.compile(r"[A-Za-z_][\w-]{0,127}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)


def read_body(kind: str, node: Node, step: Fields) -> dict[str, Json]:
    """Return the normalised body of a step of `kind`; empty, with complaints, when it can't be read."""
    noun, scalar_key, read = _READERS[kind]
    if _is_short(node, scalar_key):
        body: Fields | None = Fields(noun, node.place, {scalar_key: node}, step.findings)
    elif isinstance(node, Scalar) and node.value is None:
        body = _adopt_siblings(kind, noun, node, step=step)
    else:
        body = open_fields(node, noun, findings=step.findings)
    return read(body) if body is not None else {}


def _is_short(node: Node, key: str) -> bool:
    """True for a body that is the value of its one key: text, and of a script its lines as well."""
    if isinstance(node, Sequence):
        return key == "script"
    return bool(key) and isinstance(node, Scalar) and node.value is not None


def _adopt_siblings(kind: str, noun: Noun, node: Node, *, step: Fields) -> Fields:
    """Take `uses` and `with` from the step, where a missing indent has put them."""
    found: dict[str, Node] = {
        key: step.nodes[key] for key in ("uses", "with") if key in step.nodes and key in noun.marks
    }
    if found:
        step.findings.note(
            node.place, f"misplaced-uses: 'uses' and 'with' beside {kind!r} are read as its own"
        )
    return Fields(noun, node.place, found, step.findings)


def _read_background(body: Fields) -> dict[str, Json]:
    """A script that is not waited for has no outputs and no report: nobody could read them when it ends."""
    return {
        "script": _read_script(body),
        "shell": _read_shell(body),
        "env": dict(body.variables("env")),
        **_read_with(body),
    }


def _read_shell(body: Fields) -> str:
    shell = body.text("shell", "sh")
    if shell in _LATER_SHELLS:
        body.findings.refuse_later(body.place, f"shell-{shell}", hint=f"use one of {', '.join(SHELLS)}")
    elif shell not in SHELLS:
        hint = suggest(shell, SHELLS, otherwise=f"use one of {', '.join(SHELLS)}")
        body.refuse(f"{shell!r} is no shell", reason="unknown-shell", hint=hint)
    return shell


def _read_run(body: Fields) -> dict[str, Json]:
    for node in body.items("download"):
        _refuse_download(node, body)
    return {
        "script": _read_script(body),
        "shell": _read_shell(body),
        "report": _read_report(body),
        "env": dict(body.variables("env")),
        "output": [
            output
            for output in (_read_output(node, body.findings) for node in body.items("output"))
            if output
        ],
        **_read_evidence(body),
        **_read_with(body),
        **_read_output_alias(body),
    }


def _read_evidence(body: Fields) -> dict[str, Json]:
    """Return the files that the step hands in as evidence."""
    opened = (open_fields(node, EVIDENCE, findings=body.findings) for node in body.items("evidence"))
    exhibits: list[Json] = []
    for item in filter(None, opened):
        type_ = item.required_text("type").lower()
        if type_ and type_ not in EXHIBITS:
            hint = suggest(type_, EXHIBITS, otherwise=f"use one of {', '.join(EXHIBITS)}")
            item.refuse(
                f"evidence of type {type_!r} is not read", reason=f"unsupported-evidence:{type_}", hint=hint
            )
        exhibits.append({"type": type_, "path": item.required_text("path"), "subject": item.text("subject")})
    return {"evidence": exhibits} if exhibits else {}


def _read_with(body: Fields) -> dict[str, Json]:
    """Return what becomes PLUGIN_* variables; a name that can't be one is refused here, values are rendered when it runs."""
    with_ = body.values("with")
    for name in with_:
        try:
            plugin_environment({name: ""})
        except InputError as exc:
            body.refuse(exc.what, reason=exc.reason, hint=exc.hint, at=body.nodes["with"].place)
    return {"with": with_} if with_ else {}


def _refuse_download(node: Node, body: Fields) -> None:
    """Nothing is fetched: a command has no network, and what it is given has to be known by its digest."""
    download = open_fields(node, DOWNLOAD, findings=body.findings)
    if download is None:
        return
    if not download.text("checksum"):
        hint = "add checksum: sha256:…"
        download.refuse("what is downloaded is not pinned", reason="unpinned-download", hint=hint)
        return
    hint = "put the file into the repository, or save it as an artifact in an earlier step"
    body.findings.refuse_later(download.place, "download", hint=hint)


def _read_script(body: Fields) -> str:
    if isinstance(body.get("script"), Sequence):
        return "\n".join(body.texts("script"))
    return body.required_text("script")


def _read_report(body: Fields) -> Json:
    node = body.get("report")
    report = open_fields(node, REPORT, findings=body.findings) if node is not None else None
    if report is None:
        return None
    type_ = report.text("type", "junit").lower()
    if type_ != "junit":
        what = f"reports of type {type_!r} are not read"
        report.refuse(what, reason=f"unsupported-report:{type_}", hint="use type: junit")
    paths = list(report.texts("path"))
    if not all(paths) or not paths:
        report.refuse(
            "a report needs 'path'", reason="missing-key:path", hint="write a glob, such as out/*.xml"
        )
    return {"type": "junit", "path": paths[0] if len(paths) == 1 else paths}


def _read_output(node: Node, findings: Findings) -> Json:
    if isinstance(node, Scalar):
        output: Fields | None = Fields(OUTPUT, node.place, {"name": node}, findings)
    else:
        output = open_fields(node, OUTPUT, findings=findings)
    if output is None:
        return None
    name = output.required_text("name")
    alias = output.text("alias")
    for word in filter(None, (name, alias)):
        if not _VARIABLE.fullmatch(word):
            hint = "use letters, digits and _, not starting with a digit"
            output.refuse(f"{word!r} is no name of an output", reason="bad-output-name", hint=hint)
    return {"name": name, "alias": alias or None, "mask": output.flag("mask", default=False)}


def _read_output_alias(body: Fields) -> dict[str, Json]:
    """Return under which key, and how far, the step's outputs are published beside their own path."""
    node = body.get("output-alias")
    alias = open_fields(node, OUTPUT_ALIAS, findings=body.findings) if node is not None else None
    if alias is None:
        return {}
    key = alias.required_text("key")
    if key and not _KEY.fullmatch(key):
        hint = "use letters, digits, _ and -, without expressions"
        alias.refuse(f"{key[:80]!r} is no key to publish under", reason="bad-output-key", hint=hint)
    word = alias.text("scope", "pipeline")
    scope = SCOPES.get(word.lower().replace("_", "").replace("-", ""))
    if scope is None:
        hint = "use Pipeline, Stage or StepGroup"
        alias.refuse(f"{word[:40]!r} is no scope", reason="bad-scope", hint=hint)
    return {"output_alias": {"key": key, "scope": scope or "pipeline"}}


def _read_clone(body: Fields) -> dict[str, Json]:
    node = body.get("ref")
    ref = open_fields(node, REF, findings=body.findings) if node is not None else None
    if body.flag("disabled", default=False) or not body.flag("enabled", default=True):
        body.refuse(
            "a clone step is not disabled here",
            reason="misplaced-disabled",
            hint="write disabled: true on the step",
        )
    if body.flag("persist-credentials", default=False):
        hint = "leave it out: what is cloned by a connector is pushed by it, and no step sees its credentials"
        body.refuse(
            "credentials don't stay in a workspace",
            reason="credentials-in-workspace",
            hint=hint,
            at=body.nodes["persist-credentials"].place,
        )
    found: dict[str, Json] = {
        "repo": _read_repository(body),
        "ref": _read_ref(ref) if ref else None,
    }
    if body.has("depth"):
        found["depth"] = body.count("depth", default=1)
    if body.has("path"):
        found["path"] = body.text("path")
    if body.has("sparse-checkout"):
        found["folders"] = _read_folders(body)
    if body.text("submodules", "false").lower() not in ("false", ""):
        found["submodules"] = _read_submodules(body, ref)
    return found


def _read_repository(body: Fields) -> str:
    """Return the repository as everybody names it; its address behind a connector is the delegate's to know."""
    repo, connector = body.required_text("repo"), body.text("connector")
    if not connector:
        return repo
    if not _CONNECTOR.fullmatch(connector):
        hint = (
            "write its name as the delegate's connectors.yaml has it: lower-case letters, digits and dashes"
        )
        body.refuse(f"{connector[:40]!r} names no connector", reason="bad-connector", hint=hint)
    is_written = "<+" not in repo and "${{" not in repo
    if repo and is_written and not _BELOW.fullmatch(repo.strip("/")):
        hint = "write the path below the connector's address: group/name"
        body.refuse(f"{repo[:80]!r} is no path below a connector", reason="bad-repository", hint=hint)
    return f"connector:{connector}/{repo.strip('/')}"


def _read_submodules(body: Fields, ref: Fields | None) -> bool:
    if body.text("submodules").lower() not in ("true", "recursive"):
        body.refuse("'submodules' is true or false", reason="wrong-shape", hint="write submodules: true")
    if ref is not None and REFS.get(_kind_of_ref(ref)) == "pull_request":
        hint = "leave submodules out: who proposes a change would choose what is fetched"
        body.refuse(
            "a pull request is cloned without submodules", reason="submodules-of-a-proposal", hint=hint
        )
    return True


def _kind_of_ref(ref: Fields) -> str:
    return ref.text("type", "branch").lower().replace("_", "-")


def _read_folders(body: Fields) -> list[Json]:
    """Folders, as git's own sparse checkout takes them by default; a pattern would say what is left out only to git."""
    folders = [text.strip().strip("/") for text in body.texts("sparse-checkout")]
    odd = [text for text in folders if not text or set(text) & set("*?[!\\") or ".." in text.split("/")]
    if odd or not folders:
        hint = "write folders, such as [src, docs/guide]; the files above them come along"
        body.refuse("'sparse-checkout' takes folders, no patterns", reason="sparse-pattern", hint=hint)
    return [*folders]


def _read_ref(ref: Fields) -> Json:
    word = _kind_of_ref(ref)
    type_, hint = REFS.get(word), f"use one of {', '.join(REFS)}"
    if type_ is None:
        ref.refuse(f"{word!r} is no kind of ref", reason="unknown-ref", hint=hint)
    if type_ == "pull_request":
        return {"type": type_, "name": _read_pull_request(ref)}
    name = ref.required_text("name")
    if type_ == "commit" and name and not _COMMIT.fullmatch(name) and "<+" not in name and "${{" not in name:
        hint = "write all 40 digits: a shorter id may come to mean another commit"
        ref.refuse(f"{name[:80]!r} is no commit", reason="bad-commit", hint=hint)
    return {"type": type_ or "branch", "name": name}


def _read_pull_request(ref: Fields) -> str:
    """`number`, and as `name` which of its two commits: what it proposes (head), or what merging it comes to."""
    number, which = ref.required_text("number"), ref.text("name", "head")
    if number and not _NUMBER.fullmatch(number) and "<+" not in number and "${{" not in number:
        hint = "write its number: 12"
        ref.refuse(f"{number[:40]!r} is no pull request", reason="bad-number", hint=hint)
    if which not in ("head", "merge"):
        hint = "write name: head, name: merge, or leave it out"
        ref.refuse(f"a pull request has no {which[:40]!r}", reason="unknown-ref", hint=hint)
    return f"{number}/{which}"


def _read_approval(body: Fields) -> dict[str, Json]:
    if body.text("uses") != CUSTOM:
        return read_approval(body)
    node = body.get("run")
    if node is None:
        hint = "add run: with the script whose outputs decide"
        body.refuse("a custom approval needs 'run'", reason="missing-key:run", hint=hint)
    run = read_body("run", node, body) if node is not None else {}
    return {"uses": CUSTOM, "with": read_custom(body), "run": run}


def _read_tool(body: Fields) -> dict[str, Json]:
    uses = body.required_text("uses")
    if uses and not _TOOL.fullmatch(uses):
        hint = "write family.verb, such as git.push, without expressions"
        body.refuse(f"{uses[:80]!r} names no tool", reason="bad-uses", hint=hint)
    return {"uses": uses, "with": body.values("with")}


def _read_wait(body: Fields) -> dict[str, Json]:
    if not body.has("duration"):
        body.refuse("wait needs 'duration'", reason="missing-key:duration", hint="write duration: 10m")
    return {"duration_s": body.duration_s("duration")}


def _read_barrier(body: Fields) -> dict[str, Json]:
    """How many have to arrive is counted over the whole plan, later."""
    return {"name": body.required_text("name")}


def _read_queue(body: Fields) -> dict[str, Json]:
    scope = body.text("scope", "pipeline").lower()
    if scope not in ("pipeline", "stage"):
        body.refuse(f"{scope[:40]!r} is no scope", reason="bad-scope", hint="use pipeline or stage")
    return {"key": body.required_text("key"), "scope": scope}


def _read_policy(body: Fields) -> dict[str, Json]:
    node = body.get("payload")
    return {"sets": list(body.texts("sets")), "payload": to_json(node) if node is not None else None}


_READERS: dict[str, tuple[Noun, str, Callable[[Fields], dict[str, Json]]]] = {
    "run": (RUN, "script", _read_run),
    "background": (BACKGROUND, "script", _read_background),
    "clone": (CLONE, "", _read_clone),
    "agent": (AGENT, "", read_agent),
    "approval": (APPROVAL, "", _read_approval),
    "tool": (TOOL, "", _read_tool),
    "wait": (WAIT, "duration", _read_wait),
    "barrier": (BARRIER, "name", _read_barrier),
    "queue": (QUEUE, "key", _read_queue),
    "policy": (POLICY, "", _read_policy),
}
