"""`bridle doctor`: what this machine can and cannot guarantee, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import AsJson, Policies, Store, print_json

if TYPE_CHECKING:
    from bridle.surfaces.cli.checks import Check, Look

UNHEALTHY = 5


@root.command(name="doctor", epilog="Example: bridle doctor --json")
def doctor(store: Store = "", policies: Policies = None, as_json: AsJson = False) -> int:
    """Check everything a run rests on, and name the fix of what does not hold. Nothing is changed.

    Ends with 0 when nothing failed (warnings are not failures), else with 5.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.checks import State, run_checks, worst_state

    checks = run_checks(list_checks(), load_settings(store_url=store, policies=policies or ()))
    worst = worst_state(checks)
    if as_json:
        print_json({"state": str(worst), "checks": [check.to_json() for check in checks]})
    else:
        print(_show(checks))
    return UNHEALTHY if worst is State.FAIL else 0


def list_checks() -> dict[str, Look]:
    """Return the checks by name, in the order in which they are told."""
    from bridle.surfaces.cli import checks_machine as machine
    from bridle.surfaces.cli import checks_parts as parts
    from bridle.surfaces.cli.checks_published import check_published

    return {
        "python": machine.check_python,
        "data": machine.check_data,
        "keys": machine.check_keys,
        "work": machine.check_work,
        "store": parts.check_store,
        "journal": parts.check_journal,
        "published": check_published,
        "roles": parts.check_roles,
        "limits": parts.check_limits,
        "policy": parts.check_policy,
        "sandbox": parts.check_sandbox,
        "git": machine.check_git,
        "toolchain": machine.check_toolchain,
        "sample": machine.check_sample,
        "clock": machine.check_clock,
        "model": parts.check_model,
    }


def _show(checks: Sequence[Check]) -> str:
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state:<4} {check.name:<11} {check.found}")
        if check.fix:
            lines.append(f"{'':<16} fix: {check.fix}")
    counts = {state: sum(check.state == state for check in checks) for state in ("ok", "warn", "fail")}
    return "\n".join([*lines, "", ", ".join(f"{count} {state}" for state, count in counts.items())])
