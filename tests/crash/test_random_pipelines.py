"""Random pipelines, killed at random: one process after the other, and two servers of which one takes over; on both stores.

The seed of each is in its test's name. BRIDLE_CRASH_SEED=SEED tries that one alone, in every manner; `-m long` tries
BRIDLE_CRASH_SEEDS of them, from BRIDLE_CRASH_FIRST on. Most have a fake delegate, a few the real one and its sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator

import pytest

from bridle.pipeline.read import read_pipeline
from crash.ending import Ending
from crash.random_pipelines import make_pipeline
from crash.trial import Manner, choose_points, run_undisturbed, try_killing
from support.forks import Forks
from support.postgres import Postgres, run_postgres

ONLY = os.environ.get("BRIDLE_CRASH_SEED", "")
BY_ONE, BY_TWO, ON_POSTGRESQL, SANDBOXED = ([int(ONLY)],) * 4 if ONLY else ([1, 3, 12, 17], [8], [24], [1])
FIRST, MANY = (
    int(os.environ.get("BRIDLE_CRASH_FIRST") or 1000),
    int(os.environ.get("BRIDLE_CRASH_SEEDS") or 1000),
)
PART = 25  # of the long form: as many share one undisturbed run
PARTS = [list(range(at, min(at + PART, FIRST + MANY))) for at in range(FIRST, FIRST + MANY, PART)]


@pytest.fixture(scope="session")
def undisturbed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ending]:
    """What the pipelines of the short form come to, found out once for all workers of a test run."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):
        shared = shared.parent
    path = shared / "undisturbed-pipelines.json"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            endings = run_undisturbed(forks, sorted({*BY_ONE, *BY_TWO, *ON_POSTGRESQL}))
            path.write_text(json.dumps({seed: ending.to_json() for seed, ending in endings.items()}), "utf-8")
        return {int(seed): Ending(**ending) for seed, ending in json.loads(path.read_text("utf-8")).items()}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with run_postgres() as opened:
        yield opened


@pytest.mark.parametrize("seed", BY_ONE, ids="seed-{}".format)
def test_what_one_process_after_the_other_carries_ends_as_undisturbed(
    forks: Forks, undisturbed: dict[int, Ending], seed: int
) -> None:
    assert try_killing(forks, seed, undisturbed[seed], Manner()) == []


@pytest.mark.parametrize("seed", BY_TWO, ids="seed-{}".format)
def test_what_a_server_takes_over_ends_as_undisturbed(
    forks: Forks, undisturbed: dict[int, Ending], seed: int
) -> None:
    assert try_killing(forks, seed, undisturbed[seed], Manner(serves=True)) == []


@pytest.mark.parametrize("seed", ON_POSTGRESQL, ids="seed-{}".format)
def test_what_is_taken_over_on_postgresql_ends_as_undisturbed(
    forks: Forks, undisturbed: dict[int, Ending], server: Postgres, seed: int
) -> None:
    manner = Manner(store=server.url(server.create()), serves=True)
    assert try_killing(forks, seed, undisturbed[seed], manner) == []


@pytest.mark.parametrize("seed", SANDBOXED, ids="seed-{}".format)
def test_what_was_cut_short_in_the_real_sandbox_ends_as_undisturbed(forks: Forks, seed: int) -> None:
    reference = run_undisturbed(forks, [seed], real=True)[seed]
    assert try_killing(forks, seed, reference, Manner(real=True)) == []


@pytest.mark.long
@pytest.mark.parametrize("seeds", PARTS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_thousands_of_pipelines_end_as_undisturbed(forks: Forks, server: Postgres, seeds: list[int]) -> None:
    undisturbed = run_undisturbed(forks, seeds)
    stores = [server.url(server.create()) if seed % 5 == 0 else "" for seed in seeds]
    found = {
        seed: try_killing(forks, seed, undisturbed[seed], Manner(store=store, serves=seed % 2 == 0))
        for seed, store in zip(seeds, stores, strict=True)
    }
    assert {seed: complaints for seed, complaints in found.items() if complaints} == {}


def test_a_seed_gives_the_same_pipeline_again() -> None:
    assert [make_pipeline(seed) for seed in range(20)] == [make_pipeline(seed) for seed in range(20)]


def test_every_random_pipeline_is_one_that_can_be_read() -> None:
    for seed in range(50):
        made = make_pipeline(seed)
        read_pipeline(made.text, source=f"{seed}.yaml", library=made.library)


@pytest.mark.skipif(bool(ONLY), reason="one seed alone is tried")
def test_the_short_form_has_every_word_that_random_pipelines_have() -> None:
    made = {seed: make_pipeline(seed) for seed in range(50)}
    texts = {seed: " ".join([one.text, *one.children.values()]) for seed, one in made.items()}
    words = {seed: set(re.findall("[a-z-]{3,}", text)) for seed, text in texts.items()}
    short = set().union(*(words[seed] for seed in (*BY_ONE, *BY_TWO, *ON_POSTGRESQL)))
    assert set().union(*words.values()) - short == set()


@pytest.mark.skipif(bool(ONLY), reason="one seed alone is tried")
def test_the_short_form_kills_often_and_once_and_fills_the_disk(undisturbed: dict[int, Ending]) -> None:
    points = [choose_points(seed, undisturbed[seed].records, Manner()) for seed in BY_ONE]
    assert (min(map(len, points)), max(map(len, points)), min(map(min, points)) < 0) == (1, 3, True)


def test_an_effect_that_is_done_again_over_what_was_there_is_noticed(
    forks: Forks, undisturbed: dict[int, Ending]
) -> None:
    """A delegate that forgets to put the tree back: a step that was cut short right after its effect has it twice."""
    forgetful = Manner(fault="forget-restore", points=("effect carry_out command.run: after #1",))
    assert try_killing(forks, BY_ONE[0], undisturbed[BY_ONE[0]], forgetful) != []


def test_a_gate_that_forgets_its_intents_is_noticed(forks: Forks, undisturbed: dict[int, Ending]) -> None:
    forgetful = Manner(fault="forget-intents", points=("effect carry_out command.run: after #1",))
    assert try_killing(forks, BY_ONE[0], undisturbed[BY_ONE[0]], forgetful) != []
