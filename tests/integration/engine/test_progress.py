"""A loop that gets nowhere waits for a person, no longer than a day, and its question survives the process."""

from datetime import timedelta

from bridle.engine.interventions import find_open_interventions
from bridle.trust.journal import Kind

PIPELINE = """
pipeline:
  id: circles
  stages:
    - id: s
      steps:
        - id: same
          strategy: {while: {iterations: 20, condition: "true"}}
          run: echo nothing new
        - {id: next, run: echo next}
"""
ROUNDS = {f"s/same_{index}": "succeeded" for index in range(3)}
QUESTION = "s/same/progress_3"


async def test_when_nobody_decides_within_a_day_the_loop_has_failed(desk):
    async def let_a_day_pass():
        desk.clock.advance(timedelta(days=1, seconds=1))

    state, steps = await desk.carry(await desk.start(PIPELINE), meanwhile=let_a_day_pass)
    assert (str(state), steps) == ("failed", {**ROUNDS, QUESTION: "failed", "s/next": "skipped"})


async def test_it_is_asked_once_and_what_is_offered_is_said(desk):
    execution, seen = await desk.start(PIPELINE), []

    async def look():
        current = await desk.executions.get(execution.id)
        seen.extend(await find_open_interventions(desk.bench.journal, current, now=desk.clock.now()))
        desk.clock.advance(timedelta(days=2))

    await desk.carry(execution, meanwhile=look)
    (asked,) = seen
    assert (asked.path, asked.offers[:2]) == (QUESTION, ("retry", "success"))
    kinds = (Kind.INTERVENTION_REQUESTED,)
    assert len(await desk.bench.journal.read(execution=execution.id, kinds=kinds)) == 1


async def test_rounds_with_an_effect_that_lasts_are_counted_by_the_gate_and_not_stopped_here(
    desk, approval_pipeline
):
    """The pushes are one after the other; whether they go in circles is asked with each of them."""
    push = "- id: push\n"
    assert push in approval_pipeline
    loop = "          strategy: {while: {iterations: 5, condition: 'true'}}\n"
    head, _, _ = approval_pipeline.partition("    - id: approval\n")
    _, _, tail = approval_pipeline.partition("    - id: ship\n")
    execution = await desk.start(f"{head}    - id: ship\n{tail.replace(push, push + loop)}")

    async def approve():
        await desk.answer(execution, approved=True)

    state, steps = await desk.carry(execution, meanwhile=approve)
    pushed = {f"ship/push_{index}": "succeeded" for index in range(5)}
    assert (state, steps) == ("succeeded", {"repair/fix": "succeeded", **pushed})
