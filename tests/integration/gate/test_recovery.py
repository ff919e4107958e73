"""After a crash between intent and outcome: each recovery class does what it says, and nothing else."""

import pytest

from bridle.core.errors import TrustError, UnavailableError
from bridle.gate.action import Done, Unknown
from bridle.gate.manifest import Recovery

from .conftest import FakeCrash


async def crash_in(scene, action):
    scene.delegate.crash = True
    with pytest.raises(FakeCrash):
        await scene.gate.perform(action)
    scene.delegate.crash = False


async def test_a_read_is_done_again(scene):
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    assert isinstance(await scene.gate.perform(action), Done)
    assert [task.restore_to for task in scene.delegate.told] == ["", ""]


async def test_a_workspace_action_is_done_again_on_the_tree_from_before_it(scene):
    action = scene.action("command.run", script="make")
    await crash_in(scene, action)
    await scene.gate.perform(action)
    assert scene.delegate.told[-1].restore_to == "sha256:" + "0" * 64


async def test_the_intent_is_written_once_however_often_it_is_recovered(scene):
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    await crash_in(scene, action)
    await scene.gate.perform(action)
    assert await scene.kinds() == ["action.decided", "action.intended", "action.outcome"]


async def test_an_outcome_that_nobody_can_tell_is_unknown_and_never_retried(scene, monkeypatch):
    scene.recover_by(monkeypatch, "file.read", Recovery.NONE)
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    assert isinstance(await scene.gate.perform(action), Unknown)
    assert isinstance(await scene.gate.perform(action), Unknown)
    assert len(scene.delegate.told) == 1


async def test_a_looked_up_effect_that_the_target_knows_is_not_sent_again(scene, monkeypatch):
    scene.recover_by(monkeypatch, "file.read", Recovery.LOOKUP)
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    scene.delegate.found = True
    assert isinstance(await scene.gate.perform(action), Done)
    assert (len(scene.delegate.told), len(scene.delegate.asked)) == (1, 1)


async def test_a_looked_up_effect_that_the_target_does_not_know_is_sent_again(scene, monkeypatch):
    scene.recover_by(monkeypatch, "file.read", Recovery.LOOKUP)
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    assert isinstance(await scene.gate.perform(action), Done)
    assert len(scene.delegate.told) == 2


async def test_what_may_have_been_sent_and_cannot_be_sent_again_is_unknown_and_not_failed(scene, monkeypatch):
    scene.recover_by(monkeypatch, "file.read", Recovery.KEYED)
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    monkeypatch.setattr(scene.delegate, "carry_out", refuse)
    assert isinstance(await scene.gate.perform(action), Unknown)


async def test_what_may_have_been_sent_stays_begun_while_its_delegate_cannot_be_reached(scene, monkeypatch):
    scene.recover_by(monkeypatch, "file.read", Recovery.KEYED)
    action = scene.action(path="src/a.py")
    await crash_in(scene, action)
    scene.delegate.missing = "the server is away"
    with pytest.raises(UnavailableError):
        await scene.gate.perform(action)
    scene.delegate.missing = ""
    assert isinstance(await scene.gate.perform(action), Done)


async def refuse(task):
    raise TrustError("the token is dead", reason="token-dead")
