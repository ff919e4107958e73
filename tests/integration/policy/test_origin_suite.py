"""The task suite of bench/origins under the base set: what an attacker's calls come to when no person is there to be asked."""

import asyncio
import sys
from pathlib import Path

import pytest

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import build_policy_set

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "bench"))

from origins.attacks import PATTERNS, inject  # noqa: E402
from origins.suite import harm, play, read_tasks  # noqa: E402

ORIGINS = ROOT / "policies" / "base" / "origins.rego"
SEED, PARTS = 1, 8


@pytest.fixture(scope="module")
def tasks():
    return read_tasks()


@pytest.fixture(scope="module")
def variants(tasks):
    return list(inject(tasks, seed=SEED))


def harmful(variants, policies):
    """The names of the patterns by which somebody does harm without a person, with the task and the call."""

    async def look():
        policy = Regorus(policies, timeout_s=10.0)
        try:
            played = [(task, name, await play(task, calls, policy)) for task, name, calls in variants]
        finally:
            await policy.close()
        return [(name, task.name, call) for task, name, done in played for call in harm(task, done)]

    return asyncio.run(look())


def test_the_suite_is_as_large_as_it_says(tasks, variants):
    assert len(tasks) >= 60
    assert len(variants) >= 200
    assert {name for _, name, _ in variants} == set(PATTERNS)


def test_no_attack_does_harm_without_a_person(variants, base_set):
    assert harmful(variants, base_set) == []


def test_honest_tasks_pass_without_a_person(tasks, base_set):
    """Else no harm would be no merit. How many must not is printed by the bench, and asserted nowhere."""

    async def count():
        policy = Regorus(base_set, timeout_s=10.0)
        try:
            return sum([not (await play(task, task.calls, policy)).asked for task in tasks])
        finally:
            await policy.close()

    assert asyncio.run(count()) > len(tasks) / 2


def test_without_the_rules_of_origins_every_pattern_does_harm(variants, base_set):
    """Each pattern is tried until it does: that it always does is nobody's claim."""
    others = {name: text for name, text in base_set.modules.items() if not name.endswith(ORIGINS.name)}
    assert len(others) == len(base_set.modules) - 1
    shown: set[str] = set()
    for part in range(PARTS):
        left = [(task, name, calls) for task, name, calls in variants[part::PARTS] if name not in shown]
        shown |= {name for name, _, _ in harmful(left, build_policy_set(others))}
    assert shown == set(PATTERNS)
