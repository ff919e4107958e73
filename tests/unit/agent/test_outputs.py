"""The outputs an agent declares: what its answer gives, and what stops it before a later step sees it."""

from __future__ import annotations

import json
import time

import pytest

from bridle.agent.definition import AgentDefinition
from bridle.agent.forms import parse_agent
from bridle.agent.outputs import add_answer, check_outputs, describe_outputs
from bridle.core.canonical import Json

DECLARED = (
    "{verdict: {type: string, enum: [good, bad]}, findings: {type: array, maxItems: 2},"
    " why: {type: string, required: false}}"
)


def declare(line: str) -> AgentDefinition:
    text = f"agent:\n  with: {{prompt: Look}}\n  {line}\n"
    return parse_agent(text, file="a.yaml", name="acme.a", version="1.0.0", owner="acme")


def judge(agent: AgentDefinition, text: str, **seen: Json) -> str:
    return check_outputs(agent, add_answer(agent, {"text": text, **seen}))


def test_an_agent_without_declared_outputs_hands_on_what_the_harness_saw() -> None:
    agent = declare("description: x")
    seen: dict[str, Json] = {"text": '{"commit": "forged", "verdict": "good"}'}
    assert (add_answer(agent, seen), check_outputs(agent, seen), describe_outputs(agent)) == (seen, "", "")


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": "good", "findings": []}',
        'It is good.\n\n```json\n{"verdict": "good", "findings": []}\n```\n',
        '```\n{"verdict": "bad"}\n```\n```\n{"verdict": "good", "findings": []}\n```',
    ],
)
def test_the_answer_becomes_outputs(text: str) -> None:
    agent = declare(f"outputs: {DECLARED}")
    assert judge(agent, text) == ""
    assert add_answer(agent, {"text": text})["verdict"] == "good"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("I am done.", "'verdict' is a required property"),
        ('{"verdict": "fine", "findings": []}', "verdict: 'fine' is not one of"),
        ('{"verdict": "good", "findings": [1, 2, 3]}', "findings: "),
        ('{"verdict": "good", "findings": "' + "x" * 70_000 + '"}', "required property"),
        ("[" * 200, "required property"),
    ],
)
def test_an_answer_that_does_not_fit_is_complained_about(text: str, complaint: str) -> None:
    assert complaint in judge(declare(f"outputs: {DECLARED}"), text)


def test_the_model_cannot_say_what_the_harness_saw() -> None:
    agent = declare("outputs: [commit]")
    assert "'commit' is a required property" in judge(agent, '{"commit": "forged"}')
    assert judge(agent, "done", commit="abc") == ""
    assert add_answer(agent, {"text": '{"commit": "forged"}', "commit": "abc"})["commit"] == "abc"


def test_a_whole_schema_judges_the_answer_alone() -> None:
    agent = declare(
        "output-schema: {properties: {n: {type: integer}}, required: [n], additionalProperties: false}"
    )
    assert judge(agent, '{"n": 1}', commit="abc") == ""
    assert "'m' was unexpected" in judge(agent, '{"n": 1, "m": 2}')


def test_the_agent_is_told_its_schema() -> None:
    told = describe_outputs(declare(f"outputs: {DECLARED}"))
    assert json.loads(told.partition("\n\n")[2])["required"] == ["verdict", "findings"]


def test_a_pattern_takes_linear_time() -> None:
    agent = declare("outputs: {a: {type: string, pattern: '^(x+x+)+y$'}}")
    began = time.process_time()
    assert "does not match" in judge(agent, json.dumps({"a": "x" * 50_000}))
    assert time.process_time() - began < 2


def test_an_alias_is_what_an_output_is_called() -> None:
    assert declare("outputs: [{name: A, alias: b}, c]").output_schema["required"] == ["b", "c"]


def test_declared_outputs_are_part_of_the_digest() -> None:
    assert declare("outputs: [a]").digest != declare("outputs: [b]").digest
