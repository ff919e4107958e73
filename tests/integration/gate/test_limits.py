"""Limits over the whole fleet: what is counted, who gets the last room, and that nobody acts where it cannot be counted."""

import asyncio
from datetime import timedelta

import pytest

from bridle.adapters.sql.schema import limit_uses
from bridle.gate.action import Asked, Denied, Done, Unknown

from .conftest import FakeCrash
from .test_approval import push, verdict
from .test_budget import call as model_call
from .test_budget import open_budget

READS = "{tools: [file.*], count: 3, within: 10m}"


@pytest.fixture
def limit(tmp_path):
    """Write the limits, each under its name; what ships is off."""

    def write(**entries):
        off = dict.fromkeys(("changes-an-agent", "targets-an-agent", "destruction"), "off")
        lines = [f"  {name}: {entry}" for name, entry in {**off, **entries}.items()]
        (tmp_path / "limits.yaml").write_text("\n".join(["limits:", *lines, ""]))

    return write


def read(scene, call, **options):
    return scene.action("file.read", call=call, path="src/a.py", **options)


async def rows(scene):
    database = scene.ports.approvals._database
    return await database.read(lambda connection: connection.execute(limit_uses.select()).all())


async def cost_so_far(scene):
    return sum(row.amount for row in await rows(scene) if row.limit == "models")


async def approved_push(scene, call=0):
    asked = await scene.gate.perform(push(scene, call))
    await verdict(scene, asked.approval)
    return await scene.gate.perform(push(scene, call))


async def test_of_many_that_race_for_the_last_room_exactly_as_many_as_fit_are_done(scene, limit):
    limit(reads=READS)
    gates = [scene.with_ports() for _ in range(8)]
    results = await asyncio.gather(*(gate.perform(read(scene, call)) for call, gate in enumerate(gates)))
    done = [result for result in results if isinstance(result, Done)]
    refused = [result.rule for result in results if isinstance(result, Denied)]
    assert (len(done), refused, len(scene.delegate.told)) == (3, ["limit.full"] * 5, 3)


async def test_the_window_slides(scene, limit, clock):
    limit(reads=READS)
    for call in range(3):
        assert isinstance(await scene.gate.perform(read(scene, call)), Done)
    assert isinstance(await scene.gate.perform(read(scene, 3)), Denied)
    clock.advance(timedelta(seconds=601))
    assert isinstance(await scene.gate.perform(read(scene, 4)), Done)


async def test_of_model_calls_that_race_for_the_last_money_exactly_as_many_as_fit_are_sent(scene, limit):
    limit(models='{cost: "1.20", within: 1d}')
    await open_budget(scene)
    gates = [scene.with_ports() for _ in range(6)]
    results = await asyncio.gather(
        *(gate.perform(model_call(scene, number)) for number, gate in enumerate(gates))
    )
    refused = [result.rule for result in results if isinstance(result, Denied)]
    # each may cost 0.50, and costs 0.25: a third fits where the first has ended by then, a fourth never
    assert set(refused) == {"limit.full"}
    assert len(scene.delegate.told) in (2, 3)
    assert await cost_so_far(scene) == len(scene.delegate.told) * 2500


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_model_call_takes_what_it_may_cost_and_keeps_what_it_did_cost(scene, limit, clock):
    limit(models='{cost: "0.80", per: agent, within: 30m}')
    await open_budget(scene)
    told = [await scene.gate.perform(model_call(scene, number)) for number in range(3)]
    assert [type(result) for result in told] == [Done, Done, Denied]
    assert told[2].rule == "limit.full"
    assert "US dollars for models within 30 min for agent agent:fixer, and 0.80 is the most" in told[2].reason
    scene.delegate.crash = True
    clock.advance(timedelta(minutes=31))
    with pytest.raises(FakeCrash):
        await scene.gate.perform(model_call(scene, 3))
    assert await cost_so_far(scene) == 2 * 2500 + 5000  # what nobody can tell of keeps what it may have cost
    assert (await scene.gate.perform(model_call(scene, 4))).rule == "limit.full"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_model_without_a_price_is_not_called_where_cost_is_limited(scene, limit):
    limit(models='{cost: "100.00", within: 1d}')
    await open_budget(scene)
    assert (await scene.gate.perform(model_call(scene, model="nobody-knows"))).rule == "limit.not-known"
    assert scene.delegate.told == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_costs_less_than_a_hundredth_of_a_cent_is_not_nothing(scene, limit):
    limit(models='{cost: "0.80", within: 1d}')
    await open_budget(scene)
    scene.delegate.costs = "0.00001"
    await scene.gate.perform(model_call(scene))
    assert await cost_so_far(scene) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_each_agent_has_room_of_its_own_where_the_limit_says_so(scene, limit):
    limit(reads="{tools: [file.read], per: agent, count: 1, within: 10m}")
    assert isinstance(await scene.gate.perform(read(scene, 0)), Done)
    assert isinstance(await scene.gate.perform(read(scene, 1, by="user:ana")), Done)
    assert isinstance(await scene.gate.perform(read(scene, 2)), Denied)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_different_targets_are_counted_and_the_same_one_is_not(scene, limit, made_commit):
    limit(places="{effects: [consequential], targets: 1, within: 10m}")
    assert isinstance(await approved_push(scene, 0), Done)
    assert isinstance(await approved_push(scene, 1), Done)
    assert (await scene.gate.perform(push(scene, 2, branch="other"))).rule == "limit.full"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_full_limit_that_asks_is_a_question_and_a_yes_is_counted(scene, limit):
    limit(reads="{tools: [file.read], count: 1, within: 10m, then: ask}")
    assert isinstance(await scene.gate.perform(read(scene, 0)), Done)
    asked = await scene.gate.perform(read(scene, 1))
    assert isinstance(asked, Asked)
    shown = (await scene.ports.approvals.get(asked.approval)).shown
    assert ([rule["rule"] for rule in shown["rules"]], shown["limits"][0]["full"]) == (["limit.full"], True)
    await verdict(scene, asked.approval)
    assert isinstance(await scene.gate.perform(read(scene, 1)), Done)
    assert len(await rows(scene)) == 2


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_yes_that_was_given_while_there_was_room_does_not_answer_for_a_full_limit(
    scene, limit, made_commit
):
    limit(pushes="{tools: [git.push], count: 1, within: 10m, then: ask}")
    asked = await scene.gate.perform(push(scene, 0))
    await verdict(scene, asked.approval)
    assert isinstance(await approved_push(scene, 1), Done)
    again = await scene.gate.perform(push(scene, 0))
    assert isinstance(again, Asked)
    assert again.approval != asked.approval


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_was_not_begun_gives_its_room_back(scene, limit):
    limit(reads=READS)
    scene.delegate.missing = "the disk is away"
    assert (await scene.gate.perform(read(scene, 0))).status == "failed"
    assert await rows(scene) == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_change_that_failed_gives_its_room_back(scene, limit, made_commit):
    limit(pushes="{tools: [git.push], count: 1, within: 10m}")
    scene.delegate.status = "failed"
    assert (await approved_push(scene)).status == "failed"
    assert await rows(scene) == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_was_done_and_ended_badly_keeps_its_room(scene, limit):
    limit(runs="{tools: [file.read], count: 1, within: 10m}")
    scene.delegate.status = "failed"
    assert (await scene.gate.perform(read(scene, 0))).status == "failed"
    assert len(await rows(scene)) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_became_unknown_keeps_its_room(scene, limit, made_commit, monkeypatch):
    limit(pushes="{tools: [git.push], count: 1, within: 10m}")
    scene.recover_by(monkeypatch, "git.push", "none")
    scene.delegate.crash = True
    with pytest.raises(FakeCrash):
        await approved_push(scene)
    assert isinstance(await scene.gate.perform(push(scene)), Unknown)
    assert len(await rows(scene)) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "entry",
    [
        "{tools: [file.read], per: project, count: 9, within: 10m}",
        "{tools: [file.read], targets: 9, within: 10m}",
        '{tools: [file.read], amount: "9", argument: cost, within: 10m}',
    ],
)
async def test_what_cannot_be_counted_is_not_done(scene, limit, entry):
    limit(one=entry)
    assert (await scene.gate.perform(read(scene, 0))).rule == "limit.not-known"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("text", ["limits: [", "limits: {one: {count: 1}}"])
async def test_where_the_limits_cannot_be_read_nothing_is_done(scene, tmp_path, text):
    (tmp_path / "limits.yaml").write_text(text)
    assert (await scene.gate.perform(read(scene, 0))).rule == "limit.not-known"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_limits_that_cannot_be_read_between_decision_and_intent_stop_it(scene, tmp_path, monkeypatch):
    evaluate = scene.ports.policy.evaluate

    async def break_the_file(facts):
        (tmp_path / "limits.yaml").write_text("limits: [")
        return await evaluate(facts)

    monkeypatch.setattr(scene.ports.policy, "evaluate", break_the_file)
    assert (await scene.gate.perform(read(scene, 0))).rule == "limit.not-known"
    assert scene.delegate.told == []
