"""Pipelines and what becomes of them, on a real store, with the real engine, policy and sandbox.

A scenario is one file of two documents: a pipeline, and what is expected of it.

    state       of the whole
    steps       the state of every step, none left out
    notes       text that a step's note holds
    outputs     members that a step's output holds, whatever else it has
    decisions   every decision of the gate, in order, where a scenario lists them
    at_least_s  how long it takes at least
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bridle.engine.summary import elapsed_s, summarise
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline
from bridle.trust.audit import verify_journal

FOLDER = Path(__file__).parent
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
EXPECTATIONS = {"state", "steps", "notes", "outputs", "decisions", "at_least_s"}
LIMIT_S = 30.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(app, name):
    text, expected = read(name)
    plan = read_pipeline(text, source=f"{name}.yaml")
    execution = await app.control.start(plan, inputs=resolve_inputs(plan, {}), options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    steps = {step.path: step for group in summary.stages.values() for step in group}
    found = {path: str(step.state) for path, step in steps.items()}
    assert found == expected["steps"], [step.note for step in steps.values()]
    assert (str(ended.state), str(summary.state)) == (expected["state"], expected["state"])
    for path, note in expected.get("notes", {}).items():
        assert note in steps[path].note
    for path, output in expected.get("outputs", {}).items():
        assert holds(steps[path].output, output), steps[path].output
    if "decisions" in expected:
        assert decisions(summary) == expected["decisions"]
    assert elapsed_s(summary, until="") >= expected.get("at_least_s", 0.0)


async def test_the_journal_of_all_scenarios_verifies_and_no_token_is_left(app):
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


def read(name):
    """Return the pipeline's text and what is expected; an expectation of another name would be none."""
    text, _, rest = (FOLDER / f"{name}.yaml").read_text("utf-8").partition("\n---\n")
    expected = YAML(typ="safe", pure=True).load(rest)
    assert {"state", "steps"} <= set(expected) <= EXPECTATIONS
    return text, expected


def holds(found, wanted):
    """True when `found` has every member of `wanted`, at any depth."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and holds(found[key], item) for key, item in wanted.items()
        )
    return found == wanted


def decisions(summary):
    return [{"step": item.step, "tool": item.tool, "effect": item.effect} for item in summary.actions]
