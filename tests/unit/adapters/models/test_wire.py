"""Between neutral and provider: names, ids, exact values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart

from bridle.adapters.models.wire import read_arguments, read_calls, to_provider, to_raw, wire_names
from bridle.core.canonical import canonical
from bridle.core.errors import ExecutionError, InputError

DRAWN = ModelResponse(
    parts=[TextPart("Look."), ToolCallPart("file_read", {"path": "a"}, tool_call_id="toolu_1")],
    provider_name="anthropic",
)


def history(**more: str) -> list[dict[str, Any]]:
    call = {"id": "0.1", "tool": "file.read", "arguments": {"path": "a"}}
    return [
        {"role": "user", "text": "Go."},
        {"role": "assistant", "text": "Look.", "calls": [call], **more},
        {"role": "tool", "id": "0.1", "tool": "file.read", "result": {"text": "x"}},
    ]


def returned(messages: list[dict[str, Any]]) -> ToolReturnPart:
    part = to_provider(messages)[-1].parts[0]
    assert isinstance(part, ToolReturnPart)
    return part


def test_a_turn_goes_back_as_the_provider_gave_it_with_its_own_ids() -> None:
    messages = history(raw=to_raw(DRAWN))
    assert to_provider(messages)[1].parts == DRAWN.parts
    assert returned(messages).tool_call_id == "toolu_1"


def test_a_turn_without_the_providers_answer_gets_ids_from_places() -> None:
    assert (returned(history()).tool_call_id, returned(history()).tool_name) == ("call_0_1", "file_read")


@pytest.mark.parametrize("raw", ["{", "[]", '[{"kind": "request", "parts": []}]'])
def test_a_raw_turn_that_is_none_is_an_error(raw: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        to_provider(history(raw=raw))
    assert caught.value.reason == "bad-raw-turn"


def test_calls_get_our_names_and_places() -> None:
    response = ModelResponse(parts=[*DRAWN.parts, ToolCallPart("unheard_of", "{}")])
    calls = read_calls(response, turn=3, names={"file_read": "file.read"})
    assert [(call.id, call.tool) for call in calls] == [("3.1", "file.read"), ("3.2", "unheard_of")]


def test_two_tools_may_not_fall_together_out_there() -> None:
    with pytest.raises(InputError) as caught:
        wire_names([{"name": "file.read"}, {"name": "file_read"}])
    assert caught.value.reason == "tool-names-collide"


@pytest.mark.parametrize("args", ["{", "[1]", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_an_error(args: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        read_arguments(ToolCallPart("file_read", args))
    assert caught.value.reason == "malformed-tool-call"


def test_numbers_that_json_readers_disagree_about_become_exact() -> None:
    assert read_arguments(ToolCallPart("t", '{"a": 2.0, "b": 0.1, "c": 9007199254740993, "d": NaN}')) == {
        "a": 2, "b": "0.1", "c": "9007199254740993", "d": "nan",
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_a_model_writes_has_a_canonical_form(arguments: dict[str, Any]) -> None:
    assert canonical(read_arguments(ToolCallPart("t", arguments)))
