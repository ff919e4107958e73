"""`model.call`: ask the model that the arguments name for its next turn.

It checks nothing about policy and knows no provider: the composition root hands it the way from a name such as
`anthropic:…` or `recorded:…` to a port. The control plane gets usage and cost as facts; the provider's own answer
goes back as the private part, because only it can be sent again exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, count_turns
from bridle.core.errors import InputError
from bridle.delegate.effectors import Effector, EffectorContext, EffectorResult
from bridle.dispatch.protocol import Task

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault


class ModelPort(Protocol):
    """A model, whoever runs it."""

    async def respond(
        self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Vault
    ) -> ModelReply:
        """Take one turn. `model` is the full name that was asked for, `turn` counts from 0.

        Raise UnavailableError when it may work later, ExecutionError when it will not.
        """
        ...


Connect: TypeAlias = Callable[[str], ModelPort]
"""From a model's full name to its port; raises InputError for a name nobody knows."""


def build_model_effector(connect: Connect) -> Effector:
    """Return the effector of `model.call`."""

    async def call_model(task: Task, context: EffectorContext) -> EffectorResult:
        model, payload = str(task.request.arguments["model"]), _check_payload(task)
        turn = task.request.arguments["turn"]
        assert isinstance(turn, int)
        reply = await connect(model).respond(payload, model=model, turn=turn, vault=context.vault)
        value = reply.to_json()
        facts = {name: value[name] for name in ("usage", "cost_usd", "priced")}
        return EffectorResult("succeeded", value, facts, reply.raw.encode())

    return call_model


def _check_payload(task: Task) -> Mapping[str, Json]:
    payload = task.payload
    if not isinstance(payload, Mapping) or set(payload) != {"messages", "tools", "settings"}:
        raise InputError("a model call needs messages, tools and settings as its payload")
    messages = payload["messages"]
    if not isinstance(messages, (list, tuple)) or count_turns(messages) != task.request.arguments["turn"]:
        raise InputError(
            "the messages are not those of this turn", hint="turn = how often the model has spoken"
        )
    return payload
