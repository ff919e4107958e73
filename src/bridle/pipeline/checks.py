"""What only the whole pipeline can tell, before anything runs: do its expressions lead anywhere?

Rules
  1. Every expression must be readable, and what it names must exist: inputs, stages, steps, the axes of a matrix.
  2. A node may look at what has ended before it. In a parallel block it may look at a sibling: then it waits for it, with a note;
     waiting in a circle is refused.
  3. Status words stand in conditions only; secrets never do.
  4. A script that takes in a step's output is noted: text from outside then becomes part of a program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.exported import check_published
from bridle.pipeline.expressions import list_status_words, references
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.names import place_of
from bridle.pipeline.nodes import locate
from bridle.pipeline.order import put_in_order
from bridle.pipeline.outline import Fault, Outline, draw_outline, report
from bridle.pipeline.plan import Plan
from bridle.pipeline.reach import judge
from bridle.pipeline.spots import CONDITIONS, Reading, Spot
from bridle.pipeline.targets import check_targets
from bridle.pipeline.tree import Address


def check_plan(plan: Plan, reading: Reading) -> Plan:
    """Complain about whatever leads nowhere; return the plan with the order that its expressions imply."""
    findings = reading.findings
    outline = draw_outline(plan, shared=reading.shared)
    for spot in reading.spots:
        check_spot(spot, outline, findings=findings)
    implied = {address: set(needed) for address, needed in outline.needs.items()}
    for address, needed in implied.items():
        names = ", ".join(sorted(outline.nodes[item].id for item in needed))
        text = f"implied-dependency: {outline.nodes[address].id!r} waits for {names}, whose output it reads"
        findings.note(place_of(outline.nodes[address]), text)
    _check_needs(outline, findings)
    check_published(plan, findings)
    check_targets(reading.spots, outline, findings=findings)
    return put_in_order(plan, outline.needs, outline, findings=findings)


def check_spot(spot: Spot, outline: Outline, *, findings: Findings) -> None:
    """Complain about whatever in one text can't be read or leads nowhere."""
    is_condition = spot.use in CONDITIONS
    text = spot.scalar.text
    if is_condition and not text.strip():
        return
    try:
        found = references(text, condition=is_condition)
        words = list_status_words(text, condition=is_condition)
    except ExpressionError as exc:
        place = locate(spot.scalar, exc.offset)
        findings.refuse(place, exc.what, reason=exc.reason, hint=exc.hint)
        return
    for reference in found:
        report(judge(reference, spot, outline), locate(spot.scalar, reference.offset), findings=findings)
    for word in words if not is_condition else ():
        fault = Fault(
            f"{word.word!r} stands outside a condition", "status-outside-condition", "use it in an `if`"
        )
        report(fault, locate(spot.scalar, word.offset), findings=findings)
    if spot.use == "script" and any(reference.path[0] in ("steps", "stages") for reference in found):
        note = "a step's output becomes part of a script; set it as env and use the variable instead"
        findings.note(spot.scalar.place, note)


def _check_needs(outline: Outline, findings: Findings) -> None:
    """Find what each `needs` names, and the circles in which nodes would wait for each other."""
    asked: dict[Address, set[Address]] = {}
    late: dict[Address, Fault] = {}
    for address, node in outline.nodes.items():
        for name in node.needs:
            fault = _judge_need(name, address, outline, asked)
            if fault is not None and fault.reason == "later-step":
                late.setdefault(address, fault)
            else:
                report(fault, place_of(node), findings=findings)
    for block in {address[:-1] for address in (*asked, *outline.needs)}:
        for circle in _find_circles(block, outline, asked):
            names = " → ".join(outline.nodes[here].id for here in (*circle, circle[0]))
            hint = "let one of them do without the other"
            what, first = f"these wait for each other: {names}", outline.nodes[circle[0]]
            findings.refuse(place_of(first), what, reason="dependency-cycle", hint=hint)
            late = {address: fault for address, fault in late.items() if address not in circle}
    for address, fault in late.items():
        report(fault, place_of(outline.nodes[address]), findings=findings)


def _judge_need(
    name: str, address: Address, outline: Outline, asked: dict[Address, set[Address]]
) -> Fault | None:
    """Say what is wrong with one name of a `needs`; note in `asked` which node beside this one it means."""
    parent = address[:-1]
    scope = next(outline.scopes_around(address), ())
    found = outline.find(name, scope)
    if found is None:
        hint = suggest(name, outline.scopes[scope], otherwise="name a node beside this one")
        return Fault(f"there is nothing called {name!r} to wait for", "unknown-needs", hint)
    target = found[0]
    beside = target[: len(parent)] == parent and target != address
    if beside:
        asked.setdefault(address, set()).add(target[: len(address)])
    if not outline.is_parallel(parent):
        before = outline.ran_before(target, address, inside=False)
        hint = "put it after what it needs"
        return None if before else Fault(f"{name!r} does not run before this", "later-step", hint)
    if not beside:
        return Fault(f"{name!r} does not run beside this", "unknown-needs", "name a node of the same block")
    outline.needs.setdefault(address, set()).add(target[: len(address)])
    return None


def _find_circles(
    block: Address, outline: Outline, asked: Mapping[Address, set[Address]]
) -> Iterator[Sequence[Address]]:
    """Yield the nodes of a block that wait for each other, each for the next: circles that have no node in common."""
    waiting = {
        here: {*asked.get(here, ()), *outline.needs.get(here, ())}
        for here in (*asked, *outline.needs)
        if here[:-1] == block
    }
    while waiting:
        gone: Sequence[Address] = [here for here, needed in waiting.items() if not needed & waiting.keys()]
        if not gone:
            yield (gone := _walk_round(waiting))
        for here in gone:
            del waiting[here]


def _walk_round(waiting: Mapping[Address, set[Address]]) -> Sequence[Address]:
    """Go from each node, which waits for another one, to that, until one comes again."""
    walked = [min(waiting)]
    while (after := min(waiting[walked[-1]] & waiting.keys())) not in walked:
        walked.append(after)
    return walked[walked.index(after) :]
