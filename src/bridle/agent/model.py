"""What the loop asks a model, and how it reads the answer: one `model.call` action and its outcome.

Rules
  1. The whole history goes with every call, as the payload; nothing is kept at a provider between turns.
  2. The arguments name the payload by digest and carry only what is new since the last turn, so that a run of a
     hundred turns does not store its history a hundred times.
  3. Tools offered = the definition's tools that a manifest offers to agents; their order is the definition's.

It builds and reads plain values. It calls nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.agent.definition import AgentDefinition
from bridle.core.canonical import Json, digest
from bridle.core.conversation import ModelReply, count_turns, since_last_turn
from bridle.core.errors import ExecutionError
from bridle.gate.action import Done
from bridle.gate.external import offered_schema
from bridle.gate.manifest import Manifests

TOOL = "model.call"


def offered_tools(definition: AgentDefinition, manifests: Manifests) -> list[Json]:
    """Return the tools a definition may use, as a model is told of them; one that is stopped is not among them."""
    known = [manifests.get(tool) for tool in definition.tools]
    return [
        {"name": found.tool, "description": found.description, "parameters": offered_schema(found)}
        for found in known
        if found is not None and found.agents and not found.stopped
    ]


def build_payload(
    messages: Sequence[Json], *, tools: Sequence[Json], max_output_tokens: int
) -> dict[str, Json]:
    """Return the payload of the next call."""
    return {
        "messages": list(messages),
        "tools": list(tools),
        "settings": {"max_output_tokens": max_output_tokens},
    }


def build_arguments(payload: Mapping[str, Json], *, model: str) -> dict[str, Json]:
    """Return the arguments of the `model.call` action that carries `payload`."""
    messages, settings = payload["messages"], payload["settings"]
    if not isinstance(messages, Sequence) or not isinstance(settings, Mapping):
        raise TypeError("a payload has messages and settings")
    return {
        "model": model,
        "turn": count_turns(messages),
        "payload": digest(payload),
        "new_messages": since_last_turn(messages),
        "max_output_tokens": settings["max_output_tokens"],
    }


def read_reply(done: Done) -> ModelReply:
    """Return the turn that a model took; raise ExecutionError when the outcome is none."""
    try:
        raw = done.private.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ExecutionError("a model's raw answer is not UTF-8", where=done.record) from exc
    return ModelReply.from_json(done.value, raw=raw)
