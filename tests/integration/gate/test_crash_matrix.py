"""Every kind of action, with the process killed at every point that performing it passes; some on both stores.

Whatever died where: nothing happens twice, nothing that was reported is lost, nothing begins before its intent, and nothing after
the token has gone. Twelve kinds, at least twelve points each; second deaths, at random points of the recovery, come on top.
"""

import os
import random

import pytest

from bridle.gate.action import Done, Unknown
from bridle.gate.manifest import Recovery
from bridle.gate.recovery import RECOURSE, Recourse
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Kind

from .matrix import DONE_AGAIN, EXECUTION, KINDS, build_matrix

SEED = os.environ.get("BRIDLE_SEED") or str(random.randrange(1 << 30))  # noqa: S311 - no secret is made of it
LEAST_POINTS = 12
TWICE = 4  # deaths at random points of the recovery
ON_BOTH = {  # one of each way to recover; `-m long` has the other kinds on PostgreSQL too
    "a file read",
    "a command",
    "a booking that can be asked for",
    "a note that nobody can look up",
    "what spends",
}
EVERYWHERE = [
    pytest.param(store, name, marks=() if store == "sqlite" or name in ON_BOTH else pytest.mark.long)
    for store in ("sqlite", "postgresql")
    for name in KINDS
]


@pytest.fixture
async def matrix(scene, store, monkeypatch):
    return await build_matrix(scene, store, monkeypatch)


async def list_points(matrix, kind, *, number=0):
    """Perform one action of a kind undisturbed, and return the points it passed."""
    matrix.reach.die_at(0)
    assert isinstance(await matrix.drive(kind.action(number, matrix.secret)), Done)
    assert len(matrix.reach.passed) >= LEAST_POINTS, matrix.reach.passed
    return list(matrix.reach.passed)


def judge(matrix, kind, key, result):
    """Return what is wrong with how an action ended, given how often it happened."""
    recovery = matrix.ports.manifests.get(kind.tool).recovery
    times = matrix.world.done.count(key)
    if isinstance(result, Unknown):
        return [] if recovery is Recovery.NONE and result.reason and times <= 1 else ["it ended unknown"]
    if not isinstance(result, Done) or result.status != "succeeded":
        return [f"it ended {result}"]
    if recovery is Recovery.WORKSPACE:
        times = matrix.world.tree.count(key)
    enough = times >= 1 if recovery in DONE_AGAIN else times == 1
    return [] if enough else [f"it happened {times} times"]


async def check_journal(matrix):
    """The journal verifies, nothing in it is open, and every action has one intent and one outcome."""
    records = await matrix.store.journal.read()
    audit = verify_journal(
        records,
        checkpoints=[await matrix.store.journal.checkpoint()],
        control_plane=matrix.store.signer.verifier,
    )
    assert not audit.open_intents
    for kind in (Kind.INTENDED, Kind.OUTCOME):
        subjects = [one.subject for one in records if one.kind is kind and one.execution == EXECUTION]
        assert len(subjects) == len(set(subjects))


@pytest.mark.parametrize(("store_url", "name"), EVERYWHERE, indirect=["store_url"])
async def test_a_process_that_dies_anywhere_leaves_an_action_that_ends_as_it_should(matrix, name):
    kind, chance = KINDS[name], random.Random(f"{SEED} {name}")  # noqa: S311 - no secret is made of it
    points = await list_points(matrix, kind)
    anywhere = [(fatal, 0) for fatal in range(1, len(points) + 1)]
    twice = [(chance.randint(1, len(points)), chance.randint(1, LEAST_POINTS)) for _ in range(TWICE)]
    faults = []
    for number, (fatal, second) in enumerate([*anywhere, *twice], start=1):
        action = kind.action(number, matrix.secret)
        await matrix.die(action, fatal)
        if second:
            await matrix.die(action, second)
        found = judge(matrix, kind, action.key, await matrix.drive(action))
        faults += [f"{points[fatal - 1]}, then {second}: {fault} (BRIDLE_SEED={SEED})" for fault in found]
    assert faults + matrix.world.faults == []
    await check_journal(matrix)


@pytest.mark.parametrize("gone", ["revoke", "expire"])
async def test_nothing_begins_once_the_token_has_gone(matrix, gone):
    actions = []
    for number, kind in enumerate(KINDS.values(), start=1):
        points = await list_points(matrix, kind, number=-number)
        effect = next(place for place, label in enumerate(points, start=1) if label.startswith("effect"))
        actions.append(kind.action(number, matrix.secret))
        await matrix.die(actions[-1], effect)
    await getattr(matrix, gone)()
    results = [await matrix.drive(action) for action in actions]
    assert not {action.key for action in actions} & set(matrix.world.done)
    assert all(isinstance(result, Unknown) or result.status == "failed" for result in results)


async def test_a_recovery_that_does_again_what_nobody_can_tell_of_is_noticed(matrix, monkeypatch):
    kind = KINDS["a note that nobody can look up"]
    points = await list_points(matrix, kind)
    told = next(place for place, label in enumerate(points, start=1) if label.endswith("done and not told"))
    action = kind.action(1, matrix.secret)
    await matrix.die(action, told)
    monkeypatch.setitem(RECOURSE, Recovery.NONE, Recourse.AGAIN)
    assert judge(matrix, kind, action.key, await matrix.drive(action)) == ["it happened 2 times"]
