"""`run`: a script in the sandbox, as the person who started the execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridle.core.boundary import Boundary, Limits
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.steps import Ended, Ending, Leg, end_with, step_action
from bridle.pipeline.expressions import render
from bridle.pipeline.values import to_text

DEFAULT_WALL_S = 600


async def perform_run(leg: Leg) -> Ending:
    """Run the script and wait for its end."""
    _refuse_masks(leg)
    wall_s = leg.step.timeout_s or DEFAULT_WALL_S
    arguments: dict[str, Json] = {"script": leg.body["script"], "timeout_s": wall_s}
    if leg.body.get("shell"):
        arguments["shell"] = leg.body["shell"]
    report = leg.body.get("report")
    if isinstance(report, dict):
        arguments["report"] = report["path"]
    if env := _environment(leg):
        arguments["env"] = env
    boundary = Boundary(write=("**",), limits=replace(Limits(), wall_s=wall_s))
    action = step_action(leg, "command.run", arguments, boundary=boundary)
    ending = await end_with(leg, await leg.bench.gate.perform(action))
    return _with_outputs(leg, ending) if isinstance(ending, Ended) else ending


def _refuse_masks(leg: Leg) -> None:
    """A secret goes through the secret output file, which the delegate keeps; a mask here would come too late."""
    declared = leg.body.get("output") or ()
    assert isinstance(declared, (list, tuple))
    if any(isinstance(item, Mapping) and item.get("mask") for item in declared):
        raise InputError(
            "a masked output has already been seen when it is masked",
            where=leg.step.place,
            hint="write it to $HARNESS_OUTPUT_SECRET_FILE instead",
            reason="not-executed-yet",
        )


def _environment(leg: Leg) -> dict[str, Json]:
    """Pipeline, stage and step, the nearest last. The body's own is rendered already: twice would evaluate an output.

    Variables are text: a number from a report is written out, and what is not there is empty, as it is inside other text.
    """
    around = render({**leg.plan.env, **leg.step.env}, leg.context)
    own = leg.body.get("env") or {}
    assert isinstance(around, Mapping)
    assert isinstance(own, Mapping)
    return {name: to_text(value) for name, value in {**around, **own}.items()}


def _with_outputs(leg: Leg, ended: Ended) -> Ended:
    """Put the variables that the script wrote beside the result, under the names that the step declares."""
    if not isinstance(ended.output, Mapping):
        return ended
    written, declared = ended.output.get("outputs") or {}, leg.body.get("output") or ()
    assert isinstance(written, Mapping)
    assert isinstance(declared, (list, tuple))
    named = dict(written)
    missing: list[str] = []
    for item in declared:
        assert isinstance(item, Mapping)
        name = str(item["name"])
        named[str(item.get("alias") or name)] = written.get(name)
        missing += [] if name in written else [name]
    notes = [ended.note, f"the script wrote no {', '.join(missing)}" if missing else ""]
    return replace(ended, output={**named, **ended.output}, note="; ".join(note for note in notes if note))
