"""Whether a stage or step runs: its `if`, together with how things went so far.

Rules
  1. An empty condition is the default status word alone: `OnPipelineSuccess` for a stage, `OnStageSuccess` for a step.
  2. A condition that names no status word holds only if the default status word holds too.
  3. `success()` and `failure()` speak of the same thing as the default: the pipeline for a stage, the stage for a step.
  4. Only true lets it run. null (an unresolved path) does not; a value that is neither true nor false is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.evaluation import Evaluation
from bridle.pipeline.parser import parse_condition
from bridle.pipeline.syntax import Status, walk
from bridle.pipeline.values import decide

DEFAULT_OF_STAGE = "OnPipelineSuccess"
DEFAULT_OF_STEP = "OnStageSuccess"


@dataclass(frozen=True)
class ConditionResult:
    """Whether it runs, and the paths that led nowhere (a note on the node). `default` is the default status word, where that
    alone held it back: nothing that it asks for itself is false."""

    value: bool
    unresolved: tuple[str, ...] = ()
    default: str = ""


def evaluate_condition(
    source: str,
    context: Mapping[str, Json],
    *,
    pipeline_failed: bool,
    stage_failed: bool,
    default: str,
) -> ConditionResult:
    """Return whether what carries the condition `source` runs; raise ExpressionError when that can't be told.

    `default` is DEFAULT_OF_STAGE or DEFAULT_OF_STEP. Failures that were ignored don't count as failed.
    """
    words = _value_words(pipeline_failed=pipeline_failed, stage_failed=stage_failed, default=default)
    if not source.strip():
        return ConditionResult(words[default], default="" if words[default] else default)
    tree = parse_condition(source)
    evaluation = Evaluation(context, words)
    holds = decide(evaluation.run(tree)) is True
    names_status = any(isinstance(node, Status) for node in walk(tree))
    is_held_back = holds and not names_status and not words[default]
    return ConditionResult(
        holds and not is_held_back, tuple(evaluation.unresolved), default=default if is_held_back else ""
    )


def _value_words(*, pipeline_failed: bool, stage_failed: bool, default: str) -> dict[str, bool]:
    if default not in (DEFAULT_OF_STAGE, DEFAULT_OF_STEP):
        hint = f"use {DEFAULT_OF_STAGE} or {DEFAULT_OF_STEP}"
        raise InputError(f"{default!r} is not a default condition", hint=hint)
    failed = pipeline_failed if default == DEFAULT_OF_STAGE else stage_failed
    return {
        "Always": True,
        "always": True,
        "OnPipelineSuccess": not pipeline_failed,
        "OnPipelineFailure": pipeline_failed,
        "OnStageSuccess": not stage_failed,
        "OnStageFailure": stage_failed,
        "success": not failed,
        "failure": failed,
    }
