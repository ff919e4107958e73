"""The `permissions` block: what a step's token may ask for at most.

    permissions: {file: [read, edit], command: run}      Bridle's own words, as the tools' manifests have them
    permissions: {code-repository: view, ai-llm-gateway: access}

Rules
  1. A block narrows: the token holds what the principal may do, what the initiator may do, and what the block names. Blocks of
     a pipeline, a stage, a group and a step all hold; none widens another.
  2. An unknown resource or verb is refused: a word that is passed over in silence is a right that somebody believes in.
  3. A block that takes away what its step cannot do without is refused when the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping as Table

from bridle.pipeline.complaint import suggest
from bridle.pipeline.fields import Fields
from bridle.pipeline.nodes import Mapping, Scalar, Sequence
from bridle.pipeline.vocabulary import spell

_READ = frozenset({"git:clone", "file:read"})
_CHANGE = _READ | {"file:edit", "git:commit"}
RIGHTS: Table[str, Table[str, frozenset[str]]] = {
    **{
        resource: {verb: frozenset({f"{resource}:{verb}"}) for verb in verbs.split()}
        for resource, verbs in {
            "artifact": "save load",
            "case": "open show move decide hold release note exception resolve escalate",
            "command": "run",
            "execution": "start",
            "file": "read edit",
            "git": "clone commit push",
            "model": "call",
            "server": "describe",
            "session": "open",
            "workspace": "use verify",
        }.items()
    },
    "pipeline": {verb: frozenset({"pipeline:continue"}) for verb in ("continue", "execute")},
    "code-repository": {"view": _READ, "edit": _CHANGE, "push": _CHANGE | {"git:push"}},
    "connector": {"access": frozenset({"git:clone"})},
    "ai-llm-gateway": {"access": frozenset({"model:call"})},
}
"""What a resource's verb lets a token ask for."""
NEEDED: Table[str, str] = {
    "run": "command:run",
    "background": "command:run",
    "clone": "git:clone",
    "agent": "model:call",
}
"""What a kind of step cannot do without."""


def read_permissions(fields: Fields) -> frozenset[str] | None:
    """Return what the block of a node names; None when it has none, or none that could be read."""
    entries = fields.entries("permissions")  # complains about a block that is none
    if not isinstance(fields.get("permissions"), Mapping):
        return None
    named: set[str] = set()
    is_whole = True
    for key, value in entries:
        resource = spell(key.text)
        verbs = RIGHTS.get(resource)
        if verbs is None:
            hint = suggest(resource, RIGHTS, otherwise=f"known: {', '.join(RIGHTS)}")
            what = f"there is no permission on {key.text!r}"
            fields.refuse(what, reason="unknown-permission", hint=hint, at=key.place)
            is_whole = False
            continue
        for item in value.items if isinstance(value, Sequence) else (value,):
            verb = item.text if isinstance(item, Scalar) else ""
            if verb in verbs:
                named |= verbs[verb]
            else:
                hint = suggest(verb, verbs, otherwise=f"known: {', '.join(verbs)}")
                what = f"{key.text!r} has no permission {verb!r}"
                fields.refuse(what, reason="unknown-permission", hint=hint, at=item.place)
                is_whole = False
    return frozenset(named) if is_whole else None


def check_permissions(kind: str, granted: frozenset[str] | None, fields: Fields) -> None:
    """Complain when a step's blocks leave out what it cannot do without."""
    needed = NEEDED.get(kind)
    if granted is not None and needed is not None and needed not in granted:
        resource, _, verb = needed.partition(":")
        hint = f"add {resource}: {verb}, or take the step out"
        what = f"the permissions around leave out {needed}, without which a {kind} step can do nothing"
        fields.refuse(what, reason="permission-missing", hint=hint)
