"""Turns of an earlier run, played again, each only in answer to the request it was recorded for.

Rules
  1. The turn is found by its index; the digest of the whole normalised request (messages, tools, settings) has to be
     the recorded one. Any change of what the model would have seen is a miss.
  2. A miss is an error that shows the difference. It never falls through to a provider or to the next turn.
  3. Past the end likewise.

The recording keeps, per turn, the digest, the messages that were new, and the reply; so it can be read and diffed by
people. It is written by `recording`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.adapters.models.turns_file import ANOTHER, check_shape, played_reply, read_calls, read_file
from bridle.core.canonical import Json, digest
from bridle.core.conversation import ModelReply, Usage, normal_form
from bridle.core.errors import ExecutionError, InputError

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault

FORM = "bridle/recorded-turns/1"
DIFF_LINES = 120


@dataclass(frozen=True)
class Recording:
    """A recording as it was read. `source` says what was recorded: `scripted`, `anthropic:…`."""

    where: str
    source: str
    priced_as: str
    tools: Json
    settings: Json
    turns: list[Mapping[str, Any]]


class RecordedModel:
    """Plays one recording."""

    def __init__(self, path: Path) -> None:
        self._recording = load_recording(path)
        self.priced_as = self._recording.priced_as

    async def respond(
        self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Vault
    ) -> ModelReply:
        """Play the turn; raise ExecutionError with the difference when it was not recorded for this request."""
        recording = self._recording
        asked = normal_form(payload)
        if turn >= len(recording.turns) or recording.turns[turn]["request"] != digest(asked):
            raise _miss(recording, asked, turn=turn)
        reply = recording.turns[turn]["reply"]
        calls = read_calls(reply["calls"], turn=turn, where=recording.where)
        usage = Usage(**reply["usage"]) if "usage" in reply else None
        return played_reply(
            payload, text=reply["text"], calls=calls, model=model, priced_as=self.priced_as, usage=usage
        )


def load_recording(path: Path) -> Recording:
    """Read a recording; raise InputError with its place when it is none."""
    where = str(path)
    try:
        content = json.loads(read_file(path))
    except (ValueError, RecursionError) as exc:
        raise InputError(f"not JSON: {exc}", where=where, hint=ANOTHER) from exc
    turns = check_shape(content, form=FORM, where=where)
    if any(set(turn) != {"request", "messages", "reply"} for turn in turns):
        raise InputError("a turn is not request, messages and reply", where=where, hint="record it again")
    return Recording(
        where,
        str(content.get("source", "")),
        str(content.get("priced_as", "")),
        content.get("tools", []),
        content.get("settings", {}),
        turns,
    )


def _miss(recording: Recording, asked: Mapping[str, Json], *, turn: int) -> ExecutionError:
    recorded: dict[str, Json] = {"tools": recording.tools, "settings": recording.settings}
    recorded["messages"] = _recorded_messages(recording, turn=turn)
    actual = {name: asked[name] for name in ("tools", "settings", "messages")}
    lines = difflib.unified_diff(
        list(_lines(recorded, "request")),
        list(_lines(actual, "request")),
        "recorded",
        "actual",
        lineterm="",
        n=2,
    )
    shown = list(lines)
    more = f"\n… {len(shown) - DIFF_LINES} more lines" if len(shown) > DIFF_LINES else ""
    past = f" (it has {len(recording.turns)} turns)" if turn >= len(recording.turns) else ""
    return ExecutionError(
        f"turn {turn} was not recorded for this request{past}:\n" + "\n".join(shown[:DIFF_LINES]) + more,
        where=recording.where,
        hint="what the model would see has changed: undo the change, or record the run again",
        reason="recording-miss",
    )


def _recorded_messages(recording: Recording, *, turn: int) -> list[Json]:
    messages: list[Json] = []
    for index, told in enumerate(recording.turns[: turn + 1]):
        messages += told["messages"]
        if index < turn:
            calls = read_calls(told["reply"]["calls"], turn=index, where=recording.where)
            listed: Json = [call.to_json() for call in calls]
            messages.append({"role": "assistant", "text": told["reply"]["text"], "calls": listed})
    return messages


def _lines(value: Json, place: str) -> Iterator[str]:
    """Write a value one line per line of text, each with its place, so that a difference can be read."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _lines(value[name], f"{place}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _lines(item, f"{place}[{index}]")
    elif isinstance(value, str):
        yield from (f"{place}: {line}" for line in value.split("\n"))
    else:
        yield f"{place}: {json.dumps(value)}"
