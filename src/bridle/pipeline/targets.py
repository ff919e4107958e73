"""What an approval is for: checks of `for: <stage>.<step>` against the whole pipeline.

Rules
  1. It names a tool step that comes after the approval.
  2. The arguments of that step must be known when the person is asked: they may look only at what has run before
     the approval. Otherwise the person would approve one action, and another would be carried out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridle.pipeline.checks import judge
from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.expressions import references
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.nodes import locate
from bridle.pipeline.outline import Fault, Outline, report
from bridle.pipeline.stages import Spot


def check_targets(spots: Iterable[Spot], outline: Outline, *, findings: Findings) -> None:
    """Complain about every approval whose `for` names no action that could be shown to a person."""
    listed = list(spots)
    by_step: dict[tuple[int, int], list[Spot]] = {}
    for spot in listed:
        by_step.setdefault((spot.stage, spot.step), []).append(spot)
    for approval in (spot for spot in listed if spot.use == "approval-for"):
        fault = _judge_target(approval.scalar.text, approval, outline)
        report(fault, approval.scalar.place, findings=findings)
        if fault is None:
            position = _locate_step(approval.scalar.text, outline)
            _check_arguments(by_step.get(position, []), approval, outline, findings=findings)


def _check_arguments(spots: list[Spot], approval: Spot, outline: Outline, *, findings: Findings) -> None:
    for spot in spots:
        try:
            found = references(spot.scalar.text) if spot.use == "value" else ()
        except ExpressionError:
            return  # complained about where it stands
        seen_from = replace(spot, stage=approval.stage, step=approval.step)
        for reference in found:
            is_own_step = reference.path[0] == "steps" and spot.stage != approval.stage
            if judge(reference, spot, outline) is None and (
                is_own_step or judge(reference, seen_from, outline)
            ):
                hint = "look at something that has run before the approval"
                what = (
                    f"{'.'.join(reference.path)!r} is not known yet when {approval.scalar.text!r} is approved"
                )
                fault = Fault(what, "approval-before-value", hint)
                report(fault, locate(spot.scalar, reference.offset), findings=findings)


def _locate_step(text: str, outline: Outline) -> tuple[int, int]:
    stage_id, _, step_id = text.partition(".")
    index, steps = outline.stages[stage_id]
    return index, steps[step_id][0]


def _judge_target(text: str, spot: Spot, outline: Outline) -> Fault | None:
    """Judge the `for` of an approval."""
    stage_id, _, step_id = text.partition(".")
    index, steps = outline.stages.get(stage_id, (-1, {}))
    if not step_id or index < 0:
        hint = suggest(stage_id, outline.stages, otherwise="write <stage>.<step>")
        return Fault(f"{text[:80]!r} names no stage", "unknown-stage", hint)
    if step_id not in steps:
        hint = suggest(
            step_id, steps, otherwise=f"steps of {stage_id}: {', '.join(list(steps)[:12]) or 'none'}"
        )
        return Fault(f"{text[:80]!r} names no step", "unknown-step", hint)
    position, kind = steps[step_id]
    if (index, position) <= (spot.stage, spot.step):
        return Fault(
            f"{text!r} runs before it is approved", "approval-too-late", "name a step after this one"
        )
    if kind != "tool":
        return Fault(f"{text!r} is no tool step", "bad-approval-target", "name a step of kind tool")
    return None
