"""`approval` with `uses: custom`: a script that is run until its outputs meet the criteria, in legs that hold no worker.

Each run is an action of its own, numbered by the outcomes that are recorded, so that a crash repeats none. A script that fails
ends the step failed; a rejection and a time that is over end it as a person's would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bridle.core.canonical import as_mapping
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, Waiting
from bridle.engine.steps.run import perform_run
from bridle.pipeline.criteria import meets
from bridle.pipeline.failure import INPUT_TIMEOUT
from bridle.trust.journal import Kind


async def perform_custom(leg: Leg) -> Ending:
    """Run the script once more, and say what its outputs say."""
    wanted, script = as_mapping(leg.body["with"]), leg.body["run"]
    assert isinstance(script, Mapping)
    retry_s, timeout_s = wanted["retry_s"], wanted["timeout_s"]
    assert isinstance(retry_s, int)
    assert isinstance(timeout_s, int)
    own = leg.started_at + timedelta(seconds=timeout_s) - leg.bench.clock.now()
    left = min([own, *leg.times_left()])
    if left <= timedelta(0):
        return Ended(State.DENIED, note="not approved in time", error=INPUT_TIMEOUT)
    ended = await perform_run(replace(leg, body=script), call=await _count_runs(leg))
    if not isinstance(ended, Ended) or ended.state is not State.SUCCEEDED:
        return ended
    outputs = as_mapping(ended.output)
    if meets(wanted["reject"], outputs):
        note = "; ".join(filter(None, (ended.note, "rejected by its criteria")))
        return replace(ended, state=State.DENIED, note=note, error="approval-rejection")
    if meets(wanted["approve"], outputs):
        return ended
    note = str(wanted["message"]) or "until its criteria are met"
    return Waiting(min(retry_s, left.total_seconds()), note, asks=True)


async def _count_runs(leg: Leg) -> int:
    records = await leg.bench.journal.read(execution=leg.execution.id, kinds=(Kind.OUTCOME,))
    return sum(record.subject.startswith(f"{leg.execution.id}/{leg.path}#") for record in records)
