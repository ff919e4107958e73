"""The outline of a plan: which ids there are in which scope, and in which order things run; what the checks look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.lookup import match_name
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Address, AnyNode, Block
from bridle.pipeline.variables import Shared

_CELL = re.compile(r"(.+)_\d{1,4}", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """What is wrong about one name; the place is known to whoever asks."""

    what: str
    reason: str
    hint: str


@dataclass
class Outline:
    """`nodes` by address, rollback steps after the last node of their stage; `scopes` maps a scope's block to its ids.

    The scope of the stages has the empty address. `needs` collects what a node of a parallel block has to wait for.
    """

    plan: Plan
    shared: Shared | None = None
    nodes: dict[Address, AnyNode] = field(default_factory=dict)
    scopes: dict[Address, dict[str, Address]] = field(default_factory=lambda: {(): {}})
    rollbacks: set[Address] = field(default_factory=set)
    needs: dict[Address, set[Address]] = field(default_factory=dict)

    def scopes_around(self, address: Address, *, inside: bool = False) -> Iterator[Address]:
        """Yield the scopes that a node stands in, from the inside out; the scope of the stages is not among them."""
        start = len(address) if inside else len(address) - 1
        for length in range(start, 0, -1):
            if address[:length] in self.scopes:
                yield address[:length]

    def find(self, name: str, scope: Address) -> tuple[Address, bool] | None:
        """Return the node that a name means in a scope, and whether it means one of its cells."""
        known = self.scopes.get(scope, {})
        key = match_name(name, known, is_id=True)
        if key is not None:
            return known[key], False
        match = _CELL.fullmatch(name)
        key = match_name(match.group(1), known, is_id=True) if match else None
        if key is None or self.nodes[known[key]].strategy is None:
            return None
        return known[key], True

    def stage_of(self, address: Address) -> Address:
        """Return the address of the stage that a node stands in, or is; empty outside all stages."""
        for length in range(len(address), 0, -1):
            node = self.nodes.get(address[:length])
            if isinstance(node, Block) and node.kind == "stage":
                return address[:length]
        return ()

    def is_parallel(self, address: Address) -> bool:
        """True when the nodes below an address run side by side."""
        node = self.nodes.get(address)
        return isinstance(node, Block) and node.kind == "parallel"

    def ran_before(self, target: Address, spot: Address, *, inside: bool) -> bool:
        """True when `target` has ended when `spot` is evaluated. A sibling in a parallel block is waited for: it is noted.

        `inside` says that the spot is evaluated at the end of its block, and sees what stands in it.
        """
        shared = 0
        while shared < min(len(target), len(spot)) and target[shared] == spot[shared]:
            shared += 1
        if shared == len(spot):
            return inside and len(target) > shared
        if shared == len(target):
            return False
        if self.is_parallel(spot[:shared]):
            self.needs.setdefault(spot[: shared + 1], set()).add(target[: shared + 1])
            return True
        return target[shared] < spot[shared]


def report(fault: Fault | None, place: Place, *, findings: Findings) -> None:
    """Record a fault, when there is one."""
    if fault is not None:
        findings.refuse(place, fault.what, reason=fault.reason, hint=fault.hint)


def draw_outline(plan: Plan, *, shared: Shared | None = None) -> Outline:
    """Return the outline of a plan."""
    outline = Outline(plan, shared=shared)
    _draw(plan.stages, (), (), outline)
    return outline


def _draw(nodes: tuple[AnyNode, ...], below: Address, scope: Address, outline: Outline) -> None:
    for index, node in enumerate(nodes):
        address = (*below, index)
        outline.nodes[address] = node
        outline.scopes[scope].setdefault(node.id, address)
        if not isinstance(node, Block):
            continue
        inner = scope if node.transparent else address
        outline.scopes.setdefault(inner, {})
        _draw(node.nodes, address, inner, outline)
        _draw_rollback(node, address, inner, outline)


def _draw_rollback(block: Block, address: Address, scope: Address, outline: Outline) -> None:
    for index, node in enumerate(block.rollback, start=len(block.nodes)):
        here = (*address, index)
        outline.nodes[here] = node
        outline.rollbacks.add(here)
        if isinstance(node, Block):
            outline.scopes.setdefault(here, {})
            _draw(node.nodes, here, here, outline)
