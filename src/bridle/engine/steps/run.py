"""`run`: a script in the sandbox, as the person who started the execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridle.core.boundary import Boundary, Limits
from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.engine.execution import place_of
from bridle.engine.steps import Ended, Ending, Leg, end_with, step_action
from bridle.pipeline.expressions import render
from bridle.pipeline.plugins import plugin_environment
from bridle.pipeline.values import to_text

DEFAULT_WALL_S = 600
EXHIBIT_CALLS = 1_000_000  # far from the numbers of a step that runs its script many times
EVERYWHERE: Mapping[str, str] = {
    "HARNESS_ACCOUNT_ID": "default",
    "HARNESS_ORG_ID": "default",
}
"""One installation is one account; the project is the execution's, and the delegate adds HARNESS_WORKSPACE."""


async def perform_run(leg: Leg, *, call: int = 0) -> Ending:
    """Run the script and wait for its end. `call` tells the runs of a step apart that makes several."""
    own_s = wall_s = leg.step.timeout_s or DEFAULT_WALL_S
    if leg.left_s is not None:
        wall_s = max(min(wall_s, int(leg.left_s) + 1), 1)
    arguments: dict[str, Json] = {"script": leg.body["script"], "timeout_s": wall_s}
    if leg.body.get("shell"):
        arguments["shell"] = leg.body["shell"]
    report = leg.body.get("report")
    if isinstance(report, dict):
        arguments["report"] = "\n".join(_list_globs(report["path"]))
    if masked := _list_masked(leg.body.get("output")):
        arguments["mask"] = masked
    arguments["env"] = environment_of(leg)
    boundary = Boundary(write=("**",), services=leg.services, limits=replace(Limits(), wall_s=wall_s))
    action = step_action(leg, "command.run", arguments, boundary=boundary, call=call)
    ending = await end_with(leg, await leg.bench.gate.perform(action))
    if not isinstance(ending, Ended):
        return ending
    if ending.state is State.SUCCEEDED and (refused := await _hand_in(leg, boundary=boundary, call=call)):
        return refused
    if ending.error == "timeout" and wall_s < own_s:
        ending = replace(ending, note=f"stopped: the `timeout` of {leg.deadline_of} was over while it ran")
    return _with_outputs(leg, ending)


async def _hand_in(leg: Leg, *, boundary: Boundary, call: int) -> Ending | None:
    """Have the files read that the step declares as evidence, one action each; return how the step ended if one is refused."""
    listed = leg.body.get("evidence") or ()
    assert isinstance(listed, (list, tuple))
    for number, item in enumerate(listed, start=1):
        assert isinstance(item, Mapping)
        arguments = {name: value for name, value in item.items() if value}
        action = step_action(
            leg, "evidence.read", arguments, boundary=boundary, call=call + EXHIBIT_CALLS * number
        )
        ending = await end_with(leg, await leg.bench.gate.perform(action))
        if not isinstance(ending, Ended) or ending.state is not State.SUCCEEDED:
            return ending
    return None


def _list_masked(declared: Json) -> list[Json]:
    """Return the outputs that the delegate is to keep as secrets, whichever file the script writes them to."""
    listed = declared if isinstance(declared, (list, tuple)) else ()
    return [str(item["name"]) for item in listed if isinstance(item, Mapping) and item.get("mask")]


def environment_of(leg: Leg) -> dict[str, Json]:
    """What every command sees, then `with`, then pipeline, stage and step, the nearest last.

    The body's own is rendered already: twice would evaluate an output.

    Variables are text: a number from a report is written out, and what is not there is empty, as it is inside other text.
    """
    around = render({**leg.plan.env, **leg.step.env}, leg.context)
    own = leg.body.get("env") or {}
    assert isinstance(around, Mapping)
    assert isinstance(own, Mapping)
    with_ = leg.body.get("with") or {}
    assert isinstance(with_, Mapping)
    named = {name: to_text(value) for name, value in {**around, **own}.items()}
    execution = {
        "HARNESS_PROJECT_ID": place_of(leg.execution).project or "default",
        "HARNESS_EXECUTION_ID": leg.execution.id,
    }
    return {**EVERYWHERE, **execution, **plugin_environment(with_), **named}


def _secret_outputs(output: Mapping[str, Json]) -> dict[str, Json]:
    """Return what the delegate keeps, by name: placeholders, which it fills in the `env` of a later command alone."""
    listed = output.get("secret_outputs") or ()
    assert isinstance(listed, (list, tuple))
    return {str(item["name"]): item["placeholder"] for item in listed if isinstance(item, Mapping)}


def _list_globs(paths: Json) -> list[str]:
    return [str(path) for path in paths] if isinstance(paths, (list, tuple)) else [str(paths)]


def _describe_report(leg: Leg, output: Mapping[str, Json]) -> str:
    """Return the note that the report is not there, which the script's exit code does not say."""
    report = leg.body.get("report")
    if not isinstance(report, Mapping) or output.get("why") != "exit" or output.get("report") is not None:
        return ""
    return f"no report matched {' or '.join(_list_globs(report['path']))}"


def _describe_unread(output: Mapping[str, Json]) -> str:
    """Return the note about lines of the output file that are no outputs."""
    unread = output.get("unread_outputs")
    if not isinstance(unread, Mapping):
        return ""
    count, names = unread["lines"], unread["names"]
    assert isinstance(names, (list, tuple))
    spelt = ", ".join(str(name) for name in names if name)
    told = f" ({spelt})" if spelt else ""
    lines = "1 line of the output file was" if count == 1 else f"{count} lines of the output file were"
    return f"{lines} not read{told}: write NAME=value"


def _with_outputs(leg: Leg, ended: Ended) -> Ended:
    """Put the variables that the script wrote beside the result, under the names that the step declares."""
    if not isinstance(ended.output, Mapping):
        return ended
    plain, declared = ended.output.get("outputs") or {}, leg.body.get("output") or ()
    assert isinstance(plain, Mapping)
    assert isinstance(declared, (list, tuple))
    written = {**plain, **_secret_outputs(ended.output)}
    named = dict(written)
    missing: list[str] = []
    for item in declared:
        assert isinstance(item, Mapping)
        name = str(item["name"])
        named[str(item.get("alias") or name)] = written.get(name)
        missing += [] if name in written else [name]
    notes = [ended.note]
    if "error" not in ended.output:  # what could not be collected has said so, and is not missing
        notes += [f"the script wrote no {', '.join(missing)}" if missing else ""]
        notes += [_describe_unread(ended.output), _describe_report(leg, ended.output)]
    return replace(ended, output={**named, **ended.output}, note="; ".join(note for note in notes if note))
