"""What a rerun takes over of an ended execution, and what it refuses to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.engine.rerun import find_reuse
from bridle.engine.starting import derive_id
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Entry, Kind, seal

PLAN = read_pipeline(
    """
pipeline:
  id: p
  stages:
    - {id: a, steps: [{id: s, run: 'true'}]}
    - {id: b, steps: [{id: s, run: 'true'}]}
""",
    source="p.yaml",
)
ENDED = Execution(
    "exe_1",
    "p",
    PLAN.to_json(),
    PLAN.digest(),
    {},
    {},
    "user:ana",
    State.FAILED,
    "",
    datetime(2026, 1, 1, tzinfo=UTC),
)


class FakeStore:
    """A journal of two records, and the executions that there are."""

    def __init__(self, state="succeeded", known=()):
        self._state, self._known = state, known

    async def read(self, *, execution):
        said = [
            (Kind.STEP_ENDED, "a/s", {"state": "succeeded", "note": "", "output": {"x": 1}}),
            (Kind.BLOCK_ENDED, "a", {"state": self._state, "note": ""}),
            (Kind.STEP_ENDED, "b/s", {"state": "failed", "note": ""}),
        ]
        return [
            seal(
                seq=seq,
                record_id=f"rec_{seq}",
                at="",
                entry=Entry(kind, execution, path, body),
                raw={},
                previous="",
            )
            for seq, (kind, path, body) in enumerate(said)
        ]

    async def last(self, execution, subject, kinds):
        return None

    async def get(self, execution):
        return ENDED if execution in self._known else None


async def reuse(store, execution=ENDED):
    return await find_reuse(store, store, execution, from_stage="b")


async def test_the_records_of_the_stages_before_are_repeated_and_name_their_source():
    entries = (await reuse(FakeStore())).entries("exe_2")
    assert [(entry.execution, entry.subject, entry.body["reused"]) for entry in entries] == [
        ("exe_2", "a/s", "rec_0"),
        ("exe_2", "a", "rec_1"),
    ]


@pytest.mark.parametrize(
    ("store", "execution", "reason"),
    [
        (FakeStore(state="failed"), ENDED, "stage-not-succeeded"),
        (FakeStore(known=[derive_id("exe_1", "a/rollback")]), ENDED, "rolled-back"),
        (FakeStore(known=[derive_id("exe_1", "pipeline/rollback")]), ENDED, "rolled-back"),
        (FakeStore(), replace(ENDED, state=State.RUNNING), "has-not-ended"),
        (FakeStore(), replace(ENDED, options={"parent": "exe_0"}), "is-a-child"),
    ],
)
async def test_what_cannot_be_reused_is_refused(store, execution, reason):
    with pytest.raises(InputError) as caught:
        await reuse(store, execution)
    assert caught.value.reason == reason
