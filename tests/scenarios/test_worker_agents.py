"""The sample's pipelines, with the templates that ship, on a real store with the real engine, policy and sandbox."""

import asyncio

import pytest

from bridle.app import shipped
from bridle.core.states import State
from bridle.engine.summary import summarise
from bridle.surfaces.cli.locking import read_plan

FOLDER = shipped("samples") / "worker-agents"
LIMIT_S = 30.0
NOTES = {
    "sequential": [],
    "handoff": ["misplaced-uses", "implied-dependency", "has no version"],
    "group": ["has no version"],
    "loop": ["has no version"],
}


def test_every_file_of_the_sample_is_run_here():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(NOTES)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NOTES)
async def test_sample_runs_as_it_was_written(app, name):
    plan = read_plan(FOLDER / f"{name}.yaml")
    assert [text for text in NOTES[name] if not any(text in note for note in plan.notes)] == []
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    steps = [step for group in summary.stages.values() for step in group]
    assert (ended.state, {step.state for step in steps}) == (State.SUCCEEDED, {State.SUCCEEDED}), steps


@pytest.mark.asyncio(loop_scope="module")
async def test_what_one_of_two_side_by_side_puts_out_reaches_the_other(app):
    plan = read_plan(FOLDER / "handoff.yaml")
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    outputs = {step.path: step.output for group in summary.stages.values() for step in group}
    assert outputs["stage_1/specdesign/prbody/write"]["body"].split() == [
        "For",
        "cds-1234",
        "#",
        "Open",
        "work",
    ]
