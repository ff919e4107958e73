"""Files of turns: where they lie and how their replies are read, for recordings and scripts alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bridle.adapters.models.estimate import estimate_usage
from bridle.adapters.models.prices import recorded_cost
from bridle.core.canonical import Json, canonical
from bridle.core.conversation import ModelReply, ToolCall, Usage
from bridle.core.decoding import decode
from bridle.core.errors import InputError

ANOTHER = "name a file of turns: samples/autofix has one that is recorded, and one that is scripted"
CALLS = "write calls: [{tool: file.read, arguments: {path: a.py}}]"
SIZE_LIMIT = 16 * 1024 * 1024  # turns of a long run with its reports; beyond it something else was named


def read_file(path: Path) -> str:
    """Read a file of turns; raise InputError with its place when it cannot be."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise InputError(f"larger than {SIZE_LIMIT} bytes", where=str(path), hint=ANOTHER)
        return decode(path.read_bytes(), where=str(path))
    except OSError as exc:
        hint = "name a file of turns that exists"
        raise InputError(f"cannot be read: {exc.strerror}", where=str(path), hint=hint) from exc


def check_shape(content: Any, *, form: str, where: str) -> list[Mapping[str, Any]]:
    """Return the turns of a file; raise InputError unless it is of `form` and made of JSON we can digest."""
    if not isinstance(content, Mapping) or content.get("format") != form:
        raise InputError(f"not a file of the form {form!r}", where=where, hint=ANOTHER)
    turns = content.get("turns")
    if not isinstance(turns, Sequence) or not all(isinstance(turn, Mapping) for turn in turns):
        raise InputError("its 'turns' are not a list of turns", where=where, hint=ANOTHER)
    try:
        canonical(content)
    except InputError as exc:
        raise InputError(f"{exc.where}: {exc.what}", where=where, hint=exc.hint) from exc
    return list(turns)


def read_calls(listed: Any, *, turn: int, where: str) -> tuple[ToolCall, ...]:
    """Read the calls of a turn; their ids are their places."""
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InputError("'calls' is not a list", where=where, hint=CALLS)
    return tuple(
        _read_call(call, place=f"{turn}.{number}", where=where) for number, call in enumerate(listed, 1)
    )


def played_reply(
    payload: Mapping[str, Json],
    *,
    text: str,
    calls: tuple[ToolCall, ...],
    model: str,
    priced_as: str,
    usage: Usage | None = None,
) -> ModelReply:
    """Return the reply for a turn from a file, with `usage` estimated when the file has none."""
    used = usage or estimate_usage(payload, text=text, calls=calls)
    cost, priced = recorded_cost(priced_as, used)
    finish = "calls" if calls else "stop"
    return ModelReply(text, calls, used, model, finish, cost, priced)


def _read_call(call: Any, *, place: str, where: str) -> ToolCall:
    arguments = call.get("arguments", {}) if isinstance(call, Mapping) else None
    if not isinstance(arguments, Mapping) or not isinstance(call.get("tool"), str):
        raise InputError(f"call {place} is not a tool with arguments", where=where, hint=CALLS)
    return ToolCall(place, call["tool"], dict(arguments))
