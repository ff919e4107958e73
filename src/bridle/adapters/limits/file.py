"""Limits in the configuration folder: `limits.yaml` says how much may be done; `gate.limits` says what that means.

    limits:
      pushes:            {tools: [git.push], per: project, count: 10, within: 10m}
      services:          {tools: ["mcp.k8s.*"], per: agent, targets: 20, within: 1h, then: ask}
      refunds:           {tools: [mcp.pay.refund], amount: "500.00", argument: amount, within: 1d}
      models:            {cost: "20.00", per: agent, within: 1d}     what model calls cost, in US dollars
      changes-an-agent:  off                  what ships under this name; one may be given anew as well
    breakers:
      crm:     {tools: ["mcp.crm.*"], per: server, failures: 3, within: 5m, cool-down: 10m, reads: deny}
      targets: off

Rules
  1. The file is ours and nobody else may write to it, or it is refused; nothing is done then.
  2. What is misshapen or unknown is refused with line and column, every fault at once.
  3. It is looked at for every question, and read again when it changed.
  4. Without the file, what ships holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from bridle.adapters.people.own_file import OwnFile
from bridle.agent.faults import Faults
from bridle.agent.reader import Spot, read_yaml
from bridle.core.errors import InputError
from bridle.gate.breakers import SHIPPED as SHIPPED_BREAKERS
from bridle.gate.breakers import About, Breaker
from bridle.gate.budgets import MODEL_CALL
from bridle.gate.limits import LONGEST, SHIPPED, Counts, Limit, LimitSource, Per, Then
from bridle.gate.manifest import Effect
from bridle.gate.spending import amount_in
from bridle.pipeline.durations import parse_duration

FILE = "limits.yaml"
OFF = "off"
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
TOOL = re.compile(r"[a-z][A-Za-z0-9_.-]*\*?|\*", re.ASCII)
MEASURES = {"count": Counts.ACTIONS, "targets": Counts.TARGETS, "amount": Counts.AMOUNT, "cost": Counts.COST}
KEYS = ("tools", "effects", "per", *MEASURES, "argument", "within", "then")
BREAKER_KEYS = ("tools", "effects", "per", "failures", "within", "cool_down", "reads")
REASON = "bad-limits"
Noun = TypeVar("Noun")


class LimitsFile(LimitSource):
    """Implements `gate.limits.LimitSource`."""

    def __init__(self, folder: Path) -> None:
        file = folder / FILE
        self._own = OwnFile(file, lambda text: _parse(text, file=str(file)))

    def read(self) -> Sequence[Limit]:
        return self._own.read()[0]

    def breakers(self) -> Sequence[Breaker]:
        return self._own.read()[1]


def _parse(text: str, *, file: str) -> tuple[tuple[Limit, ...], tuple[Breaker, ...]]:
    return parse_limits(text, file=file) if text.strip() else (SHIPPED, SHIPPED_BREAKERS)


def parse_limits(text: str, *, file: str) -> tuple[tuple[Limit, ...], tuple[Breaker, ...]]:
    """Return what ships and what the text says, limits and breakers; raise InputError that says where each fault is."""
    faults = Faults()
    parts = read_yaml(text, file=file, faults=faults).mapping(("limits", "breakers"))
    limits = {limit.name: limit for limit in SHIPPED}
    breakers = {breaker.name: breaker for breaker in SHIPPED_BREAKERS}
    _add(parts.get("limits"), limits, _limit, faults)
    _add(parts.get("breakers"), breakers, _breaker, faults)
    faults.raise_if_any()
    return tuple(limits.values()), tuple(breakers.values())


def _add(
    part: Spot | None, found: dict[str, Noun], read: Callable[[str, Spot], Noun], faults: Faults
) -> None:
    """Read each entry into what is there already; one that is off takes away what ships under its name."""
    for key, value in part.pairs() if part is not None else ():
        entry = faults.attempt(lambda key=key, value=value: _entry(key, value, read), None)  # type: ignore[misc]
        found.pop(key.text(), None)
        if entry is not None:
            found[key.text()] = entry


def _entry(key: Spot, value: Spot, read: Callable[[str, Spot], Noun]) -> Noun | None:
    name = key.text()
    if not NAME.fullmatch(name):
        raise _wrong(key, f"{name[:80]!r} is no name", "write small letters, digits and dashes")
    if not value.is_text():
        return read(name, value)
    if value.text() != OFF:
        raise _wrong(value, f"{name} is a mapping, or off", "see docs/limits.md")
    return None


def _limit(name: str, value: Spot) -> Limit:
    given = value.mapping(KEYS)
    counts, most = _measure(value, given)
    covered = _model_calls(value, given) if counts is Counts.COST else _covered(name, value, given)
    limit = Limit(
        name,
        most,
        counts,
        **covered,
        per=Per(_choice(given["per"], tuple(Per))) if "per" in given else Per.ACCOUNT,
        argument=given["argument"].text() if "argument" in given else "",
        within=_span("within", value, given),
        then=_then(given),
    )
    if bool(limit.argument) != (counts is Counts.AMOUNT):
        raise _wrong(value, "an amount is what an argument states", "give amount and argument together")
    return limit


def _measure(value: Spot, given: Mapping[str, Spot]) -> tuple[Counts, Decimal]:
    named = [name for name in MEASURES if name in given]
    if len(named) != 1:
        raise _wrong(value, "a limit has one of count, targets, amount and cost", "give one of them")
    spot, counts = given[named[0]], MEASURES[named[0]]
    if counts not in (Counts.AMOUNT, Counts.COST):
        return counts, Decimal(spot.integer(least=0))
    amount = amount_in(spot.text())
    if amount is None:
        raise _wrong(spot, f"{spot.text()[:80]!r} is no amount", "write a number such as 500.00")
    return counts, amount


def _breaker(name: str, value: Spot) -> Breaker:
    given = value.mapping(BREAKER_KEYS)
    if "failures" not in given:
        raise _wrong(value, "how many failures open it is not said", "give failures: 5")
    return Breaker(
        name,
        given["failures"].integer(),
        _span("within", value, given),
        _span("cool_down", value, given),
        **_covered(name, value, given),
        per=About(_choice(given["per"], tuple(About))) if "per" in given else About.TARGET,
        reads="deny"
        if "reads" in given and _choice(given["reads"], ("allow", "deny")) == "deny"
        else "allow",
    )


def _covered(name: str, value: Spot, given: Mapping[str, Spot]) -> dict[str, Any]:
    tools = tuple(_tool(item) for item in given["tools"].items()) if "tools" in given else ()
    effects = (
        frozenset(_effect(item) for item in given["effects"].items()) if "effects" in given else frozenset()
    )
    if not tools and not effects:
        raise _wrong(value, f"{name} covers nothing", "name tools, or effects")
    return {"tools": tools, "effects": effects}


def _model_calls(value: Spot, given: Mapping[str, Spot]) -> dict[str, Any]:
    """A limit of cost counts model calls, which have no target."""
    if "tools" in given or "effects" in given:
        raise _wrong(value, "a cost is that of model calls", "name neither tools nor effects")
    if "per" in given and given["per"].text() == str(Per.TARGET):
        raise _wrong(given["per"], "a model call has no target", "write per: agent, or another")
    return {"tools": (MODEL_CALL,)}


def _span(name: str, value: Spot, given: Mapping[str, Spot]) -> timedelta:
    shown = name.replace("_", "-")
    if name not in given:
        raise _wrong(value, f"{shown} is not said", f"give {shown}: 10m")
    spot = given[name]
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
