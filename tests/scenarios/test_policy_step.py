"""Policy steps: the author's own gate, which only an answer without a denial opens."""

import asyncio

import pytest

from bridle.engine.summary import summarise
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.read import read_pipeline

LIMIT_S = 60.0
SETS = {
    "small": 'package pipeline\n\ndeny[msg] { input.size > 10; msg := sprintf("%d is too large", [input.size]) }\n',
    "modern": """package pipeline

import rego.v1

deny contains "nobody is named" if not input.who
warn contains "it is late" if input.late
""",
    "only-warns": 'package pipeline\n\nimport rego.v1\n\nwarn contains "w" if true\n',
    "broken": "package pipeline\n\ndeny[msg] {\n",
    "foreign": 'package elsewhere\n\nimport rego.v1\n\ndeny contains "x" if false\n',
    "raises": 'package pipeline\n\nimport rego.v1\n\ndeny contains "x" if to_number(input.who) > 1\n',
    "looks-out": 'package pipeline\n\nimport rego.v1\n\ndeny contains "x" if time.now_ns() < 0\n',
    "hangs": """package pipeline

import rego.v1

deny contains "x" if {
	some a in numbers.range(1, 30000)
	some b in numbers.range(1, 30000)
	a * b == -1
}
""",
}
PIPELINE = """
pipeline:
  id: gate
  inputs: {{who: {{type: string, default: ana}}}}
  stages:
    - id: s
      steps:
        - {{id: gate, on-failure: ignore, policy: {{sets: [{sets}]{payload}}}}}
        - {{id: after, run: "true"}}
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(app, sets, payload):
    text = PIPELINE.format(sets=sets, payload=f", payload: {payload}" if payload else "")
    plan = read_pipeline(text, source="gate.yaml", policies=SETS.get)
    execution = await app.control.start(plan, inputs={"who": "ana"}, options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    return str(ended.state), next(step for step in summary.stages["s"] if step.path == "s/gate")


@pytest.mark.parametrize(
    ("sets", "payload", "note"),
    [
        ("account.small", "{size: 3}", ""),
        ("small", "'{\"size\": 10}'", ""),
        ("small, modern", "{size: 3, who: <+inputs.who>, late: true}", "warning: modern: it is late"),
        ("small", "", ""),
    ],
)
async def test_a_gate_without_denials_lets_go_on(app, sets, payload, note):
    state, step = await run(app, sets, payload)
    assert (state, str(step.state), step.note) == ("succeeded", "succeeded", note)


@pytest.mark.parametrize(
    ("sets", "payload", "note"),
    [
        ("account.small", "{size: 11}", "account.small: 11 is too large"),
        ("small, modern", "{size: 11}", "small: 11 is too large; modern: nobody is named"),
        ("small, modern", "", "modern: nobody is named"),
        ("only-warns", "{}", "it needs a rule deny"),
        ("broken", "{}", "cannot be used"),
        ("foreign", "{}", "it must be pipeline"),
        ("raises", "{who: ana}", "raised an error"),
        ("looks-out", "{}", "time.now_ns"),
        ("hangs", "{}", "did not answer within"),
    ],
)
async def test_a_denial_and_no_answer_end_it_denied_whatever_its_strategy(app, sets, payload, note):
    state, step = await run(app, sets, payload)
    assert (state, str(step.state)) == ("denied", "denied")
    assert note in step.note


async def test_what_every_set_said_is_recorded_with_its_digest(app):
    _, step = await run(app, "account.small, modern", "{size: 11, who: ana, late: true}")
    first, second = step.output["sets"]
    assert (first["set"], first["deny"], first["warn"]) == ("account.small", ["11 is too large"], [])
    assert (second["set"], second["deny"], second["warn"]) == ("modern", [], ["it is late"])
    assert all(
        one["digest"].startswith("sha256:") for one in (first, second, {"digest": step.output["payload"]})
    )


async def test_a_payload_that_is_no_json_opens_nothing(app):
    state, step = await run(app, "small", "size 3")
    assert (state, str(step.state)) == ("denied", "denied")
    assert "not JSON" in step.note


@pytest.mark.parametrize(
    ("sets", "payload", "reason"),
    [
        ("", "{}", "missing-key:sets"),
        ("missing", "{}", "unknown-policy-set"),
        ("'<+inputs.who>'", "{}", "bad-set-name"),
        ("../small", "{}", "bad-set-name"),
        ("small", "{token: <+secrets.key>}", "secret-outside-env"),
    ],
)
async def test_a_gate_without_its_rules_is_refused_before_anything_runs(sets, payload, reason):
    text = PIPELINE.format(sets=sets, payload=f", payload: {payload}")
    with pytest.raises(PipelineError) as caught:
        read_pipeline(text, source="gate.yaml", policies=SETS.get)
    assert caught.value.reason == reason
