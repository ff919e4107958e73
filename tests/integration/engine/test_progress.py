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
