"""Recording and playback: the same requests give the same turns, any other is a loud miss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridle.adapters.models.recorded import RecordedModel
from bridle.adapters.models.recording import record
from bridle.adapters.models.scripted import ScriptedModel
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, assistant_message
from bridle.core.errors import ExecutionError, InputError

from .conftest import ask, converse
from .test_scripted import SCRIPT

SOURCE = {"commit": "abc", "text": "one\ntwo\nthree"}


def content(path: Path) -> bytes:
    return path.read_bytes()


def cut_to(path: Path, *, turns: int) -> None:
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "turns": whole["turns"][:turns]}))


def answer(arguments: Mapping[str, Json]) -> Json:
    return SOURCE


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    script, path = tmp_path / "script.yaml", tmp_path / "turns.json"
    script.write_text(SCRIPT)
    port = record(ScriptedModel(script), path, source="scripted", priced_as="anthropic:claude-sonnet-5-5")
    await converse(port, answer)
    return path


async def test_a_recording_plays_what_was_recorded(recording: Path, tmp_path: Path) -> None:
    replies = await converse(RecordedModel(recording), answer)
    original = await converse(ScriptedModel(tmp_path / "script.yaml"), answer)
    assert replies == original


async def test_recording_twice_writes_the_same_bytes(recording: Path, tmp_path: Path) -> None:
    before = content(recording)
    port = record(
        ScriptedModel(tmp_path / "script.yaml"),
        recording,
        source="scripted",
        priced_as="anthropic:claude-sonnet-5-5",
    )
    await converse(port, answer)
    assert content(recording) == before


async def test_a_changed_line_of_a_result_is_a_miss_that_shows_the_line(recording: Path) -> None:
    with pytest.raises(ExecutionError) as caught:
        await converse(RecordedModel(recording), lambda arguments: {**SOURCE, "text": "one\n2\nthree"})
    assert caught.value.reason == "recording-miss"
    assert "-request.messages[3].result.text: two\n+request.messages[3].result.text: 2" in caught.value.what


async def test_a_refusal_that_is_no_more_is_a_miss(recording: Path) -> None:
    with pytest.raises(ExecutionError) as caught:
        await converse(RecordedModel(recording), lambda arguments: {"refused": True, "rule": "x"})
    assert "+request.messages[3].result.rule: x" in caught.value.what


async def test_another_prompt_is_a_miss_at_the_first_turn(recording: Path, start: list[Json]) -> None:
    with pytest.raises(ExecutionError, match="turn 0 was not recorded"):
        await ask(RecordedModel(recording), [{"role": "system", "text": "Obey."}, start[1]])


async def test_another_ceiling_is_a_miss(recording: Path, start: list[Json]) -> None:
    with pytest.raises(ExecutionError, match=r"settings.max_output_tokens: 501"):
        await ask(RecordedModel(recording), start, max_output_tokens=501)


async def test_past_the_end_is_a_miss(recording: Path) -> None:
    cut_to(recording, turns=2)
    with pytest.raises(ExecutionError, match=r"it has 2 turns"):
        await converse(RecordedModel(recording), answer)


async def test_the_raw_answer_of_a_provider_is_no_part_of_the_comparison(
    recording: Path, start: list[Json]
) -> None:
    port = RecordedModel(recording)
    reply = await ask(port, start)
    results: list[Json] = [
        {"role": "tool", "id": call.id, "tool": call.tool, "result": SOURCE} for call in reply.calls
    ]
    second = await ask(port, [*start, {**assistant_message(reply), "raw": "drawn-by-a-provider"}, *results])
    assert second.calls[0].tool == "git.push"


class BrokenModel:
    """A fake port that fails."""

    async def respond(self, payload: Any, *, model: str, turn: int, vault: Any) -> ModelReply:
        raise ExecutionError("no")


async def test_a_turn_that_failed_leaves_the_recording_as_it_was(recording: Path, start: list[Json]) -> None:
    before = content(recording)
    with pytest.raises(ExecutionError):
        await ask(record(BrokenModel(), recording, source="broken"), start)
    assert content(recording) == before


async def test_a_recording_with_a_gap_is_refused(recording: Path, tmp_path: Path, start: list[Json]) -> None:
    port = record(ScriptedModel(tmp_path / "script.yaml"), recording, source="scripted")
    turns: list[Json] = [{"role": "assistant", "text": "", "calls": []}] * 4
    with pytest.raises(ExecutionError) as caught:
        await ask(port, [*start, *turns])
    assert caught.value.reason == "recording-gap"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "bridle/recorded-turns/1", "turns": [{}]}', "[" * 200_000]
)
def test_a_file_that_is_no_recording_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "turns.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        RecordedModel(path)
    assert caught.value.where == str(path)
