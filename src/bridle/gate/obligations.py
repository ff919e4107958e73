"""Obligations: one call makes another one due. What is done in one system and not in the other is half a piece of business.

    obliges: {tool: mcp.accounts.credit, within: 15m, matching: [order_id]}

Rules
  1. It is noted in the transaction that records the intent, so a crash forgets nothing. What failed obliges to nothing.
  2. It is fulfilled by a call of that tool which succeeds, in any session, with the same values of the arguments in `matching`.
  3. What is not fulfilled in time becomes an item of work, partial, with what is known. Of several processes that look, one
     leaves it.

Pure but for the port: `adapters.sql.obligations` keeps the rows, `operating.recovering` looks for what is overdue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bridle.core.canonical import Json
from bridle.gate.manifest import Manifest
from bridle.gate.origins.values import ValueType, normal_form
from bridle.trust.journal import Guard


@dataclass(frozen=True)
class Obligation:
    """What the action `key` made due: a call of `tool` with these values, by a moment."""

    key: str
    execution: str
    tool: str
    matching: Mapping[str, Json]
    due_at: datetime


@dataclass(frozen=True)
class Oblige:
    """Guard: note an obligation."""

    obligation: Obligation
    guards = "obligation of {0.obligation.key}"


@dataclass(frozen=True)
class DropObligation:
    """Guard: forget what an action made due that was not done, or was undone; there may be nothing."""

    key: str
    guards = "obligation of {0.key}"


@dataclass(frozen=True)
class Fulfil:
    """Guard: forget what a call that succeeded fulfils; there may be nothing. `values` are its arguments in normal form."""

    tool: str
    values: Mapping[str, Json]
    guards = "what {0.tool} fulfils"


@dataclass(frozen=True)
class TakeObligation:
    """Guard: take what is overdue to park it; fails when it was fulfilled, or another process has taken it."""

    key: str
    guards = "obligation of {0.key}"


class Obligations(Protocol):
    """Reads obligations. Changing them is a guard of the journal."""

    async def overdue(self, now: datetime) -> list[Obligation]:
        """Return what should have been fulfilled by now, the longest overdue first."""
        ...


def oblige(
    manifest: Manifest, arguments: Mapping[str, Json], *, key: str, execution: str, at: datetime
) -> list[Guard]:
    """Return the guard that notes what a call makes due; none where its owner says nothing."""
    wanted = manifest.obliges
    if wanted is None:
        return []
    values = normal_values(manifest, arguments)
    matching = {name: values.get(name) for name in wanted.matching}
    due_at = at + timedelta(seconds=wanted.within_s)
    return [Oblige(Obligation(key, execution, wanted.tool, matching, due_at))]


def end_obligations(
    manifest: Manifest, arguments: Mapping[str, Json], *, key: str, status: str
) -> list[Guard]:
    """Return the guards that change with an outcome: what it made due, and what it fulfils."""
    if not manifest.external or status == "unknown":
        return []
    if status == "failed":
        return [DropObligation(key)]
    return [Fulfil(manifest.tool, normal_values(manifest, arguments))]


def normal_values(manifest: Manifest, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Return the arguments, each in the normal form of its type where it has one."""
    return {
        name: _form(value, manifest.control[name]) if name in manifest.control else value
        for name, value in arguments.items()
    }


def _form(value: Json, kind: str) -> Json:
    return normal_form(value, ValueType(kind)) or value
