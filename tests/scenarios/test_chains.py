"""A pipeline that chains another one of its repository, end to end: links, hand-over, and what becomes of a child's end."""

import asyncio

import pytest

from bridle.engine.starting import derive_id
from bridle.engine.summary import summarise
from bridle.surfaces.cli.locking import read_plan

LIMIT_S = 30.0
PARENT = """\
pipeline:
  id: parent
  stages:
    - id: call
      chain:
        uses: child
        with:
          inputs: {word: yes}
          outputs: [{name: said, value: <+stages.s.steps.x.output.word>}]
    - id: after
      steps: [{id: y, run: {script: test "$SAID" = yes, env: {SAID: <+stages.call.steps.chain.output.said>}}}]
"""
CHILD = """\
pipeline:
  id: child
  inputs: {word: {type: string, required: true}}
  stages: [{id: s, steps: [%s]}]
"""
SAYS = '{id: x, run: {script: echo "word=$WORD" >> "$BRIDLE_OUTPUT"; %s, env: {WORD: <+inputs.word>}, output: [word]}}'
PUSH = "{id: push, tool: {uses: git.push, with: {commit: '0123456789012345678901234567890123456789', branch: main}}}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("steps", "child_state", "states"),
    [
        (SAYS % "true", "succeeded", {"call/chain": "succeeded", "after/y": "succeeded"}),
        (SAYS % "exit 1", "failed", {"call/chain": "failed", "after/y": "skipped"}),
        (f"{SAYS % 'true'}, {PUSH}", "denied", {"call/chain": "denied", "after/y": "skipped"}),
    ],
    ids=["succeeded", "failed", "denied"],
)
async def test_a_stage_that_chains_ends_as_the_child_ended(app, tmp_path, steps, child_state, states):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "child.yaml").write_text(CHILD % steps)
    (tmp_path / "parent.yaml").write_text(PARENT)
    plan = read_plan(tmp_path / "parent.yaml")
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    child = await app.executions.get(derive_id(execution.id, "call/chain"))
    assert (str(child.state), child.options["parent"], child.initiator) == (
        child_state,
        execution.id,
        app.user.id,
    )
    found = {step.path: str(step.state) for group in summary.stages.values() for step in group}
    assert (found, str(ended.state)) == (states, child_state)
