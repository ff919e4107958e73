"""A person decides about a failed step: what was offered, once, in time; and what happens when nobody does."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridle.core.errors import InputError, TrustError
from bridle.core.states import State
from bridle.engine.interventions import Decision, find_open_interventions
from bridle.engine.result import Standing
from bridle.trust.audit import verify_journal
from bridle.trust.interventions import check_answer, check_decider, sign_answer
from bridle.trust.journal import Entry, JournalError, Kind
from bridle.trust.keys import load_signer
from bridle.trust.principals import Principal, PrincipalKind

PIPELINE = """
pipeline:
  id: fragile
  stages:
    - id: build
      steps:
        - id: make
          run: {script: make}
          on-failure:
            - errors: [verification]
              action: {manual-intervention: {timeout: 9h, available-actions: [abort]}}
            - errors: [all]
              action:
                manual-intervention:
                  timeout: 1h
                  available-actions: [retry, ignore, success, abort]
                  timeout-action: ignore
        - {id: next, run: {script: 'true'}}
"""
SKIPPED = {"build/make": "failed", "build/next": "succeeded"}


def fails(times):
    """A command that fails so many times, and then does not."""
    left = [times]

    def answer(task):
        if task.request.arguments["script"] == "make" and left[0] > 0:
            left[0] -= 1
            return "failed", {"exit_code": 3, "why": "exit"}
        return "succeeded", {"exit_code": 0, "why": "exit", "outputs": {}}

    return answer


@pytest.fixture
async def asked(desk):
    """An execution whose first step has failed, and waits for a person."""
    key = desk.delegate.signer.verifier.raw.hex()
    delegate = Principal(PrincipalKind.DELEGATE, "local", "user:ana", frozenset(), public_key=key)
    await desk.register(delegate)
    desk.delegate.answers["command.run"] = fails(1)
    return await desk.start(PIPELINE)


async def carry(desk, execution, *answers):
    """Carry it; each time it waits the next answer is given."""
    left = list(answers)

    async def answer():
        await left.pop(0)()

    return await desk.carry(execution, meanwhile=answer)


def says(desk, execution, answer, *, by=None, path="build/make"):
    async def say():
        await desk.control.intervene(execution.id, path, Decision(answer, by or desk.user))

    return say


def waits(desk, seconds):
    async def wait():
        desk.clock.advance(timedelta(seconds=seconds))

    return wait


@pytest.mark.parametrize(
    ("answer", "state", "steps"),
    [
        (
            "retry",
            "succeeded",
            {"build/make": "failed", "build/make~2": "succeeded", "build/next": "succeeded"},
        ),
        ("ignore", "succeeded", SKIPPED),
        ("success", "succeeded", {"build/make": "succeeded", "build/next": "succeeded"}),
        ("abort", "failed", {"build/make": "failed"}),
    ],
)
async def test_what_a_person_decides_is_done(desk, asked, answer, state, steps):
    ended, found = await carry(desk, asked, says(desk, asked, answer))
    assert (str(ended), found) == (state, steps)
    assert (asked.id, "build/make") in desk.durable.woken


async def test_who_decided_is_recorded_and_the_journal_verifies(desk, asked):
    await carry(desk, asked, says(desk, asked, "ignore"))
    assert "user:ana: ignore" in (await desk.outcome(asked, "build/make"))["note"]
    records = await desk.bench.journal.read()
    control_plane = desk.store.signer.verifier
    assert verify_journal(records, checkpoints=(), control_plane=control_plane).records == len(records)


async def test_when_nobody_decides_in_time_the_action_of_the_rule_that_matched_is_taken(desk, asked):
    ended, found = await carry(desk, asked, waits(desk, 3599), waits(desk, 2))
    assert (str(ended), found) == ("succeeded", SKIPPED)
    assert "nobody decided in time: ignore" in (await desk.outcome(asked, "build/make"))["note"]


async def refused(desk, execution, answer, error, **how):
    """Carry to the question, try an answer that is refused with `error`, then go on with a right one."""
    told = []

    async def attempt():
        with pytest.raises(error) as caught:
            await says(desk, execution, answer, **how)()
        told.append(caught.value.reason)
        await says(desk, execution, "ignore")()

    await carry(desk, execution, attempt)
    return told


async def test_what_was_not_offered_is_refused(desk, asked):
    assert await refused(desk, asked, "stage-rollback", InputError) == ["not-offered"]


async def test_a_step_of_which_nobody_is_asked_is_refused(desk, asked):
    assert await refused(desk, asked, "ignore", InputError, path="build/next") == ["not-open"]


async def test_only_a_person_decides(desk, asked):
    agent = replace(desk.user, kind="agent")
    assert await refused(desk, asked, "ignore", TrustError, by=agent) == ["not-a-person"]


async def test_after_its_time_no_decision_is_taken(desk, asked):
    async def late():
        desk.clock.advance(timedelta(hours=2))
        with pytest.raises(InputError, match="is over"):
            await says(desk, asked, "abort")()

    assert (await carry(desk, asked, late))[1] == SKIPPED


async def test_of_several_decisions_at_once_one_counts(desk, asked):
    async def at_once():
        words = [says(desk, asked, answer)() for answer in ("ignore", "abort", "retry", "success")]
        done = await asyncio.gather(*words, return_exceptions=True)
        assert sorted(type(item).__name__ for item in done) == ["InputError"] * 3 + ["NoneType"]

    await carry(desk, asked, at_once)
    records = await desk.bench.journal.read(execution=asked.id, kinds=(Kind.INTERVENTION_ANSWERED,))
    assert len(records) == 1


async def test_an_answer_that_the_control_plane_did_not_sign_fails_the_step(desk, asked, tmp_path):
    async def forge():
        (request,) = await desk.bench.journal.read(execution=asked.id, kinds=(Kind.INTERVENTION_REQUESTED,))
        told = {
            "request": request.id,
            "answer": "success",
            "by": "user:ana",
            "asserted": False,
            "comment": "",
        }
        stranger = load_signer(tmp_path / "stranger.key")
        body = sign_answer(stranger, told, execution=asked.id, path="build/make")
        await desk.bench.journal.append([Entry(Kind.INTERVENTION_ANSWERED, asked.id, "build/make", body)])

    _, found = await carry(desk, asked, forge)
    assert found["build/make"] == "failed"
    records = await desk.bench.journal.read()
    with pytest.raises(JournalError, match="signed by key"):
        verify_journal(records, checkpoints=(), control_plane=desk.store.signer.verifier)


async def test_an_unknown_outcome_offers_nothing_that_forgives_it(desk):
    desk.delegate.answers["command.run"] = lambda task: ("unknown", {"error": "lost"})
    execution = await desk.start(PIPELINE)
    found = []

    async def look():
        now = desk.clock.now()
        current = await desk.control.get(execution.id)
        found.extend(await find_open_interventions(desk.bench.journal, current, now=now))
        desk.clock.advance(timedelta(hours=2))

    ended, steps = await carry(desk, execution, look)
    assert found[0].offers == ("abort",)
    assert (str(ended), steps["build/make"]) == ("unknown", "unknown")


async def test_following_stops_where_a_person_has_to_decide(desk, asked):
    seen = []

    async def look():
        seen.append(await desk.control.waits_for_a_person(await desk.control.get(asked.id)))
        await says(desk, asked, "ignore")()
        seen.append(await desk.control.waits_for_a_person(await desk.control.get(asked.id)))

    await carry(desk, asked, look)
    assert seen == [True, False]


async def test_a_decision_whose_wake_was_lost_is_woken_when_it_is_carried_on(desk, asked):
    async def lose():
        await says(desk, asked, "ignore")()
        desk.durable.woken.clear()
        await desk.control.carry_on(asked.id)
        assert desk.durable.woken == [(asked.id, "")]

    await carry(desk, asked, lose)


async def test_a_person_with_a_key_signs_what_they_decide(desk, asked):
    desk.people.add("ana")

    async def decide():
        await desk.control.intervene(asked.id, "build/make", Decision("ignore", desk.user, name="ana"))

    await carry(desk, asked, decide)
    (record,) = await desk.bench.journal.read(execution=asked.id, kinds=(Kind.INTERVENTION_ANSWERED,))
    assert (record.body["asserted"], record.body["person"]["name"]) == (False, "ana")
    verify_journal(await desk.bench.journal.read(), checkpoints=(), control_plane=desk.store.signer.verifier)


@pytest.mark.parametrize("other", [{"answer": "abort"}, {"comment": "other"}, {"request": "rec_0"}])
async def test_a_decision_that_the_person_did_not_sign_so_is_named(desk, asked, other):
    desk.people.add("ana")

    async def decide():
        await desk.control.intervene(asked.id, "build/make", Decision("ignore", desk.user, name="ana"))

    await carry(desk, asked, decide)
    (record,) = await desk.bench.journal.read(execution=asked.id, kinds=(Kind.INTERVENTION_ANSWERED,))
    body = {name: value for name, value in record.body.items() if name != "signature"} | other
    resigned = sign_answer(desk.store.signer, body, execution=asked.id, path="build/make")
    with pytest.raises(TrustError):
        check_answer(
            resigned, execution=asked.id, path="build/make", control_plane=desk.store.signer.verifier
        )


async def test_what_others_wait_for_is_still_waited_for_when_one_decision_is_taken(desk, asked):
    """Only an execution that waits shows what a person can decide; nobody works on the others."""
    worker, position = desk.worker(asked), desk.position(asked, "build/make")
    failed = await desk.leg(asked, "build/make", worker=worker)
    await worker.intervene(position, Standing(), failed)
    worker._desk.waiting["build/other"] = "a person decides about build/other"  # as another branch does
    await says(desk, asked, "ignore")()
    await worker.intervene(position, Standing(), failed)
    now = await desk.executions.get(asked.id)
    assert (now.state, now.note) == (State.WAITING, "a person decides about build/other")


NAMED = PIPELINE.replace(
    "timeout-action: ignore", "timeout-action: ignore\n                  approvers: {groups: [release]}"
)


@pytest.fixture
async def named(desk, asked):
    """The same of an execution that wants somebody of the release group."""
    desk.people.add("rita", groups=["release"])
    desk.people.add("oto", groups=["support"])
    desk.delegate.answers["command.run"] = fails(1)
    return await desk.start(NAMED)


def named_says(desk, execution, answer, name):
    async def say():
        decision = Decision(answer, desk.user, name=name)
        await desk.control.intervene(execution.id, "build/make", decision)

    return say


async def test_only_who_is_named_decides(desk, named):
    told = []

    async def attempts():
        for name in ("oto", ""):
            with pytest.raises(TrustError) as caught:
                await named_says(desk, named, "success", name)()
            told.append(caught.value.reason)
        await named_says(desk, named, "success", "rita")()

    ended, _ = await carry(desk, named, attempts)
    assert (str(ended), told) == ("succeeded", ["may-not-decide", "may-not-decide"])
    records = await desk.bench.journal.read()
    assert verify_journal(records, checkpoints=(), control_plane=desk.store.signer.verifier).records == len(
        records
    )


async def test_an_answer_of_somebody_else_that_stands_in_the_journal_fails_the_step_and_the_audit(
    desk, named, monkeypatch
):
    """The desk that should have refused it is broken: it signs whatever it is told."""
    monkeypatch.setattr("bridle.engine.interventions.check_decider", lambda asked, answer, *, at: None)
    ended, steps = await carry(desk, named, named_says(desk, named, "success", "oto"))
    assert (str(ended), steps["build/make"]) == ("failed", "failed")
    records = await desk.bench.journal.read()
    with pytest.raises(JournalError, match="it has to be"):
        verify_journal(records, checkpoints=(), control_plane=desk.store.signer.verifier)


@pytest.mark.parametrize("approvers", [{"users": []}, {"others": ["rita"]}])
def test_a_request_that_wants_somebody_and_names_nobody_is_answered_by_nobody(approvers):
    with pytest.raises(TrustError, match="names nobody"):
        check_decider({"approvers": approvers}, {"by": "user:ana", "person": None}, at=datetime.now(UTC))
