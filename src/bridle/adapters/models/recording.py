"""Makes a recording: a port around another one that writes down every turn it takes.

Rules
  1. The file is whole after each turn (temporary file, rename); turns after the one taken are dropped, because they
     were recorded for a history that no longer is.
  2. Turn 0 begins anew. A later turn continues a file that has exactly the turns before it, or is refused.
  3. What is written is what the delegate was asked and what came back; the request was redacted before it came here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.adapters.models.recorded import FORM, load_recording
from bridle.core.canonical import Json, digest
from bridle.core.conversation import ModelReply, normal_form, since_last_turn
from bridle.core.errors import ExecutionError

if TYPE_CHECKING:
    from bridle.delegate.effectors.model import ModelPort
    from bridle.delegate.vault import Vault


class RecordingModel:
    """Answers as `port` does and records it."""

    def __init__(self, port: ModelPort, path: Path, *, source: str, priced_as: str) -> None:
        self._port = port
        self._path = path
        self._head = {"format": FORM, "source": source, "priced_as": priced_as}

    async def respond(
        self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Vault
    ) -> ModelReply:
        """Ask the port, write the turn, return the reply."""
        before = self._turns_before(turn)
        reply = await self._port.respond(payload, model=model, turn=turn, vault=vault)
        asked = normal_form(payload)
        messages = asked["messages"]
        assert isinstance(messages, list)
        taken = {"request": digest(asked), "messages": since_last_turn(messages), "reply": _told(reply)}
        self._write(
            {**self._head, "tools": asked["tools"], "settings": asked["settings"], "turns": [*before, taken]}
        )
        return reply

    def _turns_before(self, turn: int) -> list[Mapping[str, Any]]:
        turns = load_recording(self._path).turns[:turn] if turn else []
        if len(turns) != turn:
            raise ExecutionError(
                f"the recording has {len(turns)} turns and this is turn {turn}",
                where=str(self._path),
                hint="record from the first turn, in an execution of its own",
                reason="recording-gap",
            )
        return turns

    def _write(self, content: Mapping[str, Any]) -> None:
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(self._path)


def record(port: ModelPort, path: Path, *, source: str, priced_as: str = "") -> RecordingModel:
    """Return a port that answers as `port` and writes a recording to `path`."""
    return RecordingModel(port, path, source=source, priced_as=priced_as)


def _told(reply: ModelReply) -> dict[str, Any]:
    """Return the reply as recorded: ids are places and need no writing, and an estimate can be made again."""
    calls = [{"tool": call.tool, "arguments": dict(call.arguments)} for call in reply.calls]
    told: dict[str, Any] = {"text": reply.text, "calls": calls}
    return told if reply.usage.estimated else {**told, "usage": reply.usage.to_json()}
