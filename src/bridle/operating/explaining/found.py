"""The records that an explanation is made from, and how their parts are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.trust.journal import Kind, Record

REGISTRY = (Kind.PRINCIPAL_REGISTERED, Kind.PRINCIPAL_CHANGED, Kind.KEY_ROTATED)
BACKGROUND = (
    *REGISTRY,
    Kind.OVERRIDE_OPENED,
    Kind.OVERRIDE_CLOSED,
    Kind.DEPUTY_NAMED,
    Kind.DEPUTY_DISMISSED,
)  # what an action may rest on and is recorded elsewhere
REMOVALS = (Kind.HISTORY_REMOVED, Kind.VALUES_ERASED)


@dataclass(frozen=True)
class Found:
    """The records that an explanation is made from, each part in the journal's order.

    `stream` is the execution or session of the action, `above` those that it belongs to, the nearest first, `registry` what was
    recorded about principals, keys, overrides and deputies, `texts` the policy texts that were kept.
    """

    key: str
    stream: Sequence[Record]
    above: Sequence[Sequence[Record]] = ()
    registry: Sequence[Record] = ()
    texts: Sequence[Record] = ()

    @property
    def about(self) -> list[Record]:
        """The records about the action itself."""
        return [record for record in self.stream if record.subject == self.key]


def step_of(decision: Record, facts: Mapping[str, Json]) -> str:
    """Return the step that an action is of; an older record has it in its key alone."""
    said = part(facts.get("action")).get("step")
    return str(said or decision.subject.partition("/")[2].partition("#")[0])


def find_last(records: Sequence[Record], kind: Kind) -> Record | None:
    """Return the last record of a kind."""
    return next((record for record in reversed(records) if record.kind is kind), None)


def part(value: Json) -> Mapping[str, Json]:
    """Return an object of a record, an empty one where an older record has none."""
    return value if isinstance(value, Mapping) else {}
