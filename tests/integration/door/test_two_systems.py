"""A refund in two systems: whatever happens when, ledger and account agree, or a person is told. Never is anything done twice."""

import asyncio
import shutil
from datetime import timedelta

import pytest

from bridle.trust.audit import verify_journal

from .conftest import FakeCrash
from .two_systems import SAMPLE, TwoSystems

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
LATER = timedelta(
    minutes=16
)  # the credit is due after 15, and a look-up that finds nothing counts after 30 s


@pytest.fixture
async def systems(scene, tmp_path, monkeypatch):
    shutil.copytree(SAMPLE / "agents" / "acme.settler", tmp_path / "agents" / "acme.settler")
    systems = TwoSystems(scene, tmp_path / "books", monkeypatch)
    (tmp_path / "books").mkdir()
    await systems.look()
    return systems


async def check(scene, systems, order):
    """The invariant."""
    posted, credited = systems.count(order)
    parked = await systems.parked(order)
    assert posted <= 1, "two adjustments in the ledger"
    assert credited <= 1, "two credits on the account"
    assert posted == credited or parked, f"{order}: {posted} posted, {credited} credited, and nobody is told"
    return posted, credited, parked


async def go_on(scene, systems, opened, order):
    """What happens after anything: the session is taken up again, the event comes once more, two workers race, time passes."""
    duplicate = await systems.ask_for(order)
    await systems.work_on(opened, order)
    await asyncio.gather(*[systems.work_on(one, order) for one in (duplicate, await systems.ask_for(order))])
    await check_never_twice(systems, order)
    scene.clock.advance(LATER)
    await systems.recovering.sweep()
    return await check(scene, systems, order)


async def check_never_twice(systems, order):
    assert max(systems.count(order)) <= 1


async def test_whatever_dies_where_both_agree_or_a_person_is_told(scene, systems):
    opened = await systems.ask_for("A-0000")
    systems.reach.die_at(0)
    await systems.work_on(opened, "A-0000")
    points = list(systems.reach.passed)
    assert len(points) >= 14, points
    ended = {}
    for fatal, label in enumerate(points, 1):
        order = f"A-{fatal:04}"
        opened = await systems.ask_for(order)
        systems.reach.die_at(fatal)
        with pytest.raises(FakeCrash):
            await systems.work_on(opened, order)
        systems.reach.die_at(0)
        ended[label, fatal] = await go_on(scene, systems, opened, order)
    assert any(parked == [] and posted == 1 for posted, _, parked in ended.values())
    records = await scene.store.journal.read()
    verify_journal(
        records,
        checkpoints=[await scene.store.journal.checkpoint()],
        control_plane=scene.store.signer.verifier,
    )


FAULTS = {
    "post_refund lose": (1, 1, []),
    "post_refund twice": (1, 1, []),
    "post_refund refuse": (1, 1, []),  # refused once: the next event is let through
    "credit lose": (1, 1, []),
    "\n".join(["credit refuse"] * 5): (1, 0, ["partial"]),
    "\n".join(["post_refund refuse"] * 5): (0, 0, []),
}


async def test_whatever_a_service_does_both_agree_or_a_person_is_told(scene, systems):
    ended = {}
    for number, faults in enumerate(FAULTS):
        order = f"A-{number:04}"
        systems.fault(faults)
        opened = await systems.ask_for(order)
        await systems.work_on(opened, order)
        ended[faults] = await go_on(scene, systems, opened, order)
    assert ended == FAULTS


async def test_of_two_processes_that_find_it_overdue_one_tells_a_person(scene, systems):
    systems.fault("\n".join(["credit refuse"] * 9))
    await systems.work_on(await systems.ask_for("A-0001"), "A-0001")
    scene.clock.advance(LATER)
    await asyncio.gather(*[systems.recovering.sweep() for _ in range(4)])
    assert await systems.parked("A-0001") == ["partial"]


async def test_what_is_credited_in_time_is_nobodys_work(scene, systems):
    await systems.work_on(await systems.ask_for("A-0001"), "A-0001")
    scene.clock.advance(LATER)
    assert await systems.recovering.sweep() == []


async def test_what_a_process_left_that_nobody_comes_back_for_is_told_a_person(scene, systems):
    opened = await systems.ask_for("A-0001")
    systems.reach.die_at(await point_of(systems, "post_refund: after"))
    with pytest.raises(FakeCrash):
        await systems.work_on(opened, "A-0001")
    systems.reach.die_at(0)
    assert await systems.recovering.sweep() == []  # its agent may come back, and can ask the ledger
    scene.clock.advance(LATER)
    await systems.recovering.sweep()
    assert sorted(await systems.parked("A-0001")) == ["partial", "unknown"]


async def point_of(systems, label):
    opened = await systems.ask_for("A-0009")
    systems.reach.die_at(0)
    await systems.work_on(opened, "A-0009")
    return systems.reach.passed.index(label) + 1
