"""The live adapter against a fake provider, through the providers' own clients over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridle.adapters.models import providers
from bridle.adapters.models.live import LiveModel
from bridle.adapters.models.prices import parse_price
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, assistant_message, count_turns
from bridle.core.errors import BridleError, ExecutionError, InputError, UnavailableError
from bridle.delegate.vault import Vault
from bridle.trust.redaction import Redactor

from .fake_provider import FakeProvider, serve

READ = {"text": "Look.", "calls": [("file_read", '{"path": "a.py", "lines": 3.0}')]}
DONE = {"text": "Done."}
TOOLS: list[Json] = [
    {"name": "file.read", "description": "Read.", "parameters": {"type": "object", "properties": {}}}
]
START: list[Json] = [{"role": "system", "text": "Repair."}, {"role": "user", "text": "It is red."}]


@pytest.fixture
def vault() -> Vault:
    return Vault(
        Redactor(),
        environ={"OPENAI_API_KEY": "the-openai-key-of-the-account", "ANTHROPIC_API_KEY": "the-other-key"},
    )


def model_at(fake: FakeProvider, kind: str, **more: Any) -> LiveModel:
    url = fake.openai if kind == "openai" else fake.anthropic
    return LiveModel(kind, f"claude-sonnet-5-5@{url}", **more)


async def ask(model: LiveModel, vault: Vault, messages: list[Json] = START) -> ModelReply:
    payload: Mapping[str, Json] = {
        "messages": messages,
        "tools": TOOLS,
        "settings": {"max_output_tokens": 300},
    }
    return await model.respond(payload, model="openai:test", turn=count_turns(messages), vault=vault)


async def two_turns(model: LiveModel, vault: Vault) -> list[ModelReply]:
    first = await ask(model, vault)
    result: Json = {"role": "tool", "id": "0.1", "tool": "file.read", "result": {"text": "x = 1"}}
    return [first, await ask(model, vault, [*START, assistant_message(first), result])]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_conversation_with_a_tool_goes_over_the_wire(kind: str, vault: Vault) -> None:
    with serve([READ, DONE]) as fake:
        first, second = await two_turns(model_at(fake, kind), vault)
    assert [(call.id, call.tool, call.arguments) for call in first.calls] == [
        ("0.1", "file.read", {"path": "a.py", "lines": 3})
    ]
    assert (first.text, first.finish, second.text, second.finish) == ("Look.", "calls", "Done.", "stop")
    assert (first.usage.output_tokens, first.usage.estimated) == (15, False)


async def test_the_ids_sent_back_are_the_providers_own(vault: Vault) -> None:
    with serve([READ, DONE]) as fake:
        await two_turns(model_at(fake, "openai"), vault)
    assert (
        fake.asked[1]["messages"][-1]["tool_call_id"]
        == fake.asked[1]["messages"][2]["tool_calls"][0]["id"]
        == "call_2_0"
    )


async def test_a_signed_thought_goes_back_unchanged(vault: Vault) -> None:
    with serve([{**READ, "thought": "hm"}, DONE]) as fake:
        await two_turns(model_at(fake, "anthropic"), vault)
    sent = fake.asked[1]["messages"][1]["content"]
    assert {"type": "thinking", "thinking": "hm", "signature": "sig"} in sent


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_only_our_tools_are_offered(kind: str, vault: Vault) -> None:
    with serve([DONE]) as fake:
        await ask(model_at(fake, kind), vault)
    tools = fake.asked[0]["tools"]
    assert [tool.get("name") or tool["function"]["name"] for tool in tools] == ["file_read"]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_the_ceiling_of_output_goes_with_the_request(kind: str, vault: Vault) -> None:
    with serve([DONE]) as fake:
        await ask(model_at(fake, kind), vault)
    assert 300 in (fake.asked[0].get("max_completion_tokens"), fake.asked[0].get("max_tokens"))


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_url_of_ones_own_never_sees_the_accounts_key(kind: str, vault: Vault) -> None:
    with serve([DONE]) as fake:
        await ask(model_at(fake, kind), vault)
    assert not any("the-" in value for value in fake.headers[0].values())


async def test_a_url_of_ones_own_gets_the_key_that_is_meant_for_it() -> None:
    vault = Vault(Redactor(), environ={"BRIDLE_MODEL_KEY": "meant-for-this-url"})
    with serve([DONE]) as fake:
        await ask(model_at(fake, "openai"), vault)
    assert fake.headers[0]["authorization"] == "Bearer meant-for-this-url"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_provider_gets_the_key_from_the_vault(
    kind: str, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve([DONE]) as fake:
        monkeypatch.setattr(providers, "OPENAI", fake.openai)
        monkeypatch.setattr(providers, "ANTHROPIC", fake.anthropic)
        await ask(LiveModel(kind, "claude-sonnet-5-5"), vault)
    expected = "the-openai-key-of-the-account" if kind == "openai" else "the-other-key"
    assert any(expected in value for value in _credentials(fake))


def _credentials(fake: FakeProvider) -> list[str]:
    return [fake.headers[0].get(name, "") for name in ("authorization", "x-api-key")]


async def test_a_missing_key_says_where_it_is_looked_for() -> None:
    with pytest.raises(UnavailableError) as caught:
        await ask(LiveModel("openai", "gpt-5"), Vault(Redactor(), environ={}))
    assert "env:OPENAI_API_KEY" in caught.value.what


async def test_a_key_does_not_go_over_an_unencrypted_connection() -> None:
    vault = Vault(Redactor(), environ={"BRIDLE_MODEL_KEY": "meant-for-this-url"})
    with pytest.raises(InputError, match="unencrypted"):
        await ask(LiveModel("openai", "m@http://models.example/v1"), vault)


@pytest.mark.parametrize(
    ("fault", "kind", "error", "reason"),
    [
        ("401", "openai", ExecutionError, "model-key-refused"),
        ("404", "openai", ExecutionError, "model-not-found"),
        ("429", "openai", UnavailableError, "model-rate-limit"),
        ("500", "openai", UnavailableError, "model-unavailable"),
        ("cut", "openai", UnavailableError, "model-unreachable"),
        ("nonsense", "openai", ExecutionError, "model-bad-answer"),
        ("401", "anthropic", ExecutionError, "model-key-refused"),
        ("429", "anthropic", UnavailableError, "model-rate-limit"),
        ("529", "anthropic", UnavailableError, "model-unavailable"),
        ("cut", "anthropic", UnavailableError, "model-unreachable"),
    ],
)
async def test_a_failure_says_what_it_means_and_is_not_retried(
    fault: str, kind: str, error: type[BridleError], reason: str, vault: Vault
) -> None:
    with serve([{"fault": fault}]) as fake, pytest.raises(error) as caught:
        await ask(model_at(fake, kind), vault)
    assert (caught.value.reason, caught.value.where, bool(caught.value.hint)) == (reason, "openai:test", True)
    assert len(fake.asked) == 1


async def test_a_rate_limit_says_how_long_to_wait(vault: Vault) -> None:
    with serve([{"fault": "429"}]) as fake, pytest.raises(UnavailableError, match="asks for 7 s"):
        await ask(model_at(fake, "openai"), vault)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_model_that_never_answers_ends_in_time(kind: str, vault: Vault) -> None:
    with serve([{"fault": "slow"}]) as fake, pytest.raises(UnavailableError) as caught:
        await ask(model_at(fake, kind, timeout_s=0.2), vault)
    assert caught.value.reason == "model-timeout"


async def test_nobody_there_is_said_so(vault: Vault) -> None:
    with pytest.raises(UnavailableError) as caught:
        await ask(LiveModel("openai", "m@http://127.0.0.1:9/v1"), vault)
    assert caught.value.reason == "model-unreachable"
    assert caught.value.what.endswith("(127.0.0.1:9)")


async def test_an_answer_without_a_count_of_tokens_is_refused(vault: Vault) -> None:
    with serve([{**DONE, "uncounted": True}]) as fake, pytest.raises(ExecutionError) as caught:
        await ask(model_at(fake, "openai"), vault)
    assert caught.value.reason == "missing-usage"


async def test_arguments_that_are_no_json_are_refused(vault: Vault) -> None:
    with serve([{"calls": [("file_read", '{"path": ')]}]) as fake, pytest.raises(ExecutionError) as caught:
        await ask(model_at(fake, "openai"), vault)
    assert caught.value.reason == "malformed-tool-call"


async def test_a_url_of_ones_own_is_unpriced_unless_a_price_is_given(vault: Vault) -> None:
    with serve([DONE]) as fake:
        free = await LiveModel("openai", f"m@{fake.openai}").respond(
            {"messages": START, "tools": TOOLS, "settings": {"max_output_tokens": 9}},
            model=f"openai:m@{fake.openai}", turn=0, vault=vault,
        )  # fmt: skip
        given = await ask(LiveModel("openai", f"m@{fake.openai}", price=parse_price("1/2")), vault)
    assert (free.priced, free.cost_usd, given.priced, str(given.cost_usd)) == (
        "unpriced",
        None,
        "override",
        "0.00015000",
    )


@pytest.mark.parametrize("url", ["ftp://x/v1", "http://", "http://user:pw@host/v1"])
async def test_a_url_that_is_none_is_refused(url: str, vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no URL"):
        await ask(LiveModel("openai", f"m@{url}"), vault)
