"""What people are asked is void as soon as the policy or the tool is another, and says so where it is listed."""

import pytest

from bridle.adapters.sql.executions import SqlExecutions
from bridle.core.errors import InputError
from bridle.engine.answering import Verdict
from bridle.engine.control import find_open, find_void
from bridle.gate.approvals import ApprovalState
from bridle.operating.outdated import Outdated

from .conftest import say

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def looking(scene, *, policy="", process="here", living=("here",)):
    async def alive():
        return set(living)

    parts = {name: scene.parts[name] for name in ("journal", "approvals", "sessions")}
    return Outdated(
        **parts,
        executions=SqlExecutions(scene.store.database),
        durable=None,  # no execution waits here
        manifests=scene.parts["catalogue"],
        policy=policy or scene.ports.policy.digest,
        process=process,
        living=alive,
        refresh=scene.tools.refresh,
    )


async def ask(scene, caller, tool="shop__pay"):
    return (await scene.door.call(caller, tool, {"order": "A-1001"})).told["approval"]


async def test_what_is_asked_stands_while_nothing_has_changed(scene):
    await ask(scene, await scene.enter())
    assert await looking(scene).sweep() == []


@pytest.mark.parametrize("answered", [False, True])
async def test_a_request_is_void_once_the_policy_is_another(scene, answered, store_url):
    caller = await scene.enter()
    asked = await ask(scene, caller)
    if answered:
        await scene.approve(asked)
    assert await looking(scene, policy="sha256:another").sweep() == [asked]
    (void,) = await find_void(scene.approvals, now=scene.clock.now())
    assert (void.id, void.state, void.comment) == (asked, ApprovalState.VOID, "the policy has changed")
    assert await find_open(scene.approvals, now=scene.clock.now()) == []
    again = await scene.door.call(caller, "shop__pay", {"order": "A-1001"}, approval=asked)
    assert (again.status, again.told["approval"] != asked, scene.shop.called) == ("waiting", True, [])


async def test_a_request_is_void_once_its_tool_is_stopped_and_nobody_can_answer_it(scene):
    caller = await scene.enter()
    asked, other = await ask(scene, caller), await ask(scene, caller, "shop__mail")
    scene.shop.tools[1] = say("pay", "It pays twice.")
    await scene.tools.look("shop")
    assert await looking(scene).sweep() == [asked]
    assert [one.id for one in await find_open(scene.approvals, now=scene.clock.now())] == [other]
    with pytest.raises(InputError, match="void: the tool is stopped since"):
        await scene.desk().give(asked, Verdict(True, await scene.parts["principals"].get("user:ana")))


async def test_a_request_is_void_once_its_owner_says_otherwise_what_the_tool_is(scene):
    asked = await ask(scene, await scene.enter())
    file = scene.folder / "tools" / "shop.yaml"
    file.write_text(file.read_text().replace("risk: medium", "risk: high"))
    assert await looking(scene).sweep() == [asked]
    assert (await scene.approvals.get(asked)).comment == "the tool has changed"


async def test_what_another_living_process_asks_is_left_to_it(scene):
    asked = await ask(scene, await scene.enter())
    there = {"policy": "sha256:another", "process": "there"}
    assert await looking(scene, **there, living=("here", "there")).sweep() == []
    assert await looking(scene, **there, living=("there",)).sweep() == [asked]
