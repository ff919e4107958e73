"""A delegate that cannot begin: what ends, what stays begun, and that an approval is used once and not lost."""

import pytest

from bridle.core.errors import UnavailableError
from bridle.gate.action import Done
from bridle.gate.approvals import ApprovalState, UseApproval
from bridle.gate.manifest import Recovery
from bridle.trust.audit import verify_journal
from bridle.trust.journal import GuardError

from .test_approval import push, verdict

AWAY = "the origin does not answer"


@pytest.fixture
async def approved(scene, made_commit):
    """A push that a person has approved, and an origin that is away."""
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    scene.delegate.missing = AWAY
    return asked.approval


async def fail(scene, action):
    with pytest.raises(UnavailableError) as raised:
        await scene.gate.perform(action)
    return raised.value


async def test_an_approved_push_that_could_not_begin_is_raised_and_has_no_outcome(scene, approved):
    before = (await scene.kinds()).count("action.outcome")
    error = await fail(scene, push(scene))
    assert (AWAY in error.what, error.hint, error.reason) == (True, "try later", "origin-unavailable")
    assert ((await scene.kinds()).count("action.outcome"), len(scene.delegate.told)) == (before, 1)


async def test_it_is_done_later_under_the_same_decision_and_approval(scene, approved):
    await fail(scene, push(scene))
    await fail(scene, push(scene))
    scene.delegate.missing = ""
    assert isinstance(await scene.gate.perform(push(scene)), Done)
    assert (await scene.ports.approvals.get(approved)).state is ApprovalState.USED
    assert len(await scene.ports.approvals.find(execution="exe_1")) == 1


async def test_the_target_is_asked_before_it_is_told_again(scene, approved):
    await fail(scene, push(scene))
    scene.delegate.missing, scene.delegate.found = "", True
    assert isinstance(await scene.gate.perform(push(scene)), Done)
    assert (len(scene.delegate.told), len(scene.delegate.asked)) == (1, 1)


async def test_the_approval_of_an_action_that_stays_begun_is_good_for_no_other_use(scene, approved):
    action = push(scene)
    await fail(scene, action)
    with pytest.raises(GuardError):
        await scene.ports.journal.append([], [UseApproval(approved, action.digest, scene.clock.now())])


async def test_there_is_one_intent_and_the_journal_verifies(scene, approved):
    await fail(scene, push(scene))
    scene.delegate.missing = ""
    await scene.gate.perform(push(scene))
    records = await scene.ports.journal.read()
    subjects = [str(record.kind) for record in records if record.subject == push(scene).key]
    assert subjects == ["action.decided", "action.decided", "action.intended", "action.outcome"]
    audit = verify_journal(
        records,
        checkpoints=[await scene.ports.journal.checkpoint()],
        control_plane=scene.ports.signer.verifier,
    )
    assert audit.open_intents == ()


async def test_what_was_not_approved_and_cannot_be_asked_about_has_failed(scene):
    scene.delegate.missing = "no sandbox here"
    result = await scene.gate.perform(scene.action(path="src/a.py"))
    assert (result.status, result.value["error"]) == ("failed", "no sandbox here")


async def test_what_cannot_be_recovered_has_failed_even_when_it_was_approved(scene, approved, monkeypatch):
    scene.recover_by(monkeypatch, "git.push", Recovery.NONE)
    assert (await scene.gate.perform(push(scene))).status == "failed"


async def test_any_approved_action_stays_begun_when_its_class_allows_another_attempt(
    scene, approved, monkeypatch
):
    scene.recover_by(monkeypatch, "git.push", Recovery.KEYED)
    await fail(scene, push(scene))
    scene.delegate.missing = ""
    assert isinstance(await scene.gate.perform(push(scene)), Done)


async def test_what_is_missing_is_told_without_secrets(scene, approved):
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"[:36]
    scene.delegate.missing = f"the origin does not answer: {secret}"
    assert secret not in str(await fail(scene, push(scene)))
