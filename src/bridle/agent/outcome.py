"""How an agent's run can end, and who performs its actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.gate.action import Action, Asked, Result, Unknown


class Performs(Protocol):
    """The gate, as far as the loop needs it."""

    async def perform(self, action: Action) -> Result: ...


@dataclass(frozen=True)
class Finished:
    """The agent ended by itself. `outputs` holds text and, when it committed, commit, branch and changed."""

    text: str
    outputs: Mapping[str, Json]


@dataclass(frozen=True)
class Suspended:
    """A person has to approve `approval`; the run goes on from the start when they have."""

    approval: Asked


@dataclass(frozen=True)
class Stopped:
    """The run was stopped. `reason` is a stable word (budget, denied, model-failed, empty-turn), `note` is shown beside
    the state (such as "stopped at budget: turns"), `detail` says what to know, `hint` what to do."""

    reason: str
    note: str
    detail: str = ""
    state: State = State.FAILED
    hint: str = ""


@dataclass(frozen=True)
class Undecided:
    """An effect may or may not have happened; a person has to find out."""

    unknown: Unknown


AgentOutcome: TypeAlias = Finished | Suspended | Stopped | Undecided
