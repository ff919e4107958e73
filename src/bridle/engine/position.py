"""Where a run of the plan stands: a node, in which cells of strategies, in which attempts.

A path is the ids from the stage down, joined by `/`; cell `i` of `x` is `x_i`, attempt `n` (from 2) is `x~n`. Transparent
blocks have no part in it. A path is the name of a step run everywhere: in the journal, in keys of actions, in commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bridle.pipeline.failure import Levels
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED
from bridle.pipeline.tree import Address, AnyNode, Block

_ATTEMPT = re.compile(r"~\d+(?=/|$)")


@dataclass(frozen=True)
class Level:
    """One node on the way down: its own path, the cell it is (or None), and which attempt (from 1)."""

    node: AnyNode
    path: str
    cell: int | None
    attempt: int


@dataclass(frozen=True)
class Position:
    """A node of a plan in one of its cells and attempts. `marks` are (cell or -1, attempt) for each part of the address."""

    plan: Plan
    address: Address = ()
    marks: tuple[tuple[int, int], ...] = ()

    @cached_property
    def node(self) -> AnyNode:
        return self.plan.node(self.address)

    @cached_property
    def path(self) -> str:
        """Return the path; a transparent block has that of the scope it stands in."""
        return "/".join(self._parts(named=False))

    @cached_property
    def name(self) -> str:
        """Return the path with a transparent block's own id at its end: what the engine calls its operations."""
        return "/".join(self._parts(named=True))

    @property
    def cell(self) -> int | None:
        """Return which cell of the node's strategy this is, or None."""
        index = self.marks[-1][0] if self.marks else -1
        return None if index < 0 else index

    @property
    def attempt(self) -> int:
        return self.marks[-1][1]

    @cached_property
    def parent(self) -> Position:
        return self.around(len(self.address) - 1)

    def around(self, length: int) -> Position:
        """Return the node that the first `length` parts of the address lead to, in this one's cells and attempts."""
        return replace(self, address=self.address[:length], marks=self.marks[:length])

    def below(self, index: int) -> Position:
        """Return the node at `index` of this block, or of the pipeline."""
        return replace(self, address=(*self.address, index), marks=(*self.marks, (-1, 1)))

    def in_cell(self, index: int) -> Position:
        """Return this node as cell `index` of its strategy."""
        return replace(self, marks=(*self.marks[:-1], (index, 1)))

    def as_attempt(self, attempt: int) -> Position:
        """Return this node in its attempt `attempt`."""
        return replace(self, marks=(*self.marks[:-1], (self.marks[-1][0], attempt)))

    def levels(self) -> Iterator[Level]:
        """Yield the nodes from this one outwards."""
        for here in self._outwards():
            yield Level(here.node, here.path, here.cell, here.attempt)

    def scopes(self, *, inside: bool = False) -> list[str]:
        """Return the paths of the blocks in whose scope the node stands, from the inside out; `inside` counts its own."""
        levels = list(self.levels())[0 if inside else 1 :]
        return [
            level.path for level in levels if isinstance(level.node, Block) and not level.node.transparent
        ]

    def branches(self) -> list[str]:
        """Return the names of the branches that the node runs in, the innermost first."""
        found = []
        for here in self._outwards():
            around = here.parent.node if len(here.address) > 1 else None
            beside = isinstance(around, Block) and around.kind == "parallel"
            strategy = here.node.strategy
            if beside or (here.cell is not None and strategy is not None and strategy.kind not in UNBOUNDED):
                found.append(here.name)
        return found

    def failure_levels(self) -> Levels:
        """Return the failure rules that hold for the node, the nearest level first."""
        return (*(level.node.on_failure for level in self.levels()), self.plan.on_failure)

    def group_attempt(self) -> int | None:
        """Return the attempt of the nearest group at or around the node that can be tried again, or None."""
        groups = (level.attempt for level in self.levels() if is_retried(level.node))
        return next(groups, None)

    def stage(self) -> Position | None:
        """Return the stage that the node stands in, or None outside all of them."""
        stages = (
            here for here in self._outwards() if isinstance(here.node, Block) and here.node.kind == "stage"
        )
        return next(stages, None)

    def to_json(self) -> dict[str, Any]:
        return {"address": list(self.address), "marks": [list(mark) for mark in self.marks]}

    @classmethod
    def from_json(cls, plan: Plan, data: Mapping[str, Any]) -> Position:
        marks = tuple((int(cell), int(attempt)) for cell, attempt in data["marks"])
        return cls(plan, tuple(data["address"]), marks)

    def _outwards(self) -> Iterator[Position]:
        """Yield this position and those around it, from the inside out."""
        here = self
        while here.address:
            yield here
            here = here.parent

    def _parts(self, *, named: bool) -> Iterator[str]:
        last = len(self.address) - 1
        for index in range(len(self.address)):
            node = self.plan.node(self.address[: index + 1])
            if isinstance(node, Block) and node.transparent and not (named and index == last):
                continue
            cell, attempt = self.marks[index]
            yield f"{node.id}{f'_{cell}' if cell >= 0 else ''}{f'~{attempt}' if attempt > 1 else ''}"


def is_retried(node: AnyNode) -> bool:
    """True when `retry-step-group` can mean this node: a group of steps with a path of its own."""
    return isinstance(node, Block) and (node.kind, node.of, node.transparent) == ("group", "steps", False)


def base_path(path: str) -> str:
    """Return a path without the attempt at its end: what expressions call the node."""
    head, _, last = path.rpartition("/")
    name = last.partition("~")[0]
    return f"{head}/{name}" if head else name


def without_attempts(path: str) -> str:
    """Return a path without any attempts in it: the place in the plan, in its cells."""
    return _ATTEMPT.sub("", path)
