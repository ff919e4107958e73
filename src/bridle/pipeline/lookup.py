"""Paths into the context: every alias of the dialect comes down to one path, and the path to a value.

Rules
  1. A path is brought to its one form first (`canonical_path`): `pipeline.stages.S.spec.execution.steps.T.output.
     outputVariables.K` and `stages.S.steps.T.outputs.K` are the same path.
  2. A name is looked for as written, then in its snake_case and camelCase twin; ids also without underscores.
  3. What isn't there is MISSING, which evaluates to null and is reported.
  4. A secret is never looked up: it becomes a placeholder, text that only the delegate can turn into the value.
     Text from elsewhere that looks like a placeholder is refused, so that data can't ask for a secret. Roots in
     `VETTED` were already searched for it when they were made (inputs when they were resolved, env when rendered).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bridle.core.canonical import Json

MARKER = "<<secret:"
VETTED = frozenset({"inputs", "env"})

_ROOT_NAMES = (
    "inputs matrix for strategy split group step_group steps stages stage step pipeline trigger codebase service"
    " infrastructure env artifact manifests secrets variable account org project rollback"
)
KNOWN_ROOTS: Final = frozenset(_ROOT_NAMES.split())
_ROOT_TWINS = {
    "environment": "env",
    "infra": "infrastructure",
    "secret": "secrets",
    "stepGroup": "step_group",
}
_MEMBER_TWINS: dict[str, dict[str, tuple[str, ...]]] = {
    "pipeline": {
        "identifier": ("id",),
        "executionId": ("execution_id",),
        "sequenceId": ("seq_id",),
        "executionUrl": ("execution_url",),
        "triggeredBy": ("triggered_by",),
    },
    "trigger": {"prNumber": ("pull_request", "id")},
    "codebase": {"commitSha": ("sha",)},
}
_SEGMENT_TWINS = {"identifier": "id", "connectorRef": "connector", "currentStatus": "status"}
_OUTPUTS = ("output", "outputs")


class Missing:
    """The value of a path that leads nowhere."""


MISSING: Final = Missing()


class SecretPlaceholder(str):
    """The text that stands for a secret until the delegate replaces it; never the value."""

    __slots__ = ()

    @classmethod
    def name(cls, secret_id: str) -> SecretPlaceholder:
        """Return the placeholder of the secret `secret_id`."""
        return cls(f"{MARKER}{secret_id}>>")


def is_secret_name(name: str) -> bool:
    """True for what may stand in a placeholder: letters, digits and `_ . -`."""
    return re.fullmatch(r"[A-Za-z0-9_.-]{1,256}", name, re.ASCII) is not None


def holds_marker(value: Json) -> bool:
    """True when some text in `value` looks like the placeholder of a secret."""
    if isinstance(value, str):
        return MARKER in value
    if isinstance(value, Mapping):
        return any(holds_marker(key) or holds_marker(item) for key, item in value.items())
    return isinstance(value, Sequence) and any(holds_marker(item) for item in value)


def canonical_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one form of `path`."""
    if path[0] == "pipeline" and len(path) > 1 and path[1] in ("stages", "inputs"):
        path = path[1:]
    if path[:2] == ("artifacts", "primary"):
        return ("artifact", *path[2:])
    root = _ROOT_TWINS.get(path[0], path[0])
    rest = path[1:]
    if root not in KNOWN_ROOTS and rest and rest[0] in _OUTPUTS:
        return _name_outputs(("steps", root), rest)  # the bare form, ID.output.K
    if root in _MEMBER_TWINS and rest:
        return (root, *_MEMBER_TWINS[root].get(rest[0], (rest[0],)), *rest[1:])
    if root == "stages":
        return _canonical_stage(path)
    return _name_outputs((root, *rest[:1]), rest[1:]) if root == "steps" else (root, *rest)


def _canonical_stage(path: tuple[str, ...]) -> tuple[str, ...]:
    head, rest = path[:2], list(path[2:])
    while rest and rest[0] in ("spec", "execution"):
        rest.pop(0)
    if len(rest) < 2 or rest[0] != "steps":
        return _name_outputs(head, tuple(rest))
    tail = rest[2:]
    while tail and tail[0] == "spec":
        tail.pop(0)
    return _name_outputs((*head, "steps", rest[1]), tuple(tail))


def _name_outputs(head: tuple[str, ...], rest: tuple[str, ...]) -> tuple[str, ...]:
    if not rest:
        return head
    if rest[0] not in _OUTPUTS:
        return (*head, _SEGMENT_TWINS.get(rest[0], rest[0]), *rest[1:])
    below = rest[2:] if rest[1:2] == ("outputVariables",) else rest[1:]
    return (*head, "output", *below)


def find(context: Json, path: tuple[str, ...]) -> Json | Missing:
    """Return what `path` (in its one form) leads to."""
    value = context
    for index, name in enumerate(path):
        is_id = index > 0 and path[index - 1] in ("steps", "stages")
        found = _find_member(value, name, is_id=is_id)
        if isinstance(found, Missing):
            return MISSING
        value = found
    return value


def _find_member(value: Json, name: str, *, is_id: bool) -> Json | Missing:
    if isinstance(value, Mapping):
        key = match_name(name, value, is_id=is_id)
        return MISSING if key is None else value[key]
    if isinstance(value, Sequence) and not isinstance(value, str) and name.isascii() and name.isdigit():
        index = int(name) if len(name) < 8 else len(value)
        return value[index] if index < len(value) else MISSING
    return MISSING


def match_name(name: str, known: Mapping[str, object], *, is_id: bool) -> str | None:
    """Return the key of `known` that `name` reaches: as written, else its twin; None when there is none."""
    if name in known:
        return name
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    camel = re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)
    twins = (snake, camel, name.replace("_", "")) if is_id else (snake, camel)
    return next((twin for twin in twins if twin in known), None)
