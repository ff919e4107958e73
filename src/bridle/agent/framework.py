"""The framework in its place: it turns the wheel, the run decides nothing and does nothing without the gate.

Rules
  1. To the framework Bridle is one model, whose requests are `model.call` actions, and one tool, whose calls are the
     actions a model wants. Nothing it does of its own accord (retries, answers for unknown tools, notes in messages,
     parallel calls) stands between a model's wish and the decision on it.
  2. Its history is converted to the neutral form (core.conversation) before it leaves the process. A kind of message
     without one is an error, not something to leave out: the model would be asked something else than the journal says.

Nothing else in this package imports pydantic_ai.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_ai.usage import RequestUsage, UsageLimits
from pydantic_core import SchemaValidator, core_schema

from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, assistant_message
from bridle.core.errors import ExecutionError

ANY_TOOL = "call"
_REPLY = "bridle"


class Turns(Protocol):
    """What the wheel drives."""

    async def ask(self, messages: Sequence[Json]) -> ModelReply:
        """Take the model's next turn."""
        ...

    async def act(self, place: str, *, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Perform one call; return what the model is told."""
        ...


async def turn_until_done(turns: Turns, *, prompt: str, task_text: str) -> str:
    """Ask and act until the model makes no more calls; return its last text. What `turns` raises is raised."""
    agent = Agent(
        GateModel(turns), output_type=str, system_prompt=prompt, toolsets=[GateTools(turns)], retries=0
    )
    unlimited = UsageLimits(request_limit=None)  # the limits are the run's: the framework's know no journal
    answer = await agent.run(task_text, usage_limits=unlimited)
    return answer.output


class GateModel(Model[Any]):
    """The framework's model: every request of it is a `model.call` action."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    @property
    def model_name(self) -> str:
        return "gate"

    @property
    def system(self) -> str:
        return "bridle"

    def prepare_messages(
        self, messages: list[ModelMessage], model_request_parameters: ModelRequestParameters | None = None
    ) -> list[ModelMessage]:
        """Return the messages as they are: the framework would add notes for a provider, and there is none here."""
        return messages

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        reply = await self._turns.ask(to_neutral(messages))
        return to_framework(reply, model=self.model_name)


class GateTools(AbstractToolset[None]):
    """The framework's one tool: every call of it is an action."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    @property
    def id(self) -> str:
        return "gate"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        definition = ToolDefinition(name=ANY_TOOL, sequential=True)
        validator = SchemaValidator(
            core_schema.any_schema()
        )  # the gate knows each tool's schema and judges by it
        tool = ToolsetTool(toolset=self, tool_def=definition, max_retries=0, args_validator=validator)
        return {ANY_TOOL: tool}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> Any:
        wanted = tool_args["tool"]
        result = await self._turns.act(str(ctx.tool_call_id), tool=wanted, arguments=tool_args["arguments"])
        return {"tool": wanted, "result": result}


def to_neutral(messages: Sequence[ModelMessage]) -> list[Json]:
    """Return the history in its neutral form; raise ExecutionError for a part that has none."""
    return [item for message in messages for item in _neutral_message(message)]


def to_framework(reply: ModelReply, *, model: str) -> ModelResponse:
    """Return a reply as the framework's response; it carries our own message for `to_neutral` to find."""
    parts: list[ModelResponsePart] = [TextPart(reply.text)] if reply.text else []
    parts += [
        ToolCallPart(ANY_TOOL, {"tool": call.tool, "arguments": dict(call.arguments)}, tool_call_id=call.id)
        for call in reply.calls
    ]
    return ModelResponse(
        parts=parts,
        usage=RequestUsage(input_tokens=reply.usage.input_tokens, output_tokens=reply.usage.output_tokens),
        model_name=model,
        metadata={_REPLY: assistant_message(reply)},
    )


def _neutral_message(message: ModelMessage) -> Iterator[Json]:
    if isinstance(message, ModelRequest):
        yield from (_neutral_part(part) for part in message.parts)
        return
    metadata: Mapping[str, Any] = message.metadata or {}
    if _REPLY not in metadata:
        raise ExecutionError(
            "the history has a turn that did not come through the gate", reason="foreign-turn"
        )
    yield metadata[_REPLY]


def _neutral_part(part: ModelRequestPart) -> Json:
    if isinstance(part, SystemPromptPart):
        return {"role": "system", "text": part.content}
    if isinstance(part, UserPromptPart) and isinstance(part.content, str):
        return {"role": "user", "text": part.content}
    if isinstance(part, ToolReturnPart) and isinstance(part.content, dict):
        return {"role": "tool", "id": part.tool_call_id, **part.content}
    raise ExecutionError(
        f"the loop made a {type(part).__name__}, which has no neutral form", reason="foreign-message"
    )
