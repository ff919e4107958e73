"""Named checks of a machine and a configuration: what each found, and what to do about it.

Rules
  1. A check that raises has failed, with its message; it takes no other check with it.
  2. A check that does not answer in time has failed as well; nobody waits for it.
  3. They run side by side and are told in the order of the table.

What is checked is in `checks_machine` and `checks_parts`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TypeAlias

from bridle.core.errors import BridleError
from bridle.core.settings import Settings

LIMIT_S = 20.0  # a store that is out of reach keeps a connection waiting for minutes


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """What one check came to. `fix` is a command or an instruction; empty when there is nothing to do."""

    name: str
    state: State
    found: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        return {**asdict(self), "state": str(self.state)}


Look: TypeAlias = Callable[[Settings], Sequence[Check]]


def run_checks(looks: Mapping[str, Look], settings: Settings, *, limit_s: float = LIMIT_S) -> list[Check]:
    """Run every check in a thread of its own and return what they found, in the order of `looks`."""
    found: dict[str, Sequence[Check]] = {}

    def run(name: str, look: Look) -> None:
        found[name] = _guarded(name, look, settings)

    # daemons, so that one that hangs cannot keep the process from ending
    threads = [threading.Thread(target=run, args=item, daemon=True) for item in looks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    ended = dict(found)  # a copy: a check that ends later changes nothing any more
    return [check for name in looks for check in ended.get(name) or [_silent(name, limit_s)]]


def worst_state(checks: Sequence[Check]) -> State:
    """Return the worst state among `checks`."""
    found = {check.state for check in checks}
    return next((state for state in (State.FAIL, State.WARN) if state in found), State.OK)


def _guarded(name: str, look: Look, settings: Settings) -> Sequence[Check]:
    try:
        return look(settings)
    except BridleError as error:
        place = f"{error.where}: " if error.where else ""
        return [Check(name, State.FAIL, f"{place}{error.what}", error.hint)]
    except OSError as error:
        hint = "give this user access, or name another folder (BRIDLE_DATA_DIR, BRIDLE_CONFIG_DIR, BRIDLE_WORK_DIR)"
        return [Check(name, State.FAIL, str(error), hint)]
    except Exception as error:
        return [Check(name, State.FAIL, f"the check broke: {type(error).__name__}: {error}", _REPORT_IT)]


def _silent(name: str, limit_s: float) -> Check:
    return Check(
        name, State.FAIL, f"no answer within {limit_s:g} s", "find out what it waits for, then try again"
    )


_REPORT_IT = "this is a bug of ours: please report it with this line"
