"""Paths into the context: every alias of the dialect comes down to one path, and the path to a value.

Rules
  1. A path is brought to its one form first (`canonical_path`): `pipeline.stages.S.spec.execution.steps.T.output.
     outputVariables.K` and `stages.S.steps.T.outputs.K` are the same path.
  2. A name is looked for as written, then in its snake_case and camelCase twin; ids also without underscores.
     The only things asked of a mapping are `in` and `[…]`, so that it may load what is asked for, and only that.
  3. What isn't there is MISSING, which evaluates to null and is reported.
  4. A secret is never looked up: it becomes a placeholder, text that only the delegate can turn into the value.
     Text from elsewhere that looks like a placeholder is refused, so that data can't ask for a secret. Roots in
     `VETTED` were already searched for it when they were made (inputs when they were resolved, env when rendered).
  5. `steps.G.steps.X` leads into a group, at any depth. Below a step that is no group, `steps.NAME_1` is the long
     path of that step itself: what an agent's step expands to elsewhere.
  6. `id` of an input that is text is that text: a connector is given by its id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from bridle.core.canonical import Json

MARKER = "<<secret:"
KEPT_OUTPUT = "[secret-output:"  # begins what stands for a secret output: the delegate alone has its value
VETTED = frozenset({"inputs", "env"})

_ROOT_NAMES = (
    "inputs matrix for strategy split group step_group steps stages stage step pipeline trigger codebase service"
    " infrastructure env artifact manifests secrets variable account org project rollback exported_variables input"
)
KNOWN_ROOTS: Final = frozenset(_ROOT_NAMES.split())
_ROOT_TWINS = {
    "environment": "env",
    "infra": "infrastructure",
    "secret": "secrets",
    "stepGroup": "step_group",
    "exportedVariables": "exported_variables",
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
_SEGMENT_TWINS: dict[str, tuple[str, ...]] = {
    "identifier": ("id",),
    "connectorRef": ("connector",),
    "currentStatus": ("status",),
    "envGroupRef": ("group", "id"),
}
_RENAMED_ROOTS = frozenset(  # not `env`: what is below it may be a variable of the author's
    [
        "account",
        "org",
        "project",
        "stage",
        "step",
        "step_group",
        "stepGroup",
        "group",
        "strategy",
        "service",
        "environment",
        "infrastructure",
        "infra",
    ]
)
_EXPANDED_AGENT = re.compile(r"[A-Za-z0-9_.-]+_\d+", re.ASCII)
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

    @staticmethod
    def name_in(text: str) -> str:
        """Return the name in `text` when it is a whole placeholder, else `text` itself."""
        name = text.removeprefix(MARKER).removesuffix(">>")
        return name if text == f"{MARKER}{name}>>" and is_secret_name(name) else text


def is_secret_name(name: str) -> bool:
    """True for what may stand in a placeholder: letters, digits and `_ . -`, not beginning with `.` or `-`."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,255}", name, re.ASCII) is not None


def holds_marker(value: Json) -> bool:
    """True when some text in `value` looks like the placeholder of a secret."""
    if isinstance(value, str):
        return MARKER in value
    if isinstance(value, Mapping):
        return any(holds_marker(key) or holds_marker(item) for key, item in value.items())
    return isinstance(value, Sequence) and any(holds_marker(item) for item in value)


def canonical_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one form of `path`."""
    path = _strip_older(path)
    if path[:2] == ("artifacts", "primary"):
        return ("artifact", *path[2:])
    root = _ROOT_TWINS.get(path[0], path[0])
    rest = path[1:]
    if root not in KNOWN_ROOTS and rest and rest[0] in _OUTPUTS:
        return _name_step(("steps", root), rest)  # the bare form, ID.output.K
    if root in _MEMBER_TWINS and rest:
        return (root, *_MEMBER_TWINS[root].get(rest[0], (rest[0],)), *rest[1:])
    if root in ("stages", "steps"):
        return _name_step((root, *rest[:1]), rest[1:])
    return (root, *_rename(rest)) if path[0] in _RENAMED_ROOTS else (root, *rest)


def _strip_older(path: tuple[str, ...]) -> tuple[str, ...]:
    """Take off what only leads to the root of another generation's path."""
    if path[0] == "pipeline" and path[1:2] in (("stages",), ("inputs",)):
        return path[1:]
    for prefix in (("stage", "spec", "execution"), ("spec", "execution"), ("execution",)):
        if path[: len(prefix)] == prefix and path[len(prefix) : len(prefix) + 1] == ("steps",):
            return path[len(prefix) :]
    return path


def _name_step(head: tuple[str, ...], rest: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one form of what is below a stage, a group or a step: `head` is that one's path."""
    while rest:
        inner = next(
            (index for index, name in enumerate(rest) if name not in ("spec", "execution")), len(rest)
        )
        if rest[inner : inner + 1] != ("steps",) or len(rest) == inner + 1:
            break
        head, rest = (*head, "steps", rest[inner + 1]), rest[inner + 2 :]
    if rest[:1] == ("spec",) and head[-2:-1] == ("steps",):
        rest = rest[1:]
    if not rest or rest[0] not in _OUTPUTS:
        return (*head, *_rename(rest))
    below = rest[2:] if rest[1:2] == ("outputVariables",) else rest[1:]
    return (*head, "output", *below)


def _rename(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` with the first in its present spelling; what is below it may be the author's own."""
    return (*_SEGMENT_TWINS.get(names[0], (names[0],)), *names[1:]) if names else ()


def find(context: Json, path: tuple[str, ...]) -> Json | Missing:
    """Return what `path` (in its one form) leads to."""
    value, index = context, 0
    while index < len(path):
        name = path[index]
        is_id = index > 0 and path[index - 1] in ("steps", "stages")
        found = _find_member(value, name, is_id=is_id)
        if isinstance(found, Missing):
            if _is_expanded_agent(value, path, index):
                index += 2
                continue
            return value if _is_input_id(value, path, index) else MISSING
        value = found
        index += 1
    return value


def _is_expanded_agent(value: Json, path: tuple[str, ...], index: int) -> bool:
    """True at the inner `steps.NAME_1` of `steps.OUTER.steps.NAME_1`, where OUTER is a step with an output."""
    inner = path[index : index + 2]
    is_step = index >= 2 and path[index - 2] == "steps" and isinstance(value, Mapping) and "output" in value
    return is_step and inner[0] == "steps" and len(inner) == 2 and bool(_EXPANDED_AGENT.fullmatch(inner[1]))


def _is_input_id(value: Json, path: tuple[str, ...], index: int) -> bool:
    is_end = index == 2 == len(path) - 1 and path[0] == "inputs"
    return is_end and path[index] in ("id", "identifier") and isinstance(value, str)


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
    return next((twin for twin in _list_twins(name, is_id=is_id) if twin in known), None)


@lru_cache(maxsize=4096)
def _list_twins(name: str, *, is_id: bool) -> tuple[str, ...]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    camel = re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)
    return (snake, camel, name.replace("_", "")) if is_id else (snake, camel)
