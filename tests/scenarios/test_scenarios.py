"""Pipelines and what becomes of them, on a real store, with the real engine, policy and sandbox.

A scenario is one file of two documents: a pipeline, and what is expected of it. `ORIGINS` in the pipeline is a folder of
three repositories: one, two and three, each with a tag v1.

    state       of the whole
    steps       the state of every step, none left out
    names       what the cells are called that a step stands in
    notes       text that a step's note holds
    outputs     members that a step's output holds, whatever else it has
    decisions   every decision of the gate, in order, where a scenario lists them
    planned     texts that some note of the plan holds
    at_least_s, at_most_s   how long it takes
    children    the same for the executions that belong to this one, by path: a chained pipeline's step, `STAGE/rollback`

and what is given or done meanwhile:

    inputs      values for the run
    templates   texts of templates and pipelines that it uses, by name@version
    approve     true or false for the approval of a step, once it is asked for
    answer      what a person decides about a failed step that waits for it
    pause       a step: when it has begun, the execution is paused for half a second
    cancel      a step: when it has begun, the execution is cancelled

Four are under way at a time; each has a test of its own.
"""

from pathlib import Path

import pytest

from bridle.gate.replay import read_past
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Kind
from support.facts import complain_of_facts
from support.scenario import check

FOLDER = Path(__file__).parent
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.yaml"))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(stage, name):
    scenario, played = await stage.play(name)
    check(played, scenario.expected)


async def test_the_journal_of_all_scenarios_verifies_and_no_token_is_left(app, stage):
    await stage.empty()
    records = await app.journal.read()
    checked = verify_journal(
        records,
        checkpoints=await app.journal.checkpoints(),
        control_plane=app.signer.verifier,
        origin="bridle.local/journal",
    )
    assert (checked.records, checked.open_intents) == (len(records), ())
    with app.database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar_one() == 0


async def test_every_fact_that_was_recorded_is_in_the_published_schema(app, stage):
    await stage.play("all_good")  # the other scenarios may be another worker's
    await stage.empty()
    read = [read_past(record, None) for record in await app.journal.read(kinds=(Kind.DECIDED,))]
    pasts = [past for past in read if past != "decided by people"]
    assert pasts
    assert [complaint for past in pasts for complaint in complain_of_facts(past.facts)] == []
