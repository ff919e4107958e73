"""The state of the whole, and that it is recorded once."""

import pytest

from bridle.core.clock import FrozenClock
from bridle.core.states import State
from bridle.engine.execution import MoveExecution
from bridle.engine.finish import Ending, final_state
from bridle.engine.result import Result
from bridle.trust.journal import Kind
from bridle.trust.kills import Kill, Scope
from bridle.trust.tokens import DeleteTokens


@pytest.mark.parametrize(
    ("result", "whole"),
    [
        (Result(State.SUCCEEDED), State.SUCCEEDED),
        (Result(State.SKIPPED), State.SKIPPED),  # the pipeline's own condition did not hold
        (Result(State.FAILED, breaks=True, worst=State.FAILED), State.FAILED),
        (
            Result(State.FAILED, worst=State.FAILED),
            State.FAILED,
        ),  # rolled back: undone, and failed all the same
        (Result(State.DENIED, breaks=True, worst=State.DENIED), State.DENIED),
        (Result(State.FAILED, breaks=True, worst=State.FAILED, stop="cancel"), State.CANCELLED),
    ],
)
def test_the_whole_is_the_gravest_that_counted(result, whole):
    assert final_state(result) is whole


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (["succeeded", "failed"], State.FAILED),
        (["failed", "denied"], State.DENIED),
        (["denied", "unknown", "failed"], State.UNKNOWN),
        (["succeeded", "skipped"], State.SUCCEEDED),
    ],
)
def test_an_unknown_outcome_is_graver_than_a_denial_and_that_than_a_failure(states, worst):
    total = Result(State.SUCCEEDED)
    for state in states:
        total = total.add(Result.of({"state": state}))
    assert total.worst is worst


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


class FakeKills:
    """Nobody was killed, or each execution was."""

    def __init__(self, found=None):
        self.found = found

    async def of(self, execution):
        return self.found


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
    ending = Ending(FakeJournal(records), attestor, FrozenClock(execution.started_at), FakeKills())
    first = await ending.finish(
        execution, result=Result(State.DENIED, breaks=True, worst=State.DENIED), outputs={}
    )
    again = await ending.finish(execution, result=Result(State.SUCCEEDED), outputs={})
    assert first == again == {"state": "denied", "note": ""}
    assert [record.kind for record in records.all] == [Kind.EXECUTION_ENDED]
    assert [what for what, _ in attestor.asked].count("issue") == 1


async def test_evidence_is_published_before_the_end_is_recorded_and_again_after_it(execution, records):
    attestor = FakeAttestor(records)
    ending = Ending(FakeJournal(records), attestor, FrozenClock(execution.started_at), FakeKills())
    await ending.finish(execution, result=Result(State.SUCCEEDED), outputs={})
    assert attestor.asked == [("issue", 0), ("publish", 0), ("publish", 1)]
    assert records.all[0].body["evidence"] == "rec_evidence"


async def test_the_end_deletes_every_token_in_its_own_transaction(execution, records):
    journal = FakeJournal(records)
    ending = Ending(journal, FakeAttestor(records), FrozenClock(execution.started_at), FakeKills())
    await ending.finish(execution, result=Result(State.SUCCEEDED), outputs={})
    tokens, move = journal.guards[0]
    assert tokens == DeleteTokens("exe_1", "")
    assert isinstance(move, MoveExecution)
    assert move.state is State.SUCCEEDED


async def test_what_has_nothing_to_prove_publishes_nothing(execution, records):
    class FakeAttestorOfNothing(FakeAttestor):
        async def issue(self, execution):
            self.asked.append(("issue", len(self._records.all)))
            return ""

    attestor = FakeAttestorOfNothing(records)
    ending = Ending(FakeJournal(records), attestor, FrozenClock(execution.started_at), FakeKills())
    for _ in range(2):
        await ending.finish(execution, result=Result(State.SUCCEEDED), outputs={})
    assert attestor.asked == [("issue", 0)]


@pytest.mark.parametrize(
    ("worst", "ends"),
    [(State.FAILED, "cancelled"), (State.UNKNOWN, "unknown"), (State.SUCCEEDED, "succeeded")],
)
async def test_what_was_killed_ends_cancelled_and_says_so_unless_nobody_knows_what_became_of_it(
    execution, records, worst, ends
):
    kill = Kill("kil_1", Scope.ALL, "", "it pays twice", "user:ana", execution.started_at)
    journal = FakeJournal(records)
    ending = Ending(journal, FakeAttestor(records), FrozenClock(execution.started_at), FakeKills(kill))
    ended = await ending.finish(execution, result=Result(worst, worst=worst), outputs={})
    note = "" if worst is State.SUCCEEDED else "killed: it pays twice (kil_1)"
    assert (ended["state"], journal.guards[0][1].note) == (ends, note)
