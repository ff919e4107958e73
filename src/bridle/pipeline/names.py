"""Ids of pipelines, stages and steps.

Rules
  1. An id is letters, digits, `_` and `-`. Without one it is the name in lower case with all but letters and digits removed;
     without a name, `stage_1`, `step_1` by position.
  2. Two nodes of one scope with the same id are refused, and so is one that looks like a cell (`x_0`) of another (`x`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.fields import Fields
from bridle.pipeline.tree import AnyNode, scope_of

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}", re.ASCII)
_CELL = re.compile(r"(.+)_(\d{1,9})", re.ASCII)


def read_names(fields: Fields, otherwise: str) -> tuple[str, str]:
    """Return id and name; `otherwise` serves where there is neither."""
    given, name = fields.text("id"), fields.text("name")
    if given and not _ID.fullmatch(given):
        hint = "use letters, digits, _ and -, at most 128"
        fields.refuse(f"{given[:80]!r} is no id", reason="bad-id", hint=hint, at=fields.nodes["id"].place)
    id_ = given or re.sub(r"[^a-z0-9]", "", name.lower())[:128] or otherwise
    return id_, name or id_


def refuse_duplicates(noun: str, nodes: Iterable[AnyNode], *, findings: Findings) -> None:
    """Complain about every id that is used twice in one scope."""
    seen: dict[str, AnyNode] = {}
    for node in scope_of(tuple(nodes)):
        place = place_of(node)
        if node.id in seen:
            what = f"the {noun} id {node.id!r} is already used in line {place_of(seen[node.id]).line}"
            findings.refuse(place, what, reason="duplicate-id", hint="give one of them another id")
        seen.setdefault(node.id, node)
    for node in seen.values():
        match = _CELL.fullmatch(node.id)
        base = seen.get(match.group(1)) if match else None
        if base is not None and base.strategy is not None:
            what = f"{node.id!r} would be a cell of {base.id!r}"
            findings.refuse(place_of(node), what, reason="duplicate-id", hint="give one of them another id")


def place_of(node: AnyNode) -> Place:
    """Return where in the file a node begins."""
    source, line, column = node.place.rsplit(":", 2)
    return Place(source, int(line), int(column))
