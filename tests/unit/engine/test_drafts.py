"""A draft never stands beside what only approved text may do."""

from dataclasses import replace

import pytest

from bridle.core.errors import InputError
from bridle.engine.drafts import refuse_drafts
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import Block, Step

PLAN = "pipeline: {id: p, stages: [{id: s, steps: [%s]}]}"
PUSH = "{id: push, tool: {uses: git.push, with: {commit: c, branch: b}}}"
ASK = "{id: ask, approval: {uses: harness, with: {message: m, groups: [g], timeout: 1d}}}"
ASK_FOR = "{id: ask, approval: {uses: harness, with: {message: m, for: s.push, timeout: 1d}}}"


def plan_of(steps, drafts=("x@1.0.0 draft",)):
    return replace(read_pipeline(PLAN % steps, source="p.yaml"), drafts=drafts)


@pytest.mark.parametrize("steps", [PUSH, f"{ASK_FOR}, {PUSH}", "{tool: {uses: nobody.knows}}"])
def test_a_draft_beside_an_effect_is_refused(steps):
    with pytest.raises(InputError) as caught:
        refuse_drafts(plan_of(steps))
    assert (caught.value.reason, caught.value.where.startswith("p.yaml:1:")) == ("draft-in-production", True)


def test_the_same_plan_without_a_draft_is_not():
    refuse_drafts(plan_of(PUSH, drafts=()))


@pytest.mark.parametrize("steps", ["make", ASK])
def test_a_draft_may_stand_where_nothing_leaves_the_workspace(steps):
    refuse_drafts(plan_of(steps))


def test_what_undoes_a_stage_counts():
    inner = plan_of(PUSH)
    stage = Block(id="s", name="s", kind="stage", rollback=inner.stages[0].nodes)
    with pytest.raises(InputError):
        refuse_drafts(replace(inner, stages=(stage,)))


def test_a_chained_pipeline_counts():
    chain = Step(
        id="c", name="c", kind="chain", with_={"uses": "q", "plan": plan_of(PUSH).to_json(), "inputs": {}}
    )
    with pytest.raises(InputError):
        refuse_drafts(
            replace(plan_of("make"), stages=(Block(id="s", name="s", kind="stage", nodes=(chain,)),))
        )
