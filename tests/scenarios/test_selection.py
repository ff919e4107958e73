"""Runs of some stages, and reruns with the inputs of the first run: as the pipeline allows."""

import asyncio

import pytest

from bridle.core.errors import InputError
from bridle.engine.summary import summarise
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline

LIMIT_S = 60.0
PIPELINE = """
pipeline:
  id: chosen
  inputs: {{name: {{type: string, default: first}}}}
  {head}
  stages:
    - {{id: one, steps: [{{id: a, run: "exit 1"}}]}}
    - parallel:
        - {{id: two, steps: [{{id: a, run: "test <+inputs.name> = first"}}]}}
        - {{id: three, strategy: {{for: 2}}, steps: [{{id: a, run: "exit 1"}}]}}
    - {{id: four, strategy: {{for: 2}}, steps: [{{id: a, run: "true"}}]}}
"""
ALLOWED = "allow-stage-executions: true"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def read(head):
    return read_pipeline(PIPELINE.format(head=head), source="chosen.yaml")


async def states_of(app, execution):
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    steps = [step for group in summary.stages.values() for step in group]
    return str(ended.state), {step.path: str(step.state) for step in steps if str(step.state) != "skipped"}


async def start(app, plan, *stages):
    return await app.control.start(
        plan, inputs=resolve_inputs(plan, {}), options={}, initiator=app.user, stages=stages
    )


async def test_the_stages_that_were_asked_for_run_and_the_others_are_skipped(app):
    execution = await start(app, read(ALLOWED), "two", "four")
    wanted = {"two/a": "succeeded", "four_0/a": "succeeded", "four_1/a": "succeeded"}
    assert await states_of(app, execution) == ("succeeded", wanted)
    again = await app.control.rerun(execution.id, given={}, initiator=app.user)
    assert await states_of(app, again) == ("succeeded", wanted)


@pytest.mark.parametrize(
    ("head", "stage", "reason"),
    [("", "two", "no-stage-executions"), (ALLOWED, "five", "no-such-stage")],
)
async def test_what_cannot_be_run_alone_is_refused(app, head, stage, reason):
    with pytest.raises(InputError) as caught:
        await start(app, read(head), stage)
    assert caught.value.reason == reason


async def test_a_rerun_takes_no_other_inputs_where_they_are_fixed(app):
    execution = await start(app, read("fixedInputsOnRerun: true"))
    assert (await states_of(app, execution))[0] == "failed"
    with pytest.raises(InputError) as caught:
        await app.control.rerun(execution.id, given={"name": "second"}, initiator=app.user)
    assert caught.value.reason == "fixed-inputs"
    again = await app.control.rerun(execution.id, given={}, initiator=app.user)
    assert again.inputs == execution.inputs
    await states_of(app, again)
