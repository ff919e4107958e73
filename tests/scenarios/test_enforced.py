"""Policy sets that a pipeline, a stage, a group or a step enforces: asked before each step in it, and no answer denies."""

import asyncio

import pytest

from bridle.engine.steps.enforced import ask_enforced, refuse_enforced
from bridle.engine.summary import summarise
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind

LIMIT_S = 60.0
HEAD = "package pipeline\n\nimport rego.v1\n\n"
SETS = {
    "no-rm": HEAD + 'deny contains "it removes" if contains(input.step.with.script, "rm ")\n',
    "no-prod": HEAD + 'deny contains "production" if input.deployment.type == "production"\n',
    "sees": HEAD + 'deny contains "it sees a secret" if contains(json.marshal(input), "secret:")\n'
    'warn contains sprintf("%s %s", [input.stage.id, input.inputs.who]) if input.step.kind == "run"\n',
    "broken": "package pipeline\n\ndeny[msg] {\n",
}
PIPELINE = """
pipeline:
  id: enforced
  inputs: {{who: {{type: string, default: ana}}, key: {{type: secret, default: some_key}}}}
  {pipeline}
  stages:
    - id: s
      {stage}
      steps:
        - {{id: first, run: "true"}}
        - group:
            id: g
            steps:
              - {{id: second, env: {{K: <+inputs.key>}}, run: "{script}", on-failure: ignore {step}}}
          {group}
        - {{id: third, if: Always, run: "true"}}
"""
NO_RM = "enforce: {policySets: [account.no-rm]}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def read(script="rm -f x", **places):
    given = {"pipeline": "", "stage": "", "group": "", "step": "", **places}
    return read_pipeline(PIPELINE.format(script=script, **given), source="enforced.yaml", policies=SETS.get)


async def run(app, plan):
    execution = await app.control.start(plan, inputs=resolve_inputs(plan, {}), options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    records = await app.journal.read(execution=execution.id)
    steps = {step.path: step for group in summarise(ended, records).stages.values() for step in group}
    return str(ended.state), steps, records


@pytest.mark.parametrize(
    "places", [{"pipeline": NO_RM}, {"stage": NO_RM}, {"group": NO_RM}, {"step": f", {NO_RM}"}]
)
async def test_a_denial_wherever_it_is_enforced_ends_the_step_before_it_acts(app, places):
    state, steps, records = await run(app, read(**places))
    assert (state, str(steps["s/g/second"].state)) == ("denied", "denied")
    assert steps["s/g/second"].note == "account.no-rm: it removes"
    assert [str(steps[f"s/{name}"].state) for name in ("first", "third")] == ["succeeded", "succeeded"]
    asked = {record.subject for record in records if record.kind is Kind.DECIDED}
    assert not any("second" in subject for subject in asked)


async def test_what_every_set_said_is_recorded_and_no_set_sees_a_secret(app):
    enforce = "enforce: {policy_sets: [sees]}"
    _, steps, records = await run(app, read("test -z none$K", stage=enforce))
    assert str(steps["s/first"].state) == "succeeded"
    ends = {record.subject: record.body for record in records if record.kind is Kind.STEP_ENDED}
    (told,) = ends["s/first"]["enforced"]
    assert (told["set"], told["deny"], told["warn"]) == ("sees", [], ["s ana"])
    assert told["digest"].startswith("sha256:")
    assert ends["s/g/second"]["enforced"][0]["deny"] == []


async def test_production_is_told_from_everything_else(app):
    enforce = "enforce: {policySets: [no-prod]}"
    state, steps, _ = await run(app, read("true", stage=f"{enforce}\n      environment: eu"))
    assert (state, steps["s/first"].note) == ("denied", "no-prod: production")
    plan = read("test -z $K$K", stage=f"{enforce}\n      environment: {{id: eu, type: non-production}}")
    _, steps, _ = await run(app, plan)
    assert str(steps["s/first"].state) == "succeeded"


async def test_a_set_that_cannot_be_asked_denies(app):
    state, steps, _ = await run(app, read("true", pipeline="enforce: {policySets: [broken]}"))
    assert (state, str(steps["s/first"].state)) == ("denied", "denied")
    assert "cannot be used" in steps["s/first"].note


async def test_a_set_that_the_plan_has_lost_denies():
    plan = read(pipeline=NO_RM)

    class LostLeg:
        step, body, path, context, deployment = plan.find("s/first"), {}, "s/first", {}, None

    LostLeg.plan = type("Plan", (), {"policy_sets": {}})
    refused = refuse_enforced(await ask_enforced(LostLeg))
    assert (str(refused.state), refused.note) == (
        "denied",
        "account.no-rm: this policy set is not in the plan",
    )


@pytest.mark.parametrize(
    ("enforce", "reason"),
    [
        ("enforce: {policySets: [missing]}", "unknown-policy-set"),
        ("enforce: {policySets: []}", "missing-key:policy-sets"),
        ("enforce: {policySets: ['<+inputs.who>']}", "bad-set-name"),
        ("enforce: {policyset: [no-rm]}", "unknown-key"),
    ],
)
@pytest.mark.parametrize("place", ["pipeline", "stage", "group"])
async def test_a_set_that_is_not_there_is_refused_before_anything_runs(place, enforce, reason):
    with pytest.raises(PipelineError) as caught:
        read(**{place: enforce})
    assert caught.value.reason == reason
