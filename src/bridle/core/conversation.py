"""What is said between an agent and a model, in words that belong to no provider.

A model call crosses the border between control plane and delegate, so both sides need this vocabulary and neither
may import the other. The payload of a call is plain JSON:

    {"messages": [...], "tools": [{"name", "description", "parameters"}], "settings": {"max_output_tokens"}}

    {"role": "system" | "user", "text"}
    {"role": "assistant", "text", "calls": [{"id", "tool", "arguments"}], "raw"?}
    {"role": "tool", "id", "tool", "result"}

Rules
  1. A call's id is its position, `turn.call`, never what a provider drew: a replay makes the same ids again.
  2. `raw` is the provider's own answer as text, kept so that it can be sent back exactly. The normal form, which
     recordings are compared by, is without it.
  3. A value without an exact JSON form is not in here: whoever reads a provider's answer makes it exact first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError

PRICED = ("list", "override", "recorded", "unpriced")


@dataclass(frozen=True)
class ToolCall:
    """One call a model wants made. `id` is `turn.call`."""

    id: str
    tool: str
    arguments: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "tool": self.tool, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. `estimated` says that no provider counted them (see adapters.models.estimate)."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False

    def to_json(self) -> dict[str, Json]:
        return dict(vars(self))


@dataclass(frozen=True)
class ModelReply:
    """One turn of a model.

    `finish` is `stop`, `calls`, `length` or `filter`. `priced` says where `cost_usd` is from: the `list` price, an
    `override`, `recorded` (what a real call would have cost; nothing was charged), or `unpriced` with a cost of None.
    """

    text: str
    calls: tuple[ToolCall, ...]
    usage: Usage
    model: str
    finish: str
    cost_usd: Decimal | None
    priced: str
    raw: str = field(default="", repr=False)

    def to_json(self) -> dict[str, Json]:
        """Return the reply without `raw`: what the control plane records."""
        return {
            "text": self.text,
            "calls": [call.to_json() for call in self.calls],
            "finish": self.finish,
            "usage": self.usage.to_json(),
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd),
            "priced": self.priced,
            "model": self.model,
        }

    @classmethod
    def from_json(cls, value: Json, *, raw: str = "") -> ModelReply:
        """Read what `to_json` wrote; raise ExecutionError for anything else."""
        try:
            return _read_reply(value, raw)
        except (KeyError, TypeError, ValueError, InvalidOperation) as exc:
            raise ExecutionError(
                f"the delegate's answer is not a model's turn: {type(exc).__name__} {exc}",
                hint="control plane and delegate may be of different versions",
                reason="bad-model-reply",
            ) from exc


def assistant_message(reply: ModelReply) -> dict[str, Json]:
    """Return the message that stands for `reply` in the history."""
    message: dict[str, Json] = {
        "role": "assistant",
        "text": reply.text,
        "calls": [call.to_json() for call in reply.calls],
    }
    return {**message, "raw": reply.raw} if reply.raw else message


def count_turns(messages: Sequence[Json]) -> int:
    """Return how many turns the model has taken in `messages`; also the index of the next."""
    return sum(1 for message in messages if isinstance(message, Mapping) and message["role"] == "assistant")


def since_last_turn(messages: Sequence[Json]) -> list[Json]:
    """Return the messages after the model's last turn: what it has not seen yet."""
    turns = [
        at for at, item in enumerate(messages) if isinstance(item, Mapping) and item["role"] == "assistant"
    ]
    return list(messages[turns[-1] + 1 :] if turns else messages)


def normal_form(payload: Json) -> dict[str, Json]:
    """Return a payload as recordings see it: without the raw answers of providers."""
    content: Any = payload
    messages = [
        {name: part for name, part in message.items() if name != "raw"} for message in content["messages"]
    ]
    return {"messages": messages, "tools": content["tools"], "settings": content["settings"]}


def _read_reply(value: Any, raw: str) -> ModelReply:
    usage = value["usage"]
    priced, cost = str(value["priced"]), value["cost_usd"]
    if priced not in PRICED or (cost is None) != (priced == "unpriced"):
        raise ValueError(f"priced {priced!r} with cost {cost!r}")
    return ModelReply(
        text=str(value["text"]),
        calls=tuple(ToolCall(str(c["id"]), str(c["tool"]), dict(c["arguments"])) for c in value["calls"]),
        usage=Usage(**{name: usage[name] for name in Usage(0, 0).to_json()}),
        model=str(value["model"]),
        finish=str(value["finish"]),
        cost_usd=None if cost is None else Decimal(str(cost)),
        priced=priced,
        raw=raw,
    )
