"""Circles of waits: executions that each hold a key which another of them wants. Pure: tickets in, a circle out.

Rules
  1. Who stands in line waits for every ticket before its own, but for those whose region it is in itself.
  2. A ticket is given back when its region ends, so after everything in that region which stands in line somewhere has had its
     turn. A chained pipeline and a rollback are in the region that began them.
  3. Every one of these waits has to be over before the next is, so a circle of them never ends by itself.
  4. The line of a pipeline with `concurrency: 1` is a line like that of a lock: who was admitted holds it for the whole
     execution. One that admits several is not looked at: any of them may make room.
  5. The youngest step gives way: of several executions the one that came last, within one the step that asked last.
     Everybody who looks finds the same one. A place in the line of a pipeline is nobody's step.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Origins: TypeAlias = Mapping[str, tuple[str, str]]
"""Which execution began an execution, and at which path; nothing for one that somebody started."""


@dataclass(frozen=True)
class Ticket:
    """A place in the line of a lock. `arrived` counts executions, `number` tickets, each in the order they came.

    In the line of a pipeline it has no path: the execution itself stands there.
    """

    name: str
    execution: str
    path: str
    region: str
    number: int
    held: bool
    arrived: int

    @property
    def age(self) -> tuple[int, int]:
        """Sorts tickets from the oldest to the youngest."""
        return self.arrived, self.number


def find_circle(asking: Ticket, tickets: Sequence[Ticket], origins: Origins) -> list[Ticket]:
    """Return the tickets that wait for one another in a circle, from `asking` on; none when there is no such circle."""
    waits = _Waits(tickets, origins)
    came_by: dict[Ticket, Ticket | None] = {asking: None}
    left = deque([asking])
    while left:
        one = left.popleft()
        for other in waits.has_to_follow(one):
            if other == asking:
                return _trace(one, came_by)
            if other not in came_by:
                came_by[other] = one
                left.append(other)
    return []


class _Waits:
    """Who waits for whom: the lines of the locks, and by execution what stands in line in it or below it."""

    def __init__(self, tickets: Sequence[Ticket], origins: Origins) -> None:
        self._origins = origins
        self._lines: dict[str, list[Ticket]] = defaultdict(list)
        self._waiting: dict[str, list[tuple[str, Ticket]]] = defaultdict(list)
        for ticket in sorted(tickets, key=lambda one: one.number):
            self._lines[ticket.name].append(ticket)
            for execution, path in () if ticket.held else self._places(ticket):
                self._waiting[execution].append((path, ticket))

    def has_to_follow(self, one: Ticket) -> Iterator[Ticket]:
        """Yield the tickets that have to have had their turn before this one can have its own."""
        inside = dict(self._places(one))
        for before in self._lines[one.name]:
            if before.number >= one.number:
                return
            if not (before.execution in inside and is_inside(inside[before.execution], before.region)):
                yield from (
                    other for path, other in self._waiting[before.execution] if is_inside(path, before.region)
                )

    def _places(self, ticket: Ticket) -> Iterator[tuple[str, str]]:
        return list_places(ticket.execution, ticket.path, self._origins)


def find_youngest(circle: Sequence[Ticket]) -> Ticket:
    """Return the one that gives way."""
    return max((one for one in circle if one.path), key=lambda one: one.age)


def list_places(execution: str, path: str, origins: Origins) -> Iterator[tuple[str, str]]:
    """Yield where a step stands: in its own execution, and in those that it belongs to."""
    yield execution, path
    while execution in origins:
        execution, path = origins[execution]
        yield execution, path


def is_inside(path: str, region: str) -> bool:
    """True when a path is in the region that a lock is for; an empty one is the whole execution."""
    return not region or path == region or path.startswith(f"{region}/")


def _trace(last: Ticket, came_by: Mapping[Ticket, Ticket | None]) -> list[Ticket]:
    found: list[Ticket] = []
    one: Ticket | None = last
    while one is not None:
        found.append(one)
        one = came_by[one]
    return found[::-1]
