"""What only the whole pipeline can tell, before anything runs: do its expressions lead anywhere?

Rules
  1. Every expression must be readable, and what it names must exist: inputs, stages, steps.
  2. A step may look at steps before it in its stage and at stages before its own; later ones have no value yet.
  3. Status words stand in conditions only; secrets never do.
  4. A script that takes in a step's output is noted: text from outside then becomes part of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.expressions import Reference, list_status_words, references
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.lookup import KNOWN_ROOTS, match_name
from bridle.pipeline.nodes import locate
from bridle.pipeline.outline import Fault, Outline, report
from bridle.pipeline.stages import Spot

_PIPELINE = ("id", "name", "execution_id")
_PIPELINE_LATER = ("seq_id", "execution_url", "triggered_by", "status")
_STAGE = ("status", "steps", "id", "name")
_STEP = ("status", "output")


def check_expressions(spots: Iterable[Spot], outline: Outline, *, findings: Findings) -> None:
    """Complain about every expression that can't be read or leads nowhere."""
    for spot in spots:
        text = spot.scalar.text
        if spot.use == "condition" or "<+" in text or "${{" in text:
            _check_spot(spot, outline, findings)


def _check_spot(spot: Spot, outline: Outline, findings: Findings) -> None:
    is_condition = spot.use == "condition"
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


def judge(reference: Reference, spot: Spot, outline: Outline) -> Fault | None:
    """Return what is wrong with looking up `reference` from `spot`."""
    root = reference.path[0]
    judge_root = _JUDGES.get(root)
    if judge_root is not None:
        return judge_root(reference.path, spot, outline)
    if root == "manifests":
        return Fault("no source of manifests is bound", "no-manifest-source", "remove this expression")
    if root in KNOWN_ROOTS:
        return Fault(f"{root!r} has no value yet", f"not-executed-yet:{root}", "remove this expression")
    hint = suggest(
        root, KNOWN_ROOTS, otherwise="put text between quotes; paths begin with inputs, steps or stages"
    )
    return Fault(f"{'.'.join(reference.path)!r} leads nowhere", "unknown-reference", hint)


def _judge_input(path: tuple[str, ...], _spot: Spot, outline: Outline) -> Fault | None:
    if len(path) < 2 or match_name(path[1], outline.inputs, is_id=False) is not None:
        return None
    hint = suggest(path[1], outline.inputs, otherwise=f"declare it: inputs: {{{path[1]}: {{type: string}}}}")
    return Fault(f"there is no input {path[1]!r}", "unknown-input", hint)


def _judge_step(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if spot.step < 0:
        hint = "write stages.<stage>.steps.<step>"
        return Fault("there is no current step here", "unknown-step", hint)
    steps = next((steps for index, steps in outline.stages.values() if index == spot.stage), {})
    return _judge_step_of(path, spot.stage, steps, spot=spot)


def _judge_step_of(
    path: tuple[str, ...], stage: int, steps: Mapping[str, tuple[int, str]], *, spot: Spot
) -> Fault | None:
    if len(path) < 2:
        return None
    id_ = match_name(path[1], steps, is_id=True)
    if id_ is None:
        hint = suggest(
            path[1], steps, otherwise=f"steps of this stage: {', '.join(list(steps)[:12]) or 'none'}"
        )
        return Fault(f"there is no step {path[1]!r}", "unknown-step", hint)
    if stage == spot.stage and steps[id_][0] >= spot.step:
        return Fault(
            f"the step {id_!r} has not run yet", "later-step", "look at an earlier step, or move this one"
        )
    return _judge_member(path[2:], _STEP, noun="step")


def _judge_stage(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if len(path) < 2:
        return None
    id_ = match_name(path[1], outline.stages, is_id=True)
    if id_ is None:
        hint = suggest(path[1], outline.stages, otherwise=f"stages: {', '.join(list(outline.stages)[:12])}")
        return Fault(f"there is no stage {path[1]!r}", "unknown-stage", hint)
    index, steps = outline.stages[id_]
    below = path[2:]
    if index > spot.stage or (index == spot.stage and (spot.step < 0 or below[:1] != ("steps",))):
        return Fault(f"the stage {id_!r} has not ended yet", "later-stage", "look at an earlier stage")
    if below[:1] == ("output",):
        hint = "look at the output of one of its steps"
        return Fault("stages have no outputs yet", "not-executed-yet:stage-outputs", hint)
    if below[:1] == ("steps",):
        return _judge_step_of(below, index, steps, spot=spot)
    return _judge_member(below, _STAGE, noun="stage")


def _judge_member(below: tuple[str, ...], known: tuple[str, ...], *, noun: str) -> Fault | None:
    if not below or below[0] in known:
        return None
    hint = suggest(below[0], known, otherwise=f"known: {', '.join(known)}")
    return Fault(f"a {noun} has no {below[0]!r}", "unknown-member", hint)


def _judge_pipeline(path: tuple[str, ...], _spot: Spot, _outline: Outline) -> Fault | None:
    if path[1:2] and path[1] in _PIPELINE_LATER:
        name = f"pipeline.{path[1]}"
        return Fault(
            f"{name!r} has no value yet", f"not-executed-yet:{name}", f"known: {', '.join(_PIPELINE)}"
        )
    return _judge_member(path[1:], _PIPELINE, noun="pipeline")


def _judge_secret(path: tuple[str, ...], spot: Spot, _outline: Outline) -> Fault | None:
    if spot.use == "condition":
        return Fault("a condition can't look at a secret", "secret-in-expression", "decide by something else")
    if len(path) < 2:
        return Fault("a secret needs a name", "bad-secret-name", "write secrets.NAME")
    hint = "no delegate puts a secret into a command yet; leave the expression out"
    return Fault("secrets cannot be used in a step yet", "not-executed-yet:secrets", hint)


def _accept(_path: tuple[str, ...], _spot: Spot, _outline: Outline) -> Fault | None:
    return None


_JUDGES: dict[str, Callable[[tuple[str, ...], Spot, Outline], Fault | None]] = {
    "inputs": _judge_input,
    "steps": _judge_step,
    "stages": _judge_stage,
    "pipeline": _judge_pipeline,
    "secrets": _judge_secret,
    "env": _accept,
}
