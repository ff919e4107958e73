"""Limits in the configuration folder: `limits.yaml` says how much may be done; `gate.limits` says what that means.

    limits:
      pushes:            {tools: [git.push], per: project, count: 10, within: 10m}
      services:          {tools: ["mcp.k8s.*"], per: agent, targets: 20, within: 1h, then: ask}
      refunds:           {tools: [mcp.pay.refund], amount: "500.00", argument: amount, within: 1d}
      changes-an-agent:  off                  what ships under this name; one may be given anew as well

Rules
  1. The file is ours and nobody else may write to it, or it is refused; nothing is done then.
  2. What is misshapen or unknown is refused with line and column, every fault at once.
  3. It is looked at for every question, and read again when it changed.
  4. Without the file, what ships holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridle.adapters.people.own_file import read_own_text
from bridle.agent.faults import Faults
from bridle.agent.reader import Spot, read_yaml
from bridle.core.errors import InputError
from bridle.gate.limits import LONGEST, SHIPPED, Counts, Limit, LimitSource, Per, Then
from bridle.gate.manifest import Effect
from bridle.gate.spending import amount_in
from bridle.pipeline.durations import parse_duration

FILE = "limits.yaml"
OFF = "off"
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
TOOL = re.compile(r"[a-z][A-Za-z0-9_.-]*\*?|\*", re.ASCII)
MEASURES = {"count": Counts.ACTIONS, "targets": Counts.TARGETS, "amount": Counts.AMOUNT}
KEYS = ("tools", "effects", "per", *MEASURES, "argument", "within", "then")
REASON = "bad-limits"


class LimitsFile(LimitSource):
    """Implements `gate.limits.LimitSource`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._read: tuple[str, tuple[Limit, ...]] | None = None

    def read(self) -> Sequence[Limit]:
        text = read_own_text(self._file)
        if self._read is None or self._read[0] != text:
            self._read = (text, parse_limits(text, file=str(self._file)) if text.strip() else SHIPPED)
        return self._read[1]


def parse_limits(text: str, *, file: str) -> tuple[Limit, ...]:
    """Return what ships and what the text says; raise InputError that says where each fault is."""
    faults = Faults()
    parts = read_yaml(text, file=file, faults=faults).mapping(("limits",))
    found = {limit.name: limit for limit in SHIPPED}
    for key, value in parts["limits"].pairs() if "limits" in parts else ():
        limit = faults.attempt(lambda key=key, value=value: _limit(key, value), None)  # type: ignore[misc]
        found.pop(key.text(), None)
        if limit is not None:
            found[limit.name] = limit
    faults.raise_if_any()
    return tuple(found.values())


def _limit(key: Spot, value: Spot) -> Limit | None:
    """Read one entry; None for one that is off."""
    name = key.text()
    if not NAME.fullmatch(name):
        raise _wrong(key, f"{name[:80]!r} is no name", "write small letters, digits and dashes")
    if value.is_text():
        if value.text() != OFF:
            raise _wrong(value, "a limit is a mapping, or off", "see docs/limits.md")
        return None
    given = value.mapping(KEYS)
    counts, most = _measure(value, given)
    limit = Limit(
        name,
        most,
        counts,
        tools=tuple(_tool(item) for item in given["tools"].items()) if "tools" in given else (),
        effects=frozenset(_effect(item) for item in given["effects"].items())
        if "effects" in given
        else frozenset(),
        per=Per(_choice(given["per"], tuple(Per))) if "per" in given else Per.ACCOUNT,
        argument=given["argument"].text() if "argument" in given else "",
        within=_within(value, given),
        then=_then(given),
    )
    if not limit.tools and not limit.effects:
        raise _wrong(value, f"{name} covers nothing", "name tools, or effects")
    if bool(limit.argument) != (counts is Counts.AMOUNT):
        raise _wrong(value, "an amount is what an argument states", "give amount and argument together")
    return limit


def _measure(value: Spot, given: Mapping[str, Spot]) -> tuple[Counts, Decimal]:
    named = [name for name in MEASURES if name in given]
    if len(named) != 1:
        raise _wrong(value, "a limit has one of count, targets and amount", "give one of them")
    spot, counts = given[named[0]], MEASURES[named[0]]
    if counts is not Counts.AMOUNT:
        return counts, Decimal(spot.integer(least=0))
    amount = amount_in(spot.text())
    if amount is None:
        raise _wrong(spot, f"{spot.text()[:80]!r} is no amount", "write a number such as 500.00")
    return counts, amount


def _within(value: Spot, given: Mapping[str, Spot]) -> timedelta:
    if "within" not in given:
        raise _wrong(value, "within what time is not said", "give within: 10m")
    spot = given["within"]
    seconds = parse_duration(spot.text())
    if seconds is None or timedelta(seconds=seconds) > LONGEST:
        raise _wrong(
            spot, f"{spot.text()[:80]!r} is no time up to {LONGEST.days} days", "write 10m, 24h or 7d"
        )
    return timedelta(seconds=seconds)


def _tool(spot: Spot) -> str:
    if not TOOL.fullmatch(spot.text()):
        raise _wrong(
            spot, f"{spot.text()[:80]!r} names no tool", "write git.push, or a pattern that ends in a star"
        )
    return spot.text()


def _effect(spot: Spot) -> Effect:
    return Effect(_choice(spot, tuple(Effect)))


def _then(given: Mapping[str, Spot]) -> Then:
    wanted = _choice(given["then"], ("deny", "ask")) if "then" in given else "deny"
    return "ask" if wanted == "ask" else "deny"


def _choice(spot: Spot, words: Sequence[str]) -> str:
    if spot.text() not in words:
        raise _wrong(spot, f"{spot.text()[:80]!r} is not known", f"write one of {', '.join(words)}")
    return spot.text()


def _wrong(spot: Spot, what: str, hint: str) -> InputError:
    return spot.wrong(what, hint=hint, reason=REASON)


def make_limits_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the file."""
    measures: dict[str, Any] = {
        "count": {"type": "integer", "minimum": 0},
        "targets": {"type": "integer", "minimum": 0},
        "amount": {"type": ["string", "integer"]},
    }
    limit = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "tools": {"type": "array", "items": {"type": "string", "pattern": f"^({TOOL.pattern})$"}},
            "effects": {"type": "array", "items": {"enum": [str(effect) for effect in Effect]}},
            "per": {"enum": [str(per) for per in Per]},
            **measures,
            "argument": {"type": "string", "minLength": 1},
            "within": {"type": ["string", "integer"]},
            "then": {"enum": ["deny", "ask"]},
        },
        "required": ["within"],
        "anyOf": [{"required": ["tools"]}, {"required": ["effects"]}],
        "oneOf": [{"required": [name]} for name in measures],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Limits of the account",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "limits": {
                "type": "object",
                "propertyNames": {"pattern": f"^{NAME.pattern}$"},
                "additionalProperties": {"anyOf": [{"const": OFF}, limit]},
            }
        },
    }
