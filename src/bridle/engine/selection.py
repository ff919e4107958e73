"""Runs of some stages: only where the pipeline allows it, and only of stages that it has. The others are skipped.

A stage that is named runs with all that stands in it. What a skipped stage would have put out is not there, as with any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.position import Position
from bridle.pipeline.complaint import suggest
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Block, walk

NOT_CHOSEN = "not among the stages that were asked for"


def select_stages(plan: Plan, names: Sequence[str]) -> dict[str, Json]:
    """Return the options of a run of these stages, none for a run of all; raise InputError for what cannot be run so."""
    if not names:
        return {}
    if not plan.stage_executions:
        hint = "run all of it, or write allow-stage-executions: true into the pipeline"
        raise InputError(f"{plan.id} is run as a whole", hint=hint, reason="no-stage-executions")
    known = [node.id for _, node in walk(plan.stages) if isinstance(node, Block) and node.kind == "stage"]
    for name in names:
        if name not in known:
            hint = suggest(name, known, otherwise=f"stages: {', '.join(known[:12])}")
            raise InputError(f"{plan.id} has no stage {name[:80]!r}", hint=hint, reason="no-such-stage")
    return {"only": list(names)}


def is_left_out(options: Mapping[str, Json], position: Position) -> bool:
    """True for a stage that was not asked for, in a run that is of some stages."""
    only = options.get("only")
    if not isinstance(only, (list, tuple)) or not isinstance(position.node, Block):
        return False
    return position.node.kind == "stage" and not any(level.node.id in only for level in position.levels())
