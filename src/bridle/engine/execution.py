"""The execution: one run of a plan, and the guarded changes of its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.states import State


@dataclass(frozen=True)
class Execution:
    """One run of a plan.

    `plan` is the plan's JSON as it was when the execution started: editing the file changes nothing here. `options`
    are what the run was asked for besides inputs: the model, the agents' folder.
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


@dataclass(frozen=True)
class StartExecution:
    """Guard: store a new execution."""

    execution: Execution

    @property
    def guards(self) -> str:
        return f"execution {self.execution.id}"


@dataclass(frozen=True)
class MoveExecution:
    """Guard: change the state of an execution that has not ended."""

    execution: str
    state: State
    note: str
    now: datetime

    @property
    def guards(self) -> str:
        return f"execution {self.execution}"


class Executions(Protocol):
    """Reads executions. Changing them is a guard of the journal."""

    async def get(self, execution: str) -> Execution | None: ...

    async def find(self, *, states: Sequence[State] = (), limit: int = 100) -> list[Execution]:
        """Return executions, newest first, in these states or in any."""
        ...
