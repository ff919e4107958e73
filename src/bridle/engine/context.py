"""What expressions see: inputs, and the states and outputs of what has run, read from the journal by record id."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.engine.execution import Execution
from bridle.engine.interpreter import Progress
from bridle.trust.journal import Journal, Record


class Outputs:
    """Reads outputs of finished steps. A record never changes, so what was read once is kept."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, Json] = {}

    def keep(self, record: Record) -> None:
        """Take the output of a `step.ended` record that this process has just written."""
        self._known[record.id] = record.body.get("output")

    async def of(self, record: str) -> Json:
        """Return the output in a `step.ended` record."""
        if record not in self._known:
            self._known[record] = (await self._journal.get(record)).body.get("output")
        return self._known[record]


async def build_context(
    execution: Execution, progress: Progress, outputs: Outputs, *, stage: str
) -> dict[str, Json]:
    """Return the tree that expressions look things up in; `stage` is the one that is being run."""
    stages: dict[str, dict[str, Json]] = {}
    for path, known in progress.steps.items():
        stage_id, _, step_id = path.partition("/")
        steps = stages.setdefault(stage_id, {})
        output = await outputs.of(known["record"]) if known["record"] else None
        steps[step_id] = {"status": known["state"], "output": output}
    tree: dict[str, Json] = {
        stage_id: {"status": progress.stages.get(stage_id, "running"), "steps": steps}
        for stage_id, steps in stages.items()
    }
    for stage_id, status in progress.stages.items():
        tree.setdefault(stage_id, {"status": status, "steps": {}})
    return {
        "inputs": dict(execution.inputs),
        "stages": tree,
        "steps": stages.get(stage, {}),
        "pipeline": _pipeline(execution),
    }


def _pipeline(execution: Execution) -> Mapping[str, Json]:
    return {"id": execution.pipeline, "name": execution.plan["name"], "execution_id": execution.id}
