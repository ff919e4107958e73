"""The durable port: control flow that survives the process. The only place in the system that waits.

A workflow is a plain async function of a Run and an argument. Everything it does goes through the Run, in an order that depends
only on what earlier calls returned; after a crash it is called again and the Run answers finished calls from its record. A step
returns ids and states, never content: content is in the journal. A step may be executed more than once, so it is idempotent.

What runs side by side is a branch: a workflow of its own, with the same function, named after the execution and a path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

OTHER_INTERPRETER = "other-interpreter"
LEASE_S = 4.0  # how long a process may be silent before it counts as dead

Work: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Timing:
    """How often a process beats, and after how long without a beat it counts as dead."""

    beat_s: float = 1.0
    lease_s: float = LEASE_S
    poll_s: float = 0.2


class Run(Protocol):
    """What a workflow can do."""

    async def step(self, name: str, work: Work) -> dict[str, Any]:
        """Do `work` and record its result under `name`; on replay return the recorded result."""
        ...

    async def wait(self, *, timeout_s: float) -> None:
        """Wait, durably, until somebody wakes this workflow or the time is over. It may return early: look again."""
        ...

    async def branch(self, path: str, argument: Mapping[str, Any]) -> None:
        """Start the branch at `path`, once."""
        ...

    async def first(self, paths: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """Wait until one of the branches has ended; return its path and what it returned."""
        ...


Workflow: TypeAlias = Callable[[Run, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Durable(Protocol):
    """Runs workflows so that no crash loses one."""

    async def start(self, execution: str, argument: Mapping[str, Any], *, anew: bool = False) -> None:
        """Start the workflow under the execution's id; starting it twice starts it once.

        Raise ExecutionError (`other-interpreter`) for one that another version of Bridle began and left; `anew` forgets how far
        that came, and is only for one that is to be cancelled.
        """
        ...

    async def wake(self, execution: str, path: str = "") -> None:
        """Wake the branch that carries `path`, or all of the execution; harmless when nobody waits. ExecutionError: no such
        one."""
        ...

    async def result(self, execution: str) -> dict[str, Any]:
        """Wait for the workflow's end, in whatever process it runs, and return what it returned."""
        ...

    async def held_elsewhere(self, execution: str) -> bool:
        """True when another live process is carrying the execution on."""
        ...

    async def close(self) -> None:
        """Stop carrying; what has not ended is taken over by whoever starts next."""
        ...
