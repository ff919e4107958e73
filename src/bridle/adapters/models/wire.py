"""Between the neutral form and a provider's: names of tools, the history to send, the answer to read.

Rules
  1. Providers allow no dots in a tool's name: `file.read` is `file_read` out there. Two tools may not fall together.
  2. A turn that came from a provider goes back as the provider's own answer (`raw`); its call ids are the
     provider's, ours are places, and the n-th is the n-th.
  3. What a model wrote is made exact: whole floats become integers, other floats and huge integers their text, half
     surrogate pairs the replacement character. Arguments that are no JSON object are an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from bridle.core.canonical import LARGEST_INTEGER, Json
from bridle.core.conversation import ToolCall
from bridle.core.errors import ExecutionError, InputError


def wire_names(tools: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return our name of each tool by its name out there."""
    names = {str(tool["name"]).replace(".", "_"): str(tool["name"]) for tool in tools}
    if len(names) != len(tools):
        raise InputError("two tools have the same name at the provider", reason="tool-names-collide")
    return names


def tool_definitions(tools: Sequence[Mapping[str, Any]]) -> list[ToolDefinition]:
    """Return the tools as the provider is told of them."""
    return [
        ToolDefinition(
            name=str(tool["name"]).replace(".", "_"),
            description=str(tool["description"]),
            parameters_json_schema=dict(tool["parameters"]),
        )
        for tool in tools
    ]


def to_provider(messages: Sequence[Mapping[str, Any]]) -> list[ModelMessage]:
    """Return the history as it is sent."""
    sent: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    ids: dict[str, str] = {}
    for message in messages:
        if message["role"] != "assistant":
            parts.append(_request_part(message, ids))
            continue
        response = _response(message)
        drawn = [part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart)]
        ids.update(zip((call["id"] for call in message["calls"]), drawn, strict=True))
        sent += [ModelRequest(parts=parts), response]
        parts = []
    return [*sent, ModelRequest(parts=parts)]


def to_raw(response: ModelResponse) -> str:
    """Return a provider's answer as text that `to_provider` can send back."""
    return ModelMessagesTypeAdapter.dump_json([response]).decode("utf-8")


def read_calls(response: ModelResponse, *, turn: int, names: Mapping[str, str]) -> tuple[ToolCall, ...]:
    """Return the calls of an answer by our names and ids; an unknown tool keeps the name it was called by."""
    parts = [part for part in response.parts if isinstance(part, ToolCallPart)]
    return tuple(
        ToolCall(f"{turn}.{number}", names.get(part.tool_name, part.tool_name), read_arguments(part))
        for number, part in enumerate(parts, 1)
    )


def read_arguments(part: ToolCallPart) -> dict[str, Json]:
    """Return the arguments of a call, exact; raise ExecutionError when they are no JSON object."""
    try:
        value = json.loads(part.args or "{}") if not isinstance(part.args, Mapping) else part.args
    except (ValueError, RecursionError) as exc:
        raise _malformed(part, str(exc)) from exc
    if not isinstance(value, Mapping):
        raise _malformed(part, "not an object")
    return {_exact_text(str(name)): _exact(item) for name, item in value.items()}


def _malformed(part: ToolCallPart, why: str) -> ExecutionError:
    return ExecutionError(
        f"the model called {part.tool_name!r} with arguments that are no JSON ({why})",
        hint="run it again; if it was cut off, raise max_output_tokens",
        reason="malformed-tool-call",
    )


def _request_part(message: Mapping[str, Any], ids: Mapping[str, str]) -> ModelRequestPart:
    if message["role"] == "tool":
        name = str(message["tool"]).replace(".", "_")
        return ToolReturnPart(name, message["result"], tool_call_id=ids[message["id"]])
    kind = SystemPromptPart if message["role"] == "system" else UserPromptPart
    return kind(str(message["text"]))


def _response(message: Mapping[str, Any]) -> ModelResponse:
    if message.get("raw"):
        return _from_raw(message["raw"])
    parts: list[Any] = [TextPart(message["text"])] if message["text"] else []
    for call in message["calls"]:
        name, drawn = str(call["tool"]).replace(".", "_"), f"call_{call['id'].replace('.', '_')}"
        parts.append(ToolCallPart(name, dict(call["arguments"]), tool_call_id=drawn))
    return ModelResponse(parts=parts)


def _from_raw(raw: str) -> ModelResponse:
    try:
        (response,) = ModelMessagesTypeAdapter.validate_json(raw)
    except (ValidationError, ValueError) as exc:
        raise ExecutionError(
            "an earlier answer of the model cannot be read back", reason="bad-raw-turn"
        ) from exc
    if not isinstance(response, ModelResponse):
        raise ExecutionError("an earlier answer of the model is none", reason="bad-raw-turn")
    return response


def _exact(value: Any) -> Json:
    if isinstance(value, str):
        return _exact_text(value)
    if isinstance(value, Mapping):
        return {_exact_text(str(name)): _exact(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > LARGEST_INTEGER):
        return str(value)
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def _exact_text(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")
