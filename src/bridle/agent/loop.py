"""An agent's run: ask the model, perform its calls through the gate, ask again, until it ends or must stop.

Rules
  1. A model call and a tool call are Actions alike, performed by the gate, strictly one after the other. Their keys
     come from their place: turn `n`'s model call is n.0, its first tool call n.1. A model call whose failure may pass
     (a rate limit, nobody there) is made again at most twice, each time as an action of its own: n.0/again-1.
  2. Nothing is remembered between runs. After a crash or an approval the loop runs again from its first turn and
     the gate answers what it already knows; the same definition asks the same again.
  3. What the gate denies, the model is told, with the rule; it may do something else. What the gate asks a person
     stops the run at once, before any further call.
  4. Limits of turns, tokens, money and time at work stop the run with a note that names the limit.
  5. Outputs are what the harness saw happen (the last commit), not what the model says it did. Only `text` is its.

The framework is behind `agent.framework`; it is imported when a run begins, because that takes seconds of CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

from bridle.agent.definition import AgentDefinition
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply
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
    the state (such as "stopped at budget: turns"), `detail` says what to know and do."""

    reason: str
    note: str
    detail: str = ""
    state: State = State.FAILED


@dataclass(frozen=True)
class Undecided:
    """An effect may or may not have happened; a person has to find out."""

    unknown: Unknown


AgentOutcome: TypeAlias = Finished | Suspended | Stopped | Undecided


@dataclass(frozen=True)
class TurnTaken:
    """What `on_turn` is told after each turn of the model. Totals are of the whole run so far, replayed turns included."""

    turn: int
    reply: ModelReply
    total_tokens: int
    total_cost_usd: Decimal


OnTurn: TypeAlias = Callable[[TurnTaken], None]


async def run_agent(
    definition: AgentDefinition,
    *,
    task_text: str,
    gate: Performs,
    execution: str,
    step: str,
    token: str,
    workspace: str,
    model: str,
    budget: str,
    prompt: str = "",
    boundary: Boundary | None = None,
    on_turn: OnTurn | None = None,
) -> AgentOutcome:
    """Run an agent until it ends or must stop.

    `task_text` is the first message and `prompt` the definition's with its inputs filled in, if it has any. `model` is
    the resolved name; `boundary` is the step's (`definition.step_boundary`), the definition's when left out. `budget`
    names the gate's budget for the model calls, empty for none. Errors of the gate itself (a replay that drifted, a
    store out of reach) are raised.
    """
    from bridle.agent.session import Seat, Session

    seat = Seat(
        gate=gate,
        execution=execution,
        step=step,
        token=token,
        workspace=workspace,
        model=model,
        budget=budget,
        prompt=prompt or definition.prompt,
        boundary=boundary or definition.boundary,
        on_turn=on_turn,
    )
    return await Session(definition, seat).run(task_text)
