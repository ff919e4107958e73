"""A model at a provider: one request, one answer, with the key from the vault.

Rules
  1. Keys are references (`env:ANTHROPIC_API_KEY`); the vault resolves them at each call. A URL of one's own gets the
     key `env:BRIDLE_MODEL_KEY` or none, never the provider's: a model's name must not be able to send a key elsewhere.
  2. Nobody retries but us: the client's retries are off, so that one action is one request.
  3. Only our tools are offered. What a provider would run itself (search, code) never met the gate, so it is not asked
     for, and an answer that holds such a thing is refused.
  4. An answer without a count of tokens is refused: its cost could not be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from bridle.adapters.models.failures import explain
from bridle.adapters.models.prices import Price, cost_of
from bridle.adapters.models.providers import open_provider
from bridle.adapters.models.wire import read_calls, to_provider, to_raw, tool_definitions, wire_names
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, Usage
from bridle.core.errors import ExecutionError, InputError

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault

TIMEOUT_S = 600
FINISH = {"stop": "stop", "tool_call": "calls", "length": "length", "content_filter": "filter"}
KNOWN_PARTS = (TextPart, ToolCallPart, ThinkingPart)


@dataclass
class LiveModel:
    """One model of one provider."""

    kind: str
    name: str
    _: KW_ONLY
    price: Price | None = None
    timeout_s: float = TIMEOUT_S

    async def respond(
        self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Vault
    ) -> ModelReply:
        """Ask the provider; raise UnavailableError when it may work later, ExecutionError when it will not."""
        content: Any = payload
        settings = ModelSettings(
            max_tokens=content["settings"]["max_output_tokens"],
            max_retries=0,
            request_timeout=self.timeout_s,
        )
        offered = ModelRequestParameters(function_tools=tool_definitions(content["tools"]))
        async with open_provider(self.kind, self.name, vault=vault, timeout_s=self.timeout_s) as asked:
            try:
                response = await model_request(
                    asked,
                    to_provider(content["messages"]),
                    model_settings=settings,
                    model_request_parameters=offered,
                )
            except AgentRunError as exc:
                raise explain(exc, model=model, opened=f"{self.kind}:{self.name}") from exc
            except UserError as exc:
                raise InputError(str(exc), where=model) from exc
        return self._read(response, model=model, turn=turn, names=wire_names(content["tools"]))

    def _read(
        self, response: ModelResponse, *, model: str, turn: int, names: Mapping[str, str]
    ) -> ModelReply:
        _check_parts(response, model=model)
        usage = _usage(response, model=model)
        calls = read_calls(response, turn=turn, names=names)
        cost, priced = cost_of(model, usage, override=self.price)
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        finish = FINISH.get(response.finish_reason or "", "calls" if calls else "stop")
        return ModelReply(
            text=text.encode("utf-8", errors="replace").decode("utf-8"),
            calls=calls,
            usage=usage,
            model=response.model_name or self.name,
            finish=finish,
            cost_usd=cost,
            priced=priced,
            raw=to_raw(response),
        )


def _check_parts(response: ModelResponse, *, model: str) -> None:
    for part in response.parts:
        if not isinstance(part, KNOWN_PARTS):
            raise ExecutionError(
                f"the answer holds a {type(part).__name__}, which never met the gate",
                where=model,
                hint="use a model that runs no tools of its own",
                reason="provider-side-tool",
            )


def _usage(response: ModelResponse, *, model: str) -> Usage:
    used = response.usage
    if not used.input_tokens or (response.parts and not used.output_tokens):
        raise ExecutionError(
            "the answer does not say how many tokens it took",
            where=model,
            hint="use an endpoint that reports usage: without it no budget can be kept",
            reason="missing-usage",
        )
    return Usage(used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens)
