"""`barrier`: branches of one execution wait for each other. It opens when as many have come as it is for.

It fails as soon as it is certain that it never opens: a branch that has not come was skipped, has ended, or stands in a block
that has. One that came and ended before the others were there, because its time was over, has not come. What may still be tried
again is waited for, and what a person decides about: as long as that takes, which has an end of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bridle.core.states import State
from bridle.engine.position import Position, is_retried, without_attempts
from bridle.engine.steps import Ended, Ending, Leg, Waiting
from bridle.engine.steps.queue import look_again_s
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import expand
from bridle.pipeline.tree import Address, Step, walk
from bridle.trust.journal import Kind, Record

AGAIN = "retry-step-group"
ASKS = "manual-intervention"
UNDECIDED = frozenset({"retry", ASKS, AGAIN})  # the step may come yet
MOST_NAMED = 3


async def perform_barrier(leg: Leg) -> Ending:
    """Come to the barrier `name`, which opens for every `of` branches."""
    name, of = str(leg.body["name"]), leg.body["of"]
    assert isinstance(of, int)
    locks, execution = leg.bench.locks, leg.execution.id
    if await locks.arrive(name, execution, leg.path, of=of):
        return Ended(State.SUCCEEDED)
    ends = await leg.bench.journal.read(execution=execution, kinds=(Kind.STEP_ENDED, Kind.BLOCK_ENDED))
    come = await locks.together(name, execution, leg.path, of=of)  # read last: who has come has no end before
    missing = find_missing(leg.position, name, come, ends)
    if missing:
        return Ended(State.FAILED, note=f"the barrier {name} can't open any more: {missing}", error="unknown")
    note = "; ".join([*_list_absent(leg.position, name, come), *_list_undecided(ends)])
    return Waiting(look_again_s(leg), f"at the barrier {name}, which {of} have to reach{note and ': '}{note}")


def barriers_of(plan: Plan) -> dict[Address, tuple[str, int]]:
    """Return where the barriers of a plan stand: their names, and how many have to reach them."""
    return {
        address: (str(node.with_["name"]), int(node.with_["of"]))
        for address, node in walk(plan.stages)
        if isinstance(node, Step) and node.kind == "barrier"
    }


def find_missing(here: Position, name: str, come: Collection[str], ends: Sequence[Record]) -> str:
    """Say which branch can't come to the barrier any more, and why; nothing while all may come."""
    for place in _absent(here.plan, name, come):
        why = _why_gone(here, place, ends)
        if why:
            return f"{place.path} does not come, because {why}"
    return ""


def _absent(plan: Plan, name: str, come: Collection[str]) -> Iterator[Position]:
    """Yield where the barrier stands and nobody has come."""
    present = {without_attempts(path) for path in come}
    for address, (known, _) in barriers_of(plan).items():
        for place in _cells(Position(plan), address) if known == name else ():
            if place.path not in present:
                yield place


def _list_absent(here: Position, name: str, come: Collection[str]) -> list[str]:
    paths = [place.path for place in _absent(here.plan, name, come)]
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return [f"{', '.join(paths[:MOST_NAMED])}{more} not yet there"] if paths else []


def _list_undecided(ends: Sequence[Record]) -> list[str]:
    """Say which steps wait for a person's decision: nobody who comes after them can come before that."""
    last = {record.subject: record for record in ends}
    return [f"a person decides about {path}" for path, end in last.items() if _reaction(end) == ASKS]


def _cells(around: Position, address: Address) -> Iterator[Position]:
    """Yield the node at an address in all its cells; how many there are was settled with the plan."""
    if len(around.address) == len(address):
        yield around
        return
    below = around.below(address[len(around.address)])
    strategy = below.node.strategy
    cells = [below] if strategy is None else map(below.in_cell, range(len(expand(strategy, strategy.spec()))))
    for cell in cells:
        yield from _cells(cell, address)


def _why_gone(here: Position, place: Position, ends: Sequence[Record]) -> str:
    """Say what has ended for good: the place, or the innermost block around it; nothing while a group may be tried again."""
    shared = _shared(here, place)
    if shared == len(place.address):
        return ""
    scope = here.around(shared).path  # of what both stand in, only this attempt counts
    mine = [record for record in ends if not scope or record.subject.startswith(f"{scope}/")]
    repeats = _tries_groups_again(here.plan)
    why = ""
    for length in range(shared + 1, len(place.address) + 1):
        around = place.around(length)
        for name in dict.fromkeys((around.in_cell(-1).name, around.name)):
            last = next((one for one in reversed(mine) if without_attempts(one.subject) == name), None)
            if last is not None and not (repeats and _is_tried_again(last, mine)) and not _is_open(last):
                note = f" ({last.body['note']})" if last.body.get("note") else ""
                why = f"{last.subject} has ended: {last.body['state']}{note}"
        if repeats and not why and is_retried(around.node):
            return ""  # whatever stands in it may be done again
    return why


def _shared(here: Position, place: Position) -> int:
    """Return how many parts of the address both stand in, in the same cells."""
    count = 0
    for length in range(1, len(place.address) + 1):
        mine, other = here.around(length), place.around(length)
        if (mine.address, mine.cell) != (other.address, other.cell):
            break
        count = length
    return count


def _is_open(end: Record) -> bool:
    """True for the end of a step that is tried again, or about which a person is asked."""
    return _reaction(end) in UNDECIDED


def _reaction(end: Record) -> str:
    told = end.body.get("reaction")
    return str(told.get("reaction")) if end.kind is Kind.STEP_ENDED and isinstance(told, dict) else ""


def _is_tried_again(end: Record, ends: Sequence[Record]) -> bool:
    """True when something in this attempt of a block asked for another one."""
    inside = [one for one in ends if one is end or one.subject.startswith(f"{end.subject}/")]
    return any(AGAIN in repr((one.body.get("reaction"), one.body.get("answer"))) for one in inside)


def _tries_groups_again(plan: Plan) -> bool:
    rules = [plan.on_failure, *(node.on_failure for _, node in walk(plan.stages))]
    return any(AGAIN in repr(level) for level in rules)
