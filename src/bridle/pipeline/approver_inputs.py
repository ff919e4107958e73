"""What an approval asks its approvers to fill in.

Rules
  1. A mapping of names, or the older list whose items carry their `name`; both become one mapping.
  2. A name is one that an expression can look up. A pattern must be a regular expression of the engine that is linear in
     time (core.patterns), a default one of the choices. A list of choices is not empty.
  3. `multi-select` is for a list of choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridle.core.canonical import Json
from bridle.core.patterns import compile_pattern, matches_whole
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Node, Sequence
from bridle.pipeline.vocabulary import APPROVER_INPUT

_NAME = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)


def read_approver_inputs(details: Fields) -> dict[str, Json]:
    """Return the declared inputs by name, in the order of the file."""
    found: dict[str, Json] = {}
    for name, body in _list_inputs(details):
        if not _NAME.fullmatch(name):
            hint = "use letters, digits and _, not starting with a digit"
            body.refuse(f"{name[:80]!r} is no name of an input", reason="bad-input-name", hint=hint)
        elif name in found:
            body.refuse(f"{name!r} is declared twice", reason="duplicate-key", hint="keep one of them")
        else:
            found[name] = _read_input(name, body)
    return found


def _list_inputs(details: Fields) -> Iterator[tuple[str, Fields]]:
    node = details.get("inputs")
    if isinstance(node, Sequence):
        for item in node.items:
            body = open_fields(item, APPROVER_INPUT, findings=details.findings)
            if body is not None:
                yield body.required_text("name"), body
        return
    for name, value in details.entries("inputs"):
        body = open_fields(value, APPROVER_INPUT, findings=details.findings)
        if body is not None:
            yield name.text, body


def _read_input(name: str, body: Fields) -> dict[str, Json]:
    choices, pattern = body.texts("enum"), body.text("pattern")
    default = ",".join(body.texts("default")) if body.has("default") else None
    many = body.flag("multi-select", default=False)
    if body.has("enum") and not choices:
        body.refuse(f"{name!r} has no choices", reason="empty-enum", hint="name some, or take enum out")
    elif many and not choices:
        body.refuse(f"{name!r} has nothing to select from", reason="missing-key:enum", hint="add enum: […]")
    if pattern and not _is_pattern(pattern):
        at: Node | None = body.get("pattern")
        hint = "write one that the whole value has to match, without look-around and back references"
        body.refuse(
            f"the pattern of {name!r} is no regular expression that is used here",
            reason="bad-pattern",
            hint=hint,
            at=at.place if at else None,
        )
    elif default is not None and not _is_allowed(default, choices, pattern, many=many):
        body.refuse(
            f"the default of {name!r} is not allowed", reason="bad-default", hint="change one of them"
        )
    return {
        "description": body.text("description"),
        "required": body.flag("required", default=False),
        "default": default,
        "enum": list(choices),
        "pattern": pattern or None,
        "multi_select": many,
    }


def _is_pattern(text: str) -> bool:
    try:
        compile_pattern(text)
    except ValueError:
        return False
    return True


def _is_allowed(default: str, choices: tuple[str, ...], pattern: str, *, many: bool) -> bool:
    parts = default.split(",") if many else [default]
    fits = all(part in choices for part in parts) if choices else True
    return fits and (not pattern or all(matches_whole(pattern, part) for part in parts))
