"""Turns written by hand, played in order: for samples, first steps and tests. Never mistaken for a model.

    format: bridle/script/1
    priced_as: anthropic:claude-sonnet-5-5        what the turns would cost with this model; may be left out
    turns:
      - text: Let me look.
        calls:
          - tool: file.read
            arguments: {path: README.md}

Rules
  1. The turn is found by its index in the request alone: a script has no memory and survives a restart.
  2. `${calls.3.1.commit}` in an argument is the member `commit` of the result of the first call of turn 3.
  3. Past the end, and where a reference has nothing to refer to, is an error; nothing is ever repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.adapters.models.turns_file import check_shape, played_reply, read_calls, read_file
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply, ToolCall
from bridle.core.errors import ExecutionError
from bridle.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault

FORM = "bridle/script/1"
REFERENCE = re.compile(r"\$\{calls\.(\d+\.\d+)\.(\w+)\}")


class ScriptedModel:
    """Plays one script."""

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        content = load_yaml(read_file(path), where=self._where)
        self._turns = check_shape(content, form=FORM, where=self._where)
        self.priced_as = str(content.get("priced_as", ""))

    async def respond(
        self, payload: Mapping[str, Json], *, model: str, turn: int, vault: Vault
    ) -> ModelReply:
        """Play the turn; raise ExecutionError past the end."""
        if turn >= len(self._turns):
            raise ExecutionError(
                f"the script has {len(self._turns)} turns and was asked for one more",
                where=self._where,
                hint="add the turn, or find out why the run took another way",
                reason="script-ended",
            )
        told = self._turns[turn]
        calls = read_calls(told.get("calls", []), turn=turn, where=self._where)
        filled = tuple(self._fill(call, payload) for call in calls)
        text = str(told.get("text", "")).strip()
        return played_reply(payload, text=text, calls=filled, model=model, priced_as=self.priced_as)

    def _fill(self, call: ToolCall, payload: Mapping[str, Json]) -> ToolCall:
        def found(match: re.Match[str]) -> str:
            result = _result_of(match[1], payload)
            value = result.get(match[2]) if isinstance(result, Mapping) else None
            if not isinstance(value, (str, int)):
                raise ExecutionError(
                    f"{match[0]} refers to nothing: that call gave {result!r:.200}",
                    where=f"{self._where}, call {call.id}",
                    reason="script-miss",
                )
            return str(value)

        arguments = {
            name: REFERENCE.sub(found, value) if isinstance(value, str) else value
            for name, value in call.arguments.items()
        }
        return ToolCall(call.id, call.tool, arguments)


def _result_of(place: str, payload: Mapping[str, Json]) -> Json:
    messages: Any = payload["messages"]
    return next((m["result"] for m in messages if m["role"] == "tool" and m["id"] == place), None)
