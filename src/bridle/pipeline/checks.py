"""What only the whole pipeline can tell, before anything runs: do its expressions lead anywhere?

Rules
  1. Every expression must be readable, and what it names must exist: inputs, stages, steps, the axes of a matrix.
  2. A node may look at what has ended before it. In a parallel block it may look at a sibling: then it waits for it, with a note;
     waiting in a circle is refused.
  3. Status words stand in conditions only; secrets never do.
  4. A script that takes in a step's output is noted: text from outside then becomes part of a program.
"""

from __future__ import annotations

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
from bridle.pipeline.tree import Address, Block


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
    for address, node in outline.nodes.items():
        for name in node.needs:
            fault = _judge_need(name, address, outline)
            report(fault, place_of(node), findings=findings)
    for address, node in outline.nodes.items():
        if outline.is_parallel(address) and isinstance(node, Block):
            _refuse_circle(address, node, outline, findings)


def _judge_need(name: str, address: Address, outline: Outline) -> Fault | None:
    parent = address[:-1]
    scope = next(outline.scopes_around(address), ())
    found = outline.find(name, scope)
    if found is None:
        hint = suggest(name, outline.scopes[scope], otherwise="name a node beside this one")
        return Fault(f"there is nothing called {name!r} to wait for", "unknown-needs", hint)
    target = found[0]
    if not outline.is_parallel(parent):
        before = outline.ran_before(target, address, inside=False)
        hint = "put it after what it needs"
        return None if before else Fault(f"{name!r} does not run before this", "later-step", hint)
    if target[: len(parent)] != parent or target == address:
        return Fault(f"{name!r} does not run beside this", "unknown-needs", "name a node of the same block")
    outline.needs.setdefault(address, set()).add(target[: len(address)])
    return None


def _refuse_circle(address: Address, block: Block, outline: Outline, findings: Findings) -> None:
    waiting = {
        (*address, index): set(outline.needs.get((*address, index), ())) for index in range(len(block.nodes))
    }
    while waiting:
        free = [here for here, needed in waiting.items() if not needed & set(waiting)]
        if not free:
            names = ", ".join(outline.nodes[here].id for here in waiting)
            first = outline.nodes[next(iter(waiting))]
            hint = "let one of them do without the other's output"
            findings.refuse(
                place_of(first), f"these wait for each other: {names}", reason="dependency-cycle", hint=hint
            )
            return
        for here in free:
            del waiting[here]
