"""Runtime inputs of a file: filled in before it is read, or complained about where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline

FILE = """\
pipeline:
  id: p
  timeout: <+input>.default(10m)
  stages:
    - id: s
      strategy: {{matrix: {{word: {axis}}}}}
      steps:
        - {{run: ls, timeout: "{timeout}"}}
"""
TIMEOUT, AXIS = "pipeline.stages.0.steps.0.timeout", "pipeline.stages.0.strategy.matrix.word"


def read(*, timeout: str = "<+input>", axis: str = "[a]", **given: str) -> Any:
    return read_pipeline(FILE.format(timeout=timeout, axis=axis), source="p.yaml", runtime=given)


def test_a_value_stands_in_the_plan_as_if_it_had_been_written() -> None:
    plan = read(**{TIMEOUT: "5m", "pipeline.timeout": "60"})
    assert (plan.timeout_s, plan.stages[0].nodes[0].timeout_s) == (60, 300)


def test_a_default_stands_when_nothing_is_given() -> None:
    assert read(**{TIMEOUT: "5m"}).timeout_s == 600


def test_a_list_is_given_as_json() -> None:
    axis = "\"<+input>.selectManyFrom('a', 'b', 'c')\""
    plan = read(axis=axis, **{TIMEOUT: "5m", AXIS: '["a", "c"]'})
    assert plan.stages[0].strategy.axes == (("word", ["a", "c"]),)


@pytest.mark.parametrize(
    ("timeout", "given", "column", "reason"),
    [
        ("<+input>", {}, 30, "missing-runtime-input"),
        ("<+input>.allowedValues('1m', '2m')", {TIMEOUT: "3m"}, 30, "bad-input-value"),
        ("<+input>.regex([0-9]+m)", {TIMEOUT: "3h"}, 30, "bad-input-value"),
        ("<+input>.regex(()", {TIMEOUT: "3h"}, 30, "unclosed"),
        ("<+input>.nonsense()", {TIMEOUT: "3h"}, 30, "unknown-function"),
        ("<+input>", {TIMEOUT: "<+secrets.key>"}, 30, "expression-in-input"),
        ("<+input>.executionInput()", {}, 11, "unnamed-beside-input"),
    ],
)
def test_what_is_missing_or_not_allowed_is_refused_where_it_stands(
    timeout: str, given: dict[str, str], column: int, reason: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        read(timeout=timeout, **given)
    first = caught.value.complaints[0]
    assert (first.place.line, first.reason) == (8, reason)
    assert first.place.column >= column


def test_a_path_that_asks_for_nothing_is_answered_with_the_nearest() -> None:
    with pytest.raises(PipelineError, match="did you mean"):
        read(**{TIMEOUT: "5m", "pipeline.stages.0.steps.0.timout": "5m"})


def read_asking(steps: str) -> Plan:
    return read_pipeline(f"pipeline: {{id: p, stages: [{{id: s, steps: [{steps}]}}]}}", source="p.yaml")


def test_what_a_step_asks_for_when_it_is_reached_an_approval_before_it_asks() -> None:
    region = "<+input>.allowedValues(eu,us).default(eu).executionInput()"
    run = f"{{script: echo, env: {{TAG: '<+input>.executionInput().regex(v[0-9]+)', REGION: '{region}'}}}}"
    plan = read_asking(f"{{id: roll, if: <+Always>, run: {run}}}")
    ask, roll = plan.stages[0].nodes
    assert (ask.id, ask.kind, ask.condition) == ("roll_input", "approval", roll.condition)
    asked = ask.with_["with"]["inputs"]
    assert {
        name: (one["required"], one["default"], one["enum"], one["pattern"]) for name, one in asked.items()
    } == {
        "TAG": (True, None, [], "v[0-9]+"),
        "REGION": (False, "eu", ["eu", "us"], None),
    }
    assert roll.env | roll.with_["env"] == {
        name: f"${{{{ steps.roll_input.output.approverInputs.{name} }}}}" for name in ("TAG", "REGION")
    }


def test_what_is_given_when_it_is_started_is_not_asked_for() -> None:
    text = "pipeline: {id: p, stages: [{id: s, steps: [{id: a, run: x, env: {T: '<+input>.executionInput()'}}]}]}"
    plan = read_pipeline(text, source="p.yaml", runtime={"pipeline.stages.0.steps.0.env.T": "v1"})
    assert [(step.id, step.env) for step in plan.stages[0].nodes] == [("a", {"T": "v1"})]


def test_a_step_of_a_parallel_block_in_a_group_waits_for_its_own_question_alone() -> None:
    inner = "{id: a, run: x, env: {T: '<+input>.executionInput()'}}, {id: b, run: x}"
    plan = read_asking(f"{{group: {{id: g, steps: [{{parallel: [{inner}]}}]}}}}")
    block = plan.stages[0].nodes[0].nodes[0]
    assert [(step.id, step.needs) for step in block.nodes] == [
        ("a_input", ()),
        ("a", ("a_input",)),
        ("b", ()),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "stages: [{id: s, steps: [{run: x, env: {T: '<+input>.executionInput()'}}]}]",
            "unnamed-beside-input",
        ),
        (
            "stages: [{id: s, steps: [{id: a, env: {T: '<+input>.executionInput()'}, run: x}, ls]}]",
            "unnamed-beside-input",
        ),
        ("stages: [{id: s, env: {T: '<+input>.executionInput()'}, steps: [ls]}]", "misplaced-executionInput"),
        (
            "stages: [{id: s, steps: [ls], rollback: [{id: r, run: '<+input>.executionInput()'}]}]",
            "misplaced-executionInput",
        ),
    ],
)
def test_what_cannot_be_asked_for_there_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PipelineError) as caught:
        read_pipeline(f"pipeline: {{id: p, {text}}}", source="p.yaml")
    assert reason in [complaint.reason for complaint in caught.value.complaints]
