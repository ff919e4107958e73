"""When a stage or step runs."""

from __future__ import annotations

from typing import Any

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.conditions import DEFAULT_OF_STAGE, DEFAULT_OF_STEP, ConditionResult, evaluate_condition

CONTEXT: dict[str, Any] = {
    "inputs": {"go": True, "env": "prod", "n": 0},
    "stages": {"a": {"status": "failed"}},
}


def judge(
    source: str, *, pipeline_failed: bool = False, stage_failed: bool = False, default: str = DEFAULT_OF_STEP
) -> bool:
    return evaluate_condition(
        source, CONTEXT, pipeline_failed=pipeline_failed, stage_failed=stage_failed, default=default
    ).value


@pytest.mark.parametrize(
    ("source", "fine", "after_failure"),
    [
        ("", True, False),
        ("<+Always>", True, True),
        ("always()", True, True),
        ("<+OnStageSuccess>", True, False),
        ("<+OnStageFailure>", False, True),
        ("success()", True, False),
        ("${{ failure() }}", False, True),
        ("<+inputs.go>", True, False),
        ("true", True, False),
        ("<+Always> && <+inputs.go>", True, True),
        ('<+OnStageSuccess> && ("<+inputs.env>" == "prod")', True, False),
        ('<+OnStageFailure> || <+inputs.env> == "test"', False, True),
        ("<+inputs.n> > 0", False, False),
        ("<+inputs.gone> != 'x'", False, False),
        ("!<+inputs.gone>", False, False),
    ],
)
def test_step_runs_when(source: str, fine: bool, after_failure: bool) -> None:
    assert (judge(source), judge(source, stage_failed=True)) == (fine, after_failure)


def test_stage_looks_at_the_pipeline_by_default() -> None:
    assert judge("", stage_failed=True, default=DEFAULT_OF_STAGE)
    assert not judge("success()", pipeline_failed=True, default=DEFAULT_OF_STAGE)


def test_word_of_the_dialect_is_compared_as_our_state() -> None:
    assert judge('<+stages.a.status> == "Failed"')


def test_unresolved_path_is_reported_and_does_not_let_it_run() -> None:
    result = evaluate_condition(
        "<+stages.b.status> == 'Failed'",
        CONTEXT,
        pipeline_failed=False,
        stage_failed=False,
        default=DEFAULT_OF_STEP,
    )
    assert result == ConditionResult(False, ("stages.b.status",))


@pytest.mark.parametrize("source", ["<+inputs.env>", "<+inputs.n>", "<+", "<+secrets.x>", "a b"])
def test_condition_that_is_no_condition_is_an_error(source: str) -> None:
    with pytest.raises(InputError):
        judge(source)


def test_unknown_default_is_an_error() -> None:
    with pytest.raises(InputError):
        judge("", default="Always")
