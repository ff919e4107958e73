"""The engine's desk: following, verdicts and who may give them. Store and engine are fakes."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.clock import FrozenClock
from bridle.core.errors import ExecutionError, InputError, TrustError
from bridle.core.states import State
from bridle.engine.control import Control, Verdict, find_open
from bridle.engine.starting import Starting
from bridle.gate.approvals import Approval, ApprovalState, GiveVerdict
from bridle.gate.records import requested
from bridle.trust.journal import GuardError, Kind, seal
from bridle.trust.keys import Signer
from bridle.trust.notary import Notary
from bridle.trust.principals import Principal, PrincipalKind
from support.people import PeopleInMemory

ANA = Principal(PrincipalKind.USER, "ana", "user:ana", frozenset(), asserted=True)
LATER = timedelta(hours=2)
AT = "2026-01-01T00:00:00.000000Z"


@dataclass
class FakeStore:
    """Executions, approvals and a journal in one. `beaten` makes every guard fail: somebody else was first."""

    executions: dict = field(default_factory=dict)
    approvals: dict = field(default_factory=dict)
    written: list = field(default_factory=list)
    beaten: bool = False

    async def append(self, entries, guards=()):
        if self.beaten:
            raise GuardError("approval apr_1")
        self.written += entries
        for guard in guards:
            if isinstance(guard, GiveVerdict):
                given = (guard.voter,) if guard.verdict is ApprovalState.APPROVED else ()
                self.approvals[guard.approval] = replace(
                    self.approvals[guard.approval], state=guard.verdict, given=given
                )

    async def last(self, execution, subject, kinds):
        return None

    async def read(self, *, execution="", subject="", kinds=()):
        asked = [requested(self.approvals[subject])] if subject else []
        return [
            seal(seq=seq, record_id=f"rec_{seq}", at=AT, entry=entry, raw={}, previous="")
            for seq, entry in enumerate([*asked, *self.written])
            if not kinds or entry.kind in kinds
        ]


class FakeExecutions:
    def __init__(self, store):
        self._store = store

    async def get(self, execution):
        return self._store.executions.get(execution)


class FakePrincipals:
    """Everybody is active; users hold everything."""

    async def get(self, principal_id, place=None):
        kind, _, name = principal_id.partition(":")
        return Principal(PrincipalKind(kind), name, principal_id, frozenset({"*"} if kind == "user" else ()))


class FakeApprovals:
    def __init__(self, store):
        self._store = store

    async def get(self, approval):
        return self._store.approvals.get(approval)

    async def find(self, *, execution="", states=()):
        found = [item for item in self._store.approvals.values() if not states or item.state in states]
        self.after_find()
        return found

    def after_find(self):
        """What happens elsewhere right after a look; a test may say."""


class FakeDurable:
    """Ends when a test sets `ending`, with its result or its error."""

    def __init__(self):
        self.ending = asyncio.get_running_loop().create_future()
        self.started, self.woken = [], []

    async def start(self, execution, argument):
        self.started.append(execution)

    async def wake(self, execution, topic=""):
        self.woken.append(topic)

    async def result(self, execution):
        return await asyncio.shield(self.ending)


class FakeAdmission:
    """Lets everything begin."""

    async def stand(self, execution):
        return True


@dataclass
class Scene:
    control: Control
    store: FakeStore
    approvals: FakeApprovals
    durable: FakeDurable
    clock: FrozenClock

    def ask(self, **changes):
        approval = Approval(
            id="apr_1",
            execution="exe_1",
            topic="ship/push",
            key="exe_1/ship/push#0.0",
            action="sha256:action",
            tool="git.push",
            message="Ship it?",
            rests_on={},
            shown={},
            requested_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(hours=1),
        )
        self.store.approvals["apr_1"] = replace(approval, **changes)

    def move(self, state):
        self.store.executions["exe_1"] = replace(self.store.executions["exe_1"], state=state)


@pytest.fixture
async def scene(execution):
    store, durable, clock = FakeStore({"exe_1": execution}), FakeDurable(), FrozenClock(execution.started_at)
    approvals, signer = FakeApprovals(store), Signer(Ed25519PrivateKey.generate())
    parts = {"journal": store, "executions": FakeExecutions(store), "durable": durable, "clock": clock}
    starting = Starting(**parts, delegate=None, admission=FakeAdmission(), signer=signer, controls=dict)
    control = Control(
        **parts,
        approvals=approvals,
        starting=starting,
        notary=Notary(principals=FakePrincipals(), people=PeopleInMemory(), signer=signer),
        admission=FakeAdmission(),
    )
    return Scene(control, store, approvals, durable, clock)


async def test_following_ends_with_the_workflow(scene):
    scene.durable.ending.set_result({"state": "succeeded"})
    scene.move(State.SUCCEEDED)
    assert (await scene.control.follow("exe_1")).state is State.SUCCEEDED


async def test_following_ends_where_a_person_is_waited_for(scene):
    scene.ask()
    scene.move(State.WAITING)
    assert (await scene.control.follow("exe_1")).state is State.WAITING


async def test_what_was_seen_waiting_is_told_as_waiting_though_it_is_woken_the_next_moment(scene):
    scene.ask()
    scene.move(State.WAITING)
    scene.approvals.after_find = lambda: scene.move(State.RUNNING)
    assert (await scene.control.follow("exe_1")).state is State.WAITING


async def test_following_does_not_end_at_a_timer(scene):
    scene.move(State.WAITING)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scene.control.follow("exe_1"), 0.05)


async def test_following_does_not_end_at_a_request_whose_time_is_over(scene):
    scene.ask()
    scene.move(State.WAITING)
    scene.clock.advance(LATER)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scene.control.follow("exe_1"), 0.05)


async def test_a_request_of_an_execution_that_runs_on_stops_nobody(scene):
    scene.ask()
    assert await scene.control.waits_for_a_person(await scene.control.get("exe_1")) is False


async def test_a_workflow_that_broke_is_seen(scene):
    scene.durable.ending.set_exception(ExecutionError("it broke"))
    with pytest.raises(ExecutionError, match="it broke"):
        await scene.control.follow("exe_1")


async def test_an_execution_that_does_not_exist_is_said_to(scene):
    with pytest.raises(InputError, match="there is no execution 'exe_9'"):
        await scene.control.carry_on("exe_9")


async def test_an_ended_execution_is_given_to_the_engine_once_more_and_nobody_is_woken_in_it(scene):
    scene.ask(state=ApprovalState.EXPIRED)
    scene.move(State.FAILED)
    await scene.control.carry_on("exe_1")
    assert (scene.durable.started, scene.durable.woken) == (["exe_1"], [])


async def test_carrying_on_has_everything_that_waits_look_again(scene):
    scene.ask(state=ApprovalState.APPROVED)
    await scene.control.carry_on("exe_1")
    assert scene.durable.woken == [""]


async def test_a_verdict_is_recorded_with_who_gave_it_and_wakes_who_waits(scene):
    scene.ask()
    await scene.control.give_verdict("apr_1", Verdict(True, ANA, name="Boss", comment="read it"))
    (entry,) = scene.store.written
    told = {name: entry.body[name] for name in ("verdict", "by", "name", "asserted", "comment")}
    assert entry.kind is Kind.APPROVAL_VERDICT
    assert told == {
        "verdict": "approved",
        "by": "user:ana",
        "name": "Boss",
        "asserted": True,
        "comment": "read it",
    }
    assert scene.durable.woken == ["ship/push"]


async def test_a_name_beside_the_identity_is_asserted_even_where_the_identity_is_not(scene):
    scene.ask()
    await scene.control.give_verdict("apr_1", Verdict(True, replace(ANA, asserted=False), name="Boss"))
    assert scene.store.written[0].body["asserted"] is True


async def test_the_same_verdict_twice_is_one_verdict_and_wakes_again(scene):
    scene.ask()
    for _ in range(2):
        await scene.control.give_verdict("apr_1", Verdict(False, ANA))
    assert (len(scene.store.written), scene.durable.woken) == (1, ["ship/push", "ship/push"])


async def test_a_verdict_cannot_be_turned_round(scene):
    scene.ask()
    await scene.control.give_verdict("apr_1", Verdict(False, ANA))
    with pytest.raises(InputError, match="apr_1 is denied"):
        await scene.control.give_verdict("apr_1", Verdict(True, ANA))


@pytest.mark.parametrize("kind", [kind for kind in PrincipalKind if kind is not PrincipalKind.USER])
async def test_only_a_person_gives_a_verdict(scene, kind):
    scene.ask()
    with pytest.raises(TrustError, match="is not a person") as raised:
        await scene.control.give_verdict("apr_1", Verdict(True, replace(ANA, kind=kind)))
    assert (raised.value.reason, scene.store.written) == ("not-a-person", [])


async def test_what_has_expired_is_not_approved(scene):
    scene.ask()
    scene.clock.advance(LATER)
    with pytest.raises(InputError, match="apr_1 is expired"):
        await scene.control.give_verdict("apr_1", Verdict(True, ANA))
    assert (scene.store.written, scene.durable.woken) == ([], [])


async def test_whoever_comes_second_is_told(scene):
    scene.ask()
    scene.store.beaten = True
    with pytest.raises(InputError, match="somebody else was first"):
        await scene.control.give_verdict("apr_1", Verdict(True, ANA))


async def test_a_request_that_does_not_exist_is_said_to(scene):
    with pytest.raises(InputError, match="there is no approval 'apr_9'"):
        await scene.control.give_verdict("apr_9", Verdict(True, ANA))


async def test_only_what_can_still_be_answered_is_open(scene):
    scene.ask()
    approvals = FakeApprovals(scene.store)
    now = scene.clock.now()
    assert [item.id for item in await find_open(approvals, now=now)] == ["apr_1"]
    assert await find_open(approvals, now=now + LATER) == []
