"""A gate and a model that are fakes: they answer from lists, and keep what they were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from bridle.agent.definition import AgentDefinition, AgentLimits
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, ToolCall, Usage
from bridle.gate.action import Action, Done, Purpose, Result


def turn(text: str = "", *calls: tuple[str, Mapping[str, Json]], **changes: Any) -> ModelReply:
    """One turn of a fake model; ids are filled in by the fake gate."""
    listed = tuple(ToolCall("", tool, arguments) for tool, arguments in calls)
    fields: dict[str, Any] = {
        "text": text,
        "calls": listed,
        "usage": Usage(100, 10),
        "model": "fake",
        "finish": "calls" if calls else "stop",
        "cost_usd": Decimal("0.01"),
        "priced": "list",
    }
    return ModelReply(**{**fields, **changes})


@dataclass
class FakeGate:
    """Plays model turns in order and answers tools by name; remembers every action."""

    turns: Sequence[ModelReply | Result]
    tools: Mapping[str, Result] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)

    async def perform(self, action: Action) -> Result:
        self.actions.append(action)
        if action.request.tool == "model.call":
            number = action.request.arguments["turn"]
            assert isinstance(number, int)
            return self._turn(number)
        done = Done("rec_tool", "succeeded", {"ok": True})
        return self.tools.get(action.request.tool, done)

    def _turn(self, number: int) -> Result:
        planned = self.turns[number]
        if not isinstance(planned, ModelReply):
            return planned
        calls = [{**call.to_json(), "id": f"{number}.{at}"} for at, call in enumerate(planned.calls, 1)]
        value: dict[str, Json] = {**planned.to_json(), "calls": calls}
        return Done("rec_turn", "succeeded", value, {"duration_ms": 1000}, planned.raw.encode())

    def keys(self) -> list[str]:
        return [f"{action.request.tool} {action.key}" for action in self.actions]

    def told(self) -> list[Any]:
        """What the model was told by its tools, from the last model call."""
        last = [action for action in self.actions if action.request.tool == "model.call"][-1]
        payload: Any = last.payload
        return [message["result"] for message in payload["messages"] if message["role"] == "tool"]


@pytest.fixture
def definition() -> AgentDefinition:
    return AgentDefinition(
        name="test.agent",
        version="1.0.0",
        description="",
        owner="test",
        purpose=Purpose.REPAIR,
        prompt="Repair it.\n",
        tools=("file.list", "file.read", "git.commit"),
        boundary=Boundary(write=("src/**",)),
        limits=AgentLimits(max_turns=10, max_output_tokens=500),
    )
