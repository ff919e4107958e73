"""The kill switch at the door: a session of what was killed is over, with what waits in it."""

import pytest

from bridle.adapters.sql.kills import SqlKills
from bridle.core.errors import TrustError
from bridle.gate.approvals import ApprovalState
from bridle.trust.kills import Kill, Killed, LiftKill, MakeKill, Scope

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


async def kill(scene, scope, name=""):
    made = Kill("kil_1", scope, name, "it pays twice", "user:ana", scene.clock.now())
    await scene.store.journal.append([], [MakeKill(made)])
    (found,) = await SqlKills(scene.store.database).standing()
    return found


@pytest.mark.parametrize(("scope", "name"), [(Scope.AGENT, "agent:acme.clerk"), (Scope.ALL, "")])
async def test_a_killed_session_is_closed_and_none_is_opened_until_it_is_lifted(scene, scope, name):
    opened = await scene.open()
    caller = await scene.door.enter(opened.secret)
    asked = await scene.door.call(caller, "shop__pay", {"order": "A-1001"})
    await scene.approve(asked.told["approval"])
    assert (await kill(scene, scope, name)).concerned == (opened.session.id,)
    with pytest.raises(TrustError):
        await scene.door.enter(opened.secret)
    answer = await scene.door.call(caller, "shop__pay", {"order": "A-1001"}, approval=asked.told["approval"])
    assert (answer.status, scene.shop.called) == ("denied", [])
    assert (await scene.approvals.get(asked.told["approval"])).state is ApprovalState.EXPIRED
    with pytest.raises(Killed):
        await scene.open()
    await scene.store.journal.append([], [LiftKill("kil_1", scene.clock.now())])
    with pytest.raises(TrustError):
        await scene.door.enter(opened.secret)
    await scene.open()


async def test_another_agent_s_kill_is_none_of_the_session_s(scene):
    opened = await scene.open()
    assert (await kill(scene, Scope.AGENT, "agent:acme.other")).concerned == ()
    await scene.door.enter(opened.secret)
