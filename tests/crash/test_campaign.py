"""The demo, killed: at a point of every kind, at a few random points, and on demand (-m long) at every point there is
and on PostgreSQL.

BRIDLE_CRASH_SEED chooses the random ones; the seed of a run is in the tests' names.
"""

from __future__ import annotations

import os
import random
import time
import zlib

import pytest

from crash import campaign
from crash.campaign import Reference, crash_at, crash_everywhere
from support.forks import Forks
from support.postgres import run_postgres

RANDOM_POINTS, RANDOM_PARTS = 2, 2  # beside every kind of point; the long form leaves none out
LONG_PARTS = 40  # each small enough to see progress
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(time.time())  # the same for all workers of one run
SEED = int(os.environ.get("BRIDLE_CRASH_SEED") or zlib.crc32(RUN.encode()))


def crash_at_all(forks: Forks, points: list[str], reference: Reference) -> dict[str, list[str]]:
    """Return the points at which something did not hold; one that need not come is no fault."""
    found = {point: crash_at(forks, point, reference) for point in points}
    return {
        point: complaints
        for point, complaints in found.items()
        if complaints and not (point.startswith(VARYING) and complaints[0].startswith(campaign.NEVER_REACHED))
    }


VARYING = "commit update:workflow_status: "
"""The engine's own bookkeeping between steps: how often it commits that depends on time, so that the seventh of one run may
not come in another. Its first is killed at with the other kinds."""


def test_the_undisturbed_run_ends_as_it_should(reference: Reference) -> None:
    ending = reference.ending
    assert (ending.state, ending.pushes, ending.approvals) == ("succeeded", [ending.main], ["used"])
    assert (ending.tokens_left, ending.reservations_left, ending.open_intents) == (0, 0, [])
    assert ending.evidence[-1] == "claims"


def test_the_points_are_commits_of_both_databases_and_every_effect(reference: Reference) -> None:
    labels = {point.rpartition(" #")[0] for point in reference.points}
    assert {
        "effect carry_out git.push: before",
        "effect carry_out model.call: after",
        "commit delete:limit_uses insert:limit_uses update:approvals action.decided action.intended update:journal_head: after",
        "commit update:workflow_status step:ship/push#0: before",
    } <= labels


def test_an_execution_killed_at_every_kind_of_point_ends_the_same(forks: Forks, reference: Reference) -> None:
    assert crash_everywhere(forks, reference) == []


@pytest.mark.long
def test_an_execution_on_postgresql_killed_at_every_kind_of_point_ends_the_same(
    forks: Forks, reference: Reference
) -> None:
    with run_postgres() as server:
        assert crash_everywhere(forks, reference, store=server.url(server.create())) == []


@pytest.mark.parametrize("part", range(RANDOM_PARTS), ids=lambda part: f"seed-{SEED}-part-{part}")
def test_a_run_killed_at_random_ends_the_same(forks: Forks, reference: Reference, part: int) -> None:
    steady = [point for point in reference.points if not point.startswith(VARYING)]
    chosen = random.Random(SEED).sample(steady, RANDOM_POINTS)  # noqa: S311 - no secret is made of it
    assert crash_at_all(forks, chosen[part::RANDOM_PARTS], reference) == {}


def test_the_long_form_leaves_no_point_out(reference: Reference) -> None:
    parts = [point for part in range(LONG_PARTS) for point in reference.points[part::LONG_PARTS]]
    assert (sorted(parts), len(set(parts))) == (sorted(reference.points), len(reference.points))


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG_PARTS))
def test_a_run_killed_anywhere_ends_the_same(forks: Forks, reference: Reference, part: int) -> None:
    assert crash_at_all(forks, reference.points[part::LONG_PARTS], reference) == {}


def test_a_point_that_is_never_reached_is_a_failure(
    forks: Forks, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "_carry", lambda forks, room, **job: (0, "it ended well"))
    (complaint,) = crash_at(forks, "commit of nothing: after #1", reference)
    assert complaint.startswith(campaign.NEVER_REACHED)


def test_a_gate_that_forgets_is_noticed(forks: Forks, reference: Reference) -> None:
    point = next(
        point for point in reference.points if point.startswith("effect carry_out git.commit: after")
    )
    assert crash_at(forks, point, reference, fault="forget-turns") != []
