"""The execution: one run of a plan, and the guarded changes of its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.pipeline.plan import Plan
from bridle.trust.principals import Place


@dataclass(frozen=True)
class Execution:
    """One run of a plan.

    `plan` is the plan's JSON as it was when the execution started: editing the file changes nothing here. `options`
    are what the run was asked for besides inputs: the model, the agents' folder. One that is pending stands in line, and its
    `note` says behind how many. `number` counts the executions of its pipeline from 1; the store gives it.
    """

    id: str
    pipeline: str
    plan: Mapping[str, Json]
    plan_digest: str
    inputs: Mapping[str, Json]
    options: Mapping[str, Json]
    initiator: str
    state: State
    note: str
    started_at: datetime
    ended_at: datetime | None = None
    number: int = 0


@dataclass(frozen=True)
class StartExecution:
    """Guard: store a new execution. A pending one stands in line (engine.admission); any other was admitted.

    `ceiling` is how many of its pipeline may be under way at once, `waiter` the process that stands for it, or empty.
    """

    execution: Execution
    ceiling: int | None = None
    waiter: str = ""
    guards = "execution {0.execution.id}"


@dataclass(frozen=True)
class MoveExecution:
    """Guard: change the state of an execution that has not ended."""

    execution: str
    state: State
    note: str
    now: datetime
    guards = "execution {0.execution}"


def place_of(execution: Execution, deployment: Mapping[str, Json] | None = None) -> Place:
    """Return where an action of an execution has its effect, which is what its people's roles are asked for."""
    return Place.of(str(execution.options.get("project", "")), deployment)


class Executions(Protocol):
    """Reads executions. Changing them is a guard of the journal."""

    async def get(self, execution: str) -> Execution | None: ...

    async def find(self, *, states: Sequence[State] = (), limit: int = 100) -> list[Execution]:
        """Return executions, newest first, in these states or in any."""
        ...

    async def wish(self, execution: str) -> str:
        """Return what is wanted of an execution (engine.interrupts.Wish). Cheap: it is asked before every leg."""
        ...

    async def wished(self, wish: str) -> list[str]:
        """Return the ids of the executions that have not ended and of which this is wanted."""
        ...

    async def children(self, execution: str) -> list[Execution]:
        """Return the executions that belong to this one and have not ended: chained pipelines, rollbacks."""
        ...


class Starter(Protocol):
    """Starts an execution that belongs to another one: a chained pipeline, a rollback. Starting it twice starts it once."""

    async def start_child(
        self,
        parent: Execution,
        *,
        path: str,
        plan: Plan,
        inputs: Mapping[str, Json],
        options: Mapping[str, Json],
    ) -> Execution:
        """Return the child as it stands; `options` are its own, beside those that it inherits."""
        ...

    async def cancel_child(self, parent: Execution, *, path: str) -> None:
        """Have the child at `path` cancelled, if there is one that has not ended."""
        ...

    async def carry(self, execution: str) -> None:
        """Make sure that an execution is being carried."""
        ...

    async def outputs_of(self, child: Execution) -> Mapping[str, Json]:
        """Return what an ended execution put out, by name."""
        ...
