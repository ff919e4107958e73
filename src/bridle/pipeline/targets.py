"""What an approval is for: checks of `for: <stage>.<step>` against the whole pipeline.

Rules
  1. It names a tool step that comes after the approval, and that runs once: not a cell of a strategy.
  2. The arguments of that step must be known when the person is asked: they may look only at what has run before
     the approval. Otherwise the person would approve one action, and another would be carried out.
  3. One approval is for it: a second would be asked about what the first has answered, on other terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.expressions import references
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.nodes import locate
from bridle.pipeline.outline import Fault, Outline, report
from bridle.pipeline.reach import judge
from bridle.pipeline.spots import Spot
from bridle.pipeline.tree import Address, Block


def check_targets(spots: Iterable[Spot], outline: Outline, *, findings: Findings) -> None:
    """Complain about every approval whose `for` names no action that could be shown to a person."""
    listed = list(spots)
    by_node: dict[Address, list[Spot]] = {}
    for spot in listed:
        by_node.setdefault(spot.address, []).append(spot)
    seen: set[str] = set()
    for approval in (spot for spot in listed if spot.use == "approval-for"):
        target = _find_target(approval.scalar.text, outline)
        fault = target if isinstance(target, Fault) else _judge_target(target, approval, outline)
        if fault is None and approval.scalar.text in seen:
            what = f"{approval.scalar.text!r} has an approval already"
            fault = Fault(what, "approved-twice", "keep one, and name all who have to approve in it")
        seen.add(approval.scalar.text)
        report(fault, approval.scalar.place, findings=findings)
        if fault is None and not isinstance(target, Fault):
            _check_arguments(by_node.get(target, []), approval, outline, findings=findings)


def _check_arguments(spots: list[Spot], approval: Spot, outline: Outline, *, findings: Findings) -> None:
    for spot in spots:
        try:
            found = references(spot.scalar.text) if spot.use in ("value", "env") else ()
        except ExpressionError:
            return  # complained about where it stands
        seen_from = replace(spot, address=approval.address)
        for reference in found:
            is_own_step = reference.path[0] == "steps" and spot.address[:1] != approval.address[:1]
            if judge(reference, spot, outline) is None and (
                is_own_step or judge(reference, seen_from, outline)
            ):
                hint = "look at something that has run before the approval"
                what = (
                    f"{'.'.join(reference.path)!r} is not known yet when {approval.scalar.text!r} is approved"
                )
                fault = Fault(what, "approval-before-value", hint)
                report(fault, locate(spot.scalar, reference.offset), findings=findings)


def _find_target(text: str, outline: Outline) -> Address | Fault:
    stage_id, *below = text.replace("/", ".").split(".")
    stages = outline.scopes[()]
    address = stages.get(stage_id)
    if not below or address is None:
        hint = suggest(stage_id, stages, otherwise="write <stage>.<step>")
        return Fault(f"{text[:80]!r} names no stage", "unknown-stage", hint)
    for name in below:
        known = outline.scopes.get(address, {})
        if name not in known:
            hint = suggest(
                name, known, otherwise=f"steps of {stage_id}: {', '.join(list(known)[:12]) or 'none'}"
            )
            return Fault(f"{text[:80]!r} names no step", "unknown-step", hint)
        address = known[name]
    return address


def _judge_target(target: Address, approval: Spot, outline: Outline) -> Fault | None:
    text, node = approval.scalar.text, outline.nodes[target]
    if not outline.ran_before(approval.address, target, inside=False):
        return Fault(
            f"{text!r} runs before it is approved", "approval-too-late", "name a step after this one"
        )
    if isinstance(node, Block) or node.kind != "tool":
        return Fault(f"{text!r} is no tool step", "bad-approval-target", "name a step of kind tool")
    own = outline.nodes[approval.address].strategy
    repeated = [outline.nodes[target[:length]].strategy for length in range(1, len(target) + 1)]
    if own is not None or any(repeated):
        hint = "approve inside the cell: an action that needs a person asks by itself"
        return Fault(f"{text!r} is repeated", "bad-approval-target", hint)
    return None
