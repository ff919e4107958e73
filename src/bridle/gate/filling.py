"""What the fact `limits` says: how full each limit would be with an action, what that refuses, and what it asks.

Rules
  1. A full limit refuses, or asks a person where it says so.
  2. What nobody can tell of is refused; a file of limits that cannot be read refuses everything.

Pure; `gate.limits` says what a limit is.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from bridle.core.canonical import Json
from bridle.gate.limits import FULL, NOT_KNOWN, Counts, Use
from bridle.gate.manifest import Manifest
from bridle.trust.policy import Finding

Facts: TypeAlias = Mapping[str, Json]


def describe_use(use: Use, total: Decimal | None) -> dict[str, Json]:
    """Return one entry of the fact; `total` is what the limit comes to with the action, None when nobody can tell."""
    limit = use.limit
    return {
        "limit": limit.name,
        "rule": limit.rule,
        "per": str(limit.per),
        "group": use.group,
        "counts": str(limit.counts),
        "with_this": None if total is None else f"{total:f}",
        "most": f"{limit.most:f}",
        "within_s": None if limit.within is None else int(limit.within.total_seconds()),
        "then": limit.then,
        "full": None if total is None else total > limit.most,
    }


def refuse_full(facts: Facts, manifest: Manifest) -> list[Finding]:
    """Return what the limits refuse in code: full ones, and those of which nobody can tell."""
    limits = facts.get("limits")
    if not isinstance(limits, (list, tuple)):
        if "limits" not in facts and not manifest.effect.lasts:
            return []
        return [
            Finding(
                NOT_KNOWN, "What the limits are is not known, so nothing is done: bridle doctor says why."
            )
        ]
    return [finding for entry in limits if (finding := _refusal(entry)) is not None]


def full_asking(facts: Facts) -> list[str]:
    """Return the names of the full limits that ask a person."""
    return [str(entry.get("limit")) for entry in _asking(facts)]


def ask_about_full(facts: Facts) -> tuple[Finding, ...]:
    """Return the questions that full limits put to a person."""
    return tuple(Finding(FULL, _tell(entry)) for entry in _asking(facts))


def _asking(facts: Facts) -> list[Mapping[str, Json]]:
    limits = facts.get("limits")
    entries = limits if isinstance(limits, (list, tuple)) else ()
    return [
        entry
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("then") == "ask" and entry.get("full") is True
    ]


def _refusal(entry: Json) -> Finding | None:
    if not isinstance(entry, Mapping):
        return Finding(NOT_KNOWN, "What this takes of a limit is not known, so it is not done.")
    if entry.get("with_this") is None or not isinstance(entry.get("full"), bool):
        what = f"what it takes of the limit {entry.get('limit')} is not known"
        return Finding(NOT_KNOWN, f"This cannot be counted: {what}. So it is not done.")
    if not entry["full"] or entry.get("then") == "ask":
        return None
    return Finding(str(entry.get("rule")), _tell(entry))


def _tell(entry: Mapping[str, Json]) -> str:
    within = entry.get("within_s")
    span = f" within {_show_span(within)}" if isinstance(within, int) else ""
    return (
        f"The limit {entry.get('limit')} is full: with this there would be {entry.get('with_this')} {_name_unit(entry)}{span} "
        f"for {entry.get('per')} {entry.get('group')}".rstrip()
        + f", and {entry.get('most')} is the most. Nothing more can be done of it now."
    )


def _name_unit(entry: Mapping[str, Json]) -> str:
    """Return what is counted, in words."""
    return "US dollars for models" if entry.get("counts") == Counts.COST else str(entry.get("counts"))


def _show_span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
