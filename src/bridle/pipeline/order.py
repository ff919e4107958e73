"""The order that a plan's expressions and barriers imply, put into the plan: what waits for what, and how many have to arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridle.core.errors import InputError
from bridle.pipeline.complaint import Findings
from bridle.pipeline.names import place_of
from bridle.pipeline.outline import Outline
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED, Strategy, count_of, expand
from bridle.pipeline.tree import Address, AnyNode, Block, Step


def put_in_order(
    plan: Plan, needs: Mapping[Address, set[Address]], outline: Outline, *, findings: Findings
) -> Plan:
    """Return the plan with the ids of the siblings that each node waits for, and at each barrier the number of arrivals.

    What a file's `needs` names may stand inside a sibling, or be spelled otherwise: it is the sibling that is waited for.
    """
    arrivals = _count_arrivals(outline, findings)
    _refuse_sequences(outline, needs, findings)

    def rebuild(nodes: tuple[AnyNode, ...], below: Address) -> tuple[AnyNode, ...]:
        return tuple(rebuild_node(node, (*below, index)) for index, node in enumerate(nodes))

    def rebuild_node(node: AnyNode, address: Address) -> AnyNode:
        changes: dict[str, Any] = {}
        if address in needs:
            changes["needs"] = tuple(outline.nodes[item].id for item in sorted(needs[address]))
        if isinstance(node, Block):
            changes["nodes"] = rebuild(node.nodes, address)
        elif node.kind == "barrier":
            changes["with_"] = {**node.with_, "of": arrivals[str(node.with_.get("name"))]}
        return replace(node, **changes) if changes else node

    return replace(plan, stages=rebuild(plan.stages, ())) if needs or arrivals else plan


def _count_arrivals(outline: Outline, findings: Findings) -> dict[str, int]:
    """Count the branches that come to each barrier; complain where that cannot be known, or where they would never all come."""
    found: dict[str, int] = {}
    for address, node in outline.nodes.items():
        if isinstance(node, Step) and node.kind == "barrier":
            name = str(node.with_.get("name"))
            found[name] = found.get(name, 0) + _count_cells(address, outline, findings)
    return found


def _refuse_sequences(outline: Outline, needs: Mapping[Address, set[Address]], findings: Findings) -> None:
    """Complain about places of a barrier of which one is reached only after another: they never stand there together."""
    places: dict[str, list[Address]] = {}
    for address, node in outline.nodes.items():
        if not isinstance(node, Step) or node.kind != "barrier":
            continue
        if any(address[: len(undone)] == undone for undone in outline.rollbacks):
            what = f"the barrier {node.id!r} stands in a rollback, which undoes one step after the other"
            findings.refuse(place_of(node), what, reason="bad-barrier", hint="take it out of the rollback")
            continue
        name = str(node.with_.get("name"))
        others = places.setdefault(name, [])
        earlier = next((other for other in others if _is_sequence(other, address, outline, needs)), None)
        if earlier is not None:
            first = outline.nodes[earlier]
            what = f"the barrier {name!r} is already reached by {first.id!r} ({first.place}), not at the same time"
            hint = f"use another barrier for what meets here: barriers: [{name}, {name}_2]"
            findings.refuse(place_of(node), f"{what}: it would never open", reason="bad-barrier", hint=hint)
        others.append(address)


def _is_sequence(
    one: Address, other: Address, outline: Outline, needs: Mapping[Address, set[Address]]
) -> bool:
    """True when two nodes never run side by side: one after the other in a block, or one waiting for the other."""
    shared = next(index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    if not outline.is_parallel(one[:shared]):
        return True
    mine, theirs = one[: shared + 1], other[: shared + 1]
    return mine in _needed(theirs, needs) or theirs in _needed(mine, needs)


def _needed(address: Address, needs: Mapping[Address, set[Address]]) -> set[Address]:
    """Return all that a node waits for, however far back."""
    found: set[Address] = set()
    left = [address]
    while left:
        further = needs.get(left.pop(), set()) - found
        found |= further
        left += further
    return found


def _count_cells(address: Address, outline: Outline, findings: Findings) -> int:
    total = 1
    for length in range(1, len(address) + 1):
        node = outline.nodes[address[:length]]
        if node.strategy is not None:
            total *= _count_strategy(node.strategy, node, findings)
    return total


def _count_strategy(strategy: Strategy, node: AnyNode, findings: Findings) -> int:
    try:
        if strategy.kind in UNBOUNDED or strategy.condition:
            raise InputError("how often it is run is not known before")
        cells = len(expand(strategy, strategy.spec()))
        most = strategy.max_parallel
        if most is not None and count_of(most, "max-parallel") < cells:
            raise InputError("not all of its cells run at a time, so they would wait for ever")
    except InputError as error:
        hint = "put the barrier where every branch comes exactly once"
        what = f"a barrier can't stand in {node.id!r}: {error.what}"
        findings.refuse(place_of(node), what, reason="bad-barrier", hint=hint)
        return 1
    return cells
