"""Payloads as the loop builds them, and a way to play a whole conversation against a port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, assistant_message, count_turns
from bridle.delegate.effectors.model import ModelPort
from bridle.delegate.vault import Vault

TOOLS: list[Json] = [{"name": "file.read", "description": "Read.", "parameters": {"type": "object"}}]
NO_VAULT = cast(
    Vault, None
)  # turns from a file need no secret: a fake would only hide that one was asked for


def payload_of(messages: Sequence[Json], *, max_output_tokens: int = 500) -> dict[str, Json]:
    return {"messages": list(messages), "tools": TOOLS, "settings": {"max_output_tokens": max_output_tokens}}


async def ask(port: ModelPort, messages: Sequence[Json], **changes: Any) -> ModelReply:
    payload = payload_of(messages, **changes)
    return await port.respond(payload, model="test:one", turn=count_turns(messages), vault=NO_VAULT)


async def converse(port: ModelPort, tool: Callable[[Mapping[str, Json]], Json]) -> list[ModelReply]:
    """Play a port to its end; `tool` answers every call by its arguments."""
    messages: list[Json] = [{"role": "system", "text": "Repair."}, {"role": "user", "text": "It is red."}]
    replies: list[ModelReply] = []
    while True:
        reply = await ask(port, messages)
        replies.append(reply)
        if not reply.calls:
            return replies
        messages.append(assistant_message(reply))
        messages += [
            {"role": "tool", "id": call.id, "tool": call.tool, "result": tool(call.arguments)}
            for call in reply.calls
        ]


@pytest.fixture
def start() -> list[Json]:
    return [{"role": "system", "text": "Repair."}, {"role": "user", "text": "It is red."}]
