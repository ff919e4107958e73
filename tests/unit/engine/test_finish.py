"""The state of the whole, and that it is recorded once."""

import pytest

from bridle.core.clock import FrozenClock
from bridle.core.states import State
from bridle.engine.execution import MoveExecution
from bridle.engine.finish import Ending, final_state
from bridle.trust.journal import Kind
from bridle.trust.tokens import DeleteTokens


def steps(*states):
    return {f"a/{at}": {"state": state, "record": ""} for at, state in enumerate(states)}


@pytest.mark.parametrize(
    ("failed", "states", "whole"),
    [
        (False, ["succeeded", "failed"], State.SUCCEEDED),  # what failed was ignored
        (True, ["succeeded", "failed"], State.FAILED),
        (True, ["failed", "denied"], State.DENIED),
        (True, ["denied", "unknown", "failed"], State.UNKNOWN),
        (True, [], State.FAILED),  # the condition of a stage could not be told
        (True, ["succeeded", "skipped"], State.FAILED),
    ],
)
def test_the_whole_is_what_its_worst_step_came_to(failed, states, whole):
    assert final_state(failed=failed, steps=steps(*states)) is whole


class FakeJournal:
    """Keeps what was appended."""

    def __init__(self, records):
        self._records = records
        self.guards = []

    async def last(self, execution, subject, kinds):
        found = [item for item in self._records.all if item.kind in kinds and item.subject == subject]
        return found[-1] if found else None

    async def append(self, entries, guards=()):
        self.guards.append(list(guards))
        return [self._records.add(entry.kind, entry.subject, **entry.body) for entry in entries]


class FakeAttestor:
    """Notes what it was asked for, and the records that there were then."""

    def __init__(self, records):
        self._records = records
        self.asked = []

    async def issue(self, execution):
        self.asked.append(("issue", len(self._records.all)))
        return "rec_evidence"

    async def publish(self, execution):
        self.asked.append(("publish", len(self._records.all)))


async def test_an_end_is_recorded_once_whatever_a_second_call_says(execution, records):
    attestor = FakeAttestor(records)
    ending = Ending(FakeJournal(records), attestor, FrozenClock(execution.started_at))
    first = await ending.finish(execution, failed=True, steps=steps("denied"))
    again = await ending.finish(execution, failed=False, steps={})
    assert first == again == {"state": "denied", "note": ""}
    assert [record.kind for record in records.all] == [Kind.EXECUTION_ENDED]
    assert [what for what, _ in attestor.asked].count("issue") == 1


async def test_evidence_is_published_before_the_end_is_recorded_and_again_after_it(execution, records):
    attestor = FakeAttestor(records)
    ending = Ending(FakeJournal(records), attestor, FrozenClock(execution.started_at))
    await ending.finish(execution, failed=False, steps={})
    assert attestor.asked == [("issue", 0), ("publish", 0), ("publish", 1)]
    assert records.all[0].body["evidence"] == "rec_evidence"


async def test_the_end_deletes_every_token_in_its_own_transaction(execution, records):
    journal = FakeJournal(records)
    ending = Ending(journal, FakeAttestor(records), FrozenClock(execution.started_at))
    await ending.finish(execution, failed=False, steps={})
    tokens, move = journal.guards[0]
    assert tokens == DeleteTokens("exe_1", "")
    assert isinstance(move, MoveExecution)
    assert move.state is State.SUCCEEDED
