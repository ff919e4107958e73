"""What is in force here besides the sandbox, for the statement that each execution begins with (trust.controls)."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

from bridle import __version__
from bridle.adapters.rego.bound import BoundPolicy
from bridle.core.canonical import Json
from bridle.core.errors import BridleError
from bridle.core.settings import Settings
from bridle.gate.fleet import FleetLimits

PARTS = ("dbos", "gordon-to-regorus", "cryptography", "google-re2")


def describe_controls(settings: Settings, policy: BoundPolicy, limits: FleetLimits) -> dict[str, Json]:
    """Return the controls; limits and breakers are null when they cannot be read, and then every action is denied."""
    return {
        "policy": policy.digest,
        "limits": _read_limits(limits),
        "breakers": _read_breakers(limits),
        "settings": {
            "approved_agents_only": settings.approved_agents_only,
            "own_keys_only": settings.own_keys_only,
            "loop_limit": settings.loop_limit,
            "loop_window": settings.loop_window,
            "max_executions": settings.max_executions,
            "project": settings.project,
        },
        "versions": {
            "bridle": __version__,
            "python": platform.python_version(),
            **_versions(),
        },
    }


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PARTS}


def _read_limits(limits: FleetLimits) -> Json:
    try:
        return [limit.to_json() for limit in limits.source.read()]
    except BridleError:
        return None


def _read_breakers(limits: FleetLimits) -> Json:
    try:
        return [breaker.to_json() for breaker in limits.source.breakers()]
    except BridleError:
        return None
