"""Opens a provider with its key: one client per call, closed after it, so that a rotated key works at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_ai.models import Model

from bridle.core.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault

OPENAI = "https://api.openai.com/v1"  # said here, so that a variable of the environment cannot lead the key elsewhere
ANTHROPIC = "https://api.anthropic.com"
ADDRESSES = {"openai": OPENAI, "anthropic": ANTHROPIC}
OWN_KEY = "env:BRIDLE_MODEL_KEY"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@asynccontextmanager
async def open_provider(kind: str, name: str, *, vault: Vault, timeout_s: float) -> AsyncIterator[Model[Any]]:
    """Yield the framework's model for `kind`: anthropic, openai or bedrock; `name` may end in `@URL` for openai and
    anthropic."""
    model, _, url = name.partition("@")
    if kind == "bedrock":
        from bridle.adapters.models.bedrock import bedrock_model

        yield bedrock_model(name, vault=vault, timeout_s=timeout_s)
        return
    if url:
        _check_url(url, where=f"{kind}:{name}")
    open_client = _openai if kind == "openai" else _anthropic
    async with open_client(model, url=url, key=_key(kind, url, vault)) as opened:
        yield opened


@asynccontextmanager
async def _openai(model: str, *, url: str, key: str) -> AsyncIterator[Model[Any]]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async with AsyncOpenAI(api_key=key, base_url=url or OPENAI, max_retries=0) as client:
        yield OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client))


@asynccontextmanager
async def _anthropic(model: str, *, url: str, key: str) -> AsyncIterator[Model[Any]]:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    async with AsyncAnthropic(api_key=key, base_url=url or ANTHROPIC, max_retries=0) as client:
        yield AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))


def _key(kind: str, url: str, vault: Vault) -> str:
    if not url:
        return vault.resolve(f"env:{kind.upper()}_API_KEY")
    key = _own_key(vault)
    if key and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK:
        raise InputError("a key would go over an unencrypted connection", where=url, hint="use https")
    return key or "none"  # the client insists on one; an endpoint without keys ignores it


def _own_key(vault: Vault) -> str:
    try:
        return vault.resolve(OWN_KEY)
    except UnavailableError:
        return ""


def _check_url(url: str, *, where: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InputError(f"{url!r} is no URL of an endpoint", where=where, hint="write http://host:port/v1")
