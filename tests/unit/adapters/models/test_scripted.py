"""Turns written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridle.adapters.models.scripted import ScriptedModel
from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError

from .conftest import ask, converse

SCRIPT = """format: bridle/script/1
priced_as: anthropic:claude-sonnet-5-5
turns:
  - text: Let me look.
    calls:
      - {tool: file.read, arguments: {path: a.py, lines: 3}}
      - {tool: file.read, arguments: {path: b.py}}
  - calls:
      - {tool: git.push, arguments: {commit: "${calls.0.2.commit}", branch: main}}
  - text: Done.
"""


def rewrite(path: Path, text: str) -> ScriptedModel:
    path.write_text(text)
    return ScriptedModel(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT)
    return path


async def test_turns_are_played_in_order(path: Path) -> None:
    replies = await converse(ScriptedModel(path), lambda arguments: {"commit": "abc"})
    assert [reply.text for reply in replies] == ["Let me look.", "", "Done."]
    assert [call.id for reply in replies for call in reply.calls] == ["0.1", "0.2", "1.1"]


async def test_an_argument_may_refer_to_an_earlier_result(path: Path) -> None:
    replies = await converse(ScriptedModel(path), lambda arguments: {"commit": f"of {arguments.get('path')}"})
    assert replies[1].calls[0].arguments == {"commit": "of b.py", "branch": "main"}


async def test_a_reference_to_nothing_is_an_error(path: Path) -> None:
    with pytest.raises(ExecutionError) as caught:
        await converse(ScriptedModel(path), lambda arguments: {"refused": True})
    assert caught.value.reason == "script-miss"


async def test_past_the_end_is_an_error(path: Path, start: list[Json]) -> None:
    turns: list[Json] = [{"role": "assistant", "text": "", "calls": []}] * 3
    with pytest.raises(ExecutionError) as caught:
        await ask(ScriptedModel(path), [*start, *turns])
    assert caught.value.reason == "script-ended"


async def test_usage_is_labelled_estimated_and_cost_recorded(path: Path, start: list[Json]) -> None:
    reply = await ask(ScriptedModel(path), start)
    assert (reply.usage.estimated, reply.priced) == (True, "recorded")


async def test_without_a_model_to_price_by_there_is_no_cost(path: Path, start: list[Json]) -> None:
    script = rewrite(path, SCRIPT.replace("priced_as: anthropic:claude-sonnet-5-5\n", ""))
    reply = await ask(script, start)
    assert (reply.cost_usd, reply.priced) == (None, "unpriced")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turns: []",
        "format: bridle/script/2\nturns: []",
        "format: bridle/script/1",
        "format: bridle/script/1\nturns: [1]",
        "format: bridle/script/1\nturns: [{text: 1.0e-9}]",
        "format: [",
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_script_is_refused_with_its_place(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        ScriptedModel(path)
    assert caught.value.where.startswith(str(path))


@pytest.mark.parametrize("calls", ["{}", "[1]", "[{tool: x, arguments: 1}]", "[{arguments: {}}]"])
async def test_calls_that_are_none_are_refused(path: Path, start: list[Json], calls: str) -> None:
    script = rewrite(path, f"format: bridle/script/1\nturns: [{{calls: {calls}}}]")
    with pytest.raises(InputError):
        await ask(script, start)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ScriptedModel(tmp_path / "none.yaml")
