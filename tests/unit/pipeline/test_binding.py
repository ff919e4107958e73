"""Runtime inputs of a file: filled in before it is read, or complained about where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from bridle.pipeline.complaint import PipelineError
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
        ("<+input>.executionInput()", {}, 30, "not-executed-yet:executionInput"),
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
