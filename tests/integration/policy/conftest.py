"""Documents and policy sets for the tests of the real engine."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from bridle.adapters.rego.policy_set import PolicySet, build_policy_set, load_policy_set

POLICIES = Path(__file__).parents[3] / "policies"

# A set that allows whatever it is asked about: what code forbids must stay forbidden under it.
RELAXED = """package bridle.gate

import rego.v1

allow contains {"rule": "relaxed", "reason": "Everything is allowed."}
"""

# Five million items, each with its own look: seconds of work in a few lines.
HANGING = """package bridle.gate

import rego.v1

allow contains {"rule": "slow", "reason": "Counted."} if {
	count([x | some x in numbers.range(1, 5000000); x % 7 == 3]) > 0
}
"""

DOCUMENT: dict[str, Any] = {
    "action": {
        "tool": "file.read",
        "arguments": {"path": "src/a.py"},
        "effect": "read",
        "digest": "sha256:" + "1" * 64,
        "step": "repair",
        "execution": "exe_1",
        "purpose": "repair",
    },
    "principal": {
        "id": "agent:bridle.fixer",
        "kind": "agent",
        "name": "bridle.fixer",
        "owner": "ana",
        "version": "1.0.0",
        "digest": "sha256:" + "2" * 64,
        "state": "active",
        "asserted": False,
    },
    "actors": [],
    "initiator": {"id": "user:ana", "kind": "user", "state": "active", "asserted": False},
    "scope": ["command:run", "file:edit", "file:read", "git:commit", "git:push", "model:call"],
    "boundary": {
        "write": ["src/**"],
        "protect": ["src/tests"],
        "push": ["bridle/*"],
        "network": "off",
        "suite": {"script": "python -m pytest", "report": ".bridle/*.xml"},
        "limits": {"wall_s": 60, "memory_mib": 512, "pids": 64, "output_bytes": 1000, "disk_mib": 64},
    },
    "approval": None,
    "rests_on": {"policy": "", "agent": "sha256:" + "2" * 64, "commit": "", "report": ""},
    "verification": None,
    "provenance": None,
    "undoes": None,
    "loop": {"times": 1, "limit": 3, "repeated": False, "within_s": 86400, "undoes": False, "before": []},
    "attempt": None,
    "limits": [],
    "budget": {"turns": 5, "tokens": 1000, "cost_usd": "0.50"},
    "now": "2026-01-01T00:00:00.000000Z",
}


@pytest.fixture
def document() -> dict[str, Any]:
    """An agent's reading of a file: complete facts, allowed by the base set."""
    return copy.deepcopy(DOCUMENT)


@pytest.fixture(scope="session")
def base_set() -> PolicySet:
    return load_policy_set([POLICIES / "base"])


@pytest.fixture
def relaxed_set() -> PolicySet:
    return build_policy_set({"relaxed.rego": RELAXED})


@pytest.fixture
def hanging_set() -> PolicySet:
    return build_policy_set({"hanging.rego": HANGING})
