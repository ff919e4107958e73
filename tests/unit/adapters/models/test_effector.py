"""The effector of model.call: the right port, the right turn, the raw answer as the private part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, ToolCall, Usage
from bridle.core.errors import InputError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.model import build_model_effector
from bridle.dispatch.protocol import Permit, Request, Task
from bridle.trust.keys import Signature

from .conftest import payload_of

REPLY = ModelReply(
    "Look.", (ToolCall("1.1", "file.read", {}),), Usage(9, 1), "m-1", "calls", Decimal("0.1"), "list", "raw"
)
ONE_TURN: list[Json] = [{"role": "user", "text": "Go."}, {"role": "assistant", "text": "", "calls": []}]


@dataclass
class FakePort:
    """Answers always the same; remembers what it was asked as."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    async def respond(self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Any) -> ModelReply:
        self.asked.append((model, turn))
        return REPLY


def task_with(payload: Json, *, turn: int = 1) -> Task:
    arguments: dict[str, Json] = {"model": "fake:m", "turn": turn}
    request = Request("e/s#1.0", "model.call", arguments, "agent:a", "repair")
    permit = Permit("", "", "", "", datetime(2026, 1, 1, tzinfo=UTC), {}, Signature("", ""))
    return Task(request, permit, "", payload=payload)


async def call(payload: Json, *, port: FakePort, turn: int = 1) -> EffectorResult:
    @dataclass
    class FakeContext:
        vault: object = None

    effector = build_model_effector(lambda name: port)
    return await effector(task_with(payload, turn=turn), cast(EffectorContext, FakeContext()))


async def test_the_reply_is_the_value_and_the_raw_answer_is_private() -> None:
    result = await call(payload_of(ONE_TURN), port=FakePort())
    assert (result.status, result.value, result.private) == ("succeeded", REPLY.to_json(), b"raw")


async def test_usage_and_cost_are_facts_for_the_budget() -> None:
    result = await call(payload_of(ONE_TURN), port=FakePort())
    assert result.facts == {"usage": REPLY.usage.to_json(), "cost_usd": "0.1", "priced": "list"}


async def test_the_port_is_asked_by_name_and_turn() -> None:
    port = FakePort()
    await call(payload_of(ONE_TURN), port=port)
    assert port.asked == [("fake:m", 1)]


@pytest.mark.parametrize(
    "payload", [None, {}, {"messages": [], "tools": []}, {"messages": 1, "tools": [], "settings": {}}]
)
async def test_a_payload_that_is_none_is_refused_before_anybody_is_asked(payload: Json) -> None:
    port = FakePort()
    with pytest.raises(InputError):
        await call(payload, port=port)
    assert port.asked == []


async def test_messages_of_another_turn_are_refused() -> None:
    with pytest.raises(InputError, match="not those of this turn"):
        await call(payload_of(ONE_TURN), port=FakePort(), turn=0)


def test_a_reply_survives_the_border() -> None:
    assert ModelReply.from_json(REPLY.to_json(), raw="raw") == REPLY
