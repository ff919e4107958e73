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

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridle.agent.definition import AgentDefinition
from bridle.agent.outcome import AgentOutcome, OnTurn, Performs
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.gate.external import Catalogue
from bridle.gate.manifest import Manifests


@dataclass(frozen=True)
class Seat:
    """Where a run takes place and through whom.

    `model` is the resolved name, `budget` names the gate's budget for the model calls, empty for none. `prompt` is the
    definition's with its inputs filled in, `boundary` the step's. `manifests` know the tools, the built-in ones when left out;
    `case` is the case that it works on.
    """

    gate: Performs
    execution: str
    step: str
    token: str = field(repr=False)
    workspace: str
    model: str
    budget: str
    prompt: str
    boundary: Boundary
    on_turn: OnTurn | None = None
    manifests: Manifests = field(default_factory=Catalogue)
    deployment: Mapping[str, Json] | None = None
    case: str = ""


async def run_agent(definition: AgentDefinition, seat: Seat, *, task_text: str) -> AgentOutcome:
    """Run an agent until it ends or must stop; `task_text` is the first message.

    Errors of the gate itself (a replay that drifted, a store out of reach) are raised.
    """
    from bridle.agent.session import Session

    return await Session(definition, seat).run(task_text)
