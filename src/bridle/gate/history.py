"""History: what has been asked for, decided and done before in the same session, and in every session of the same case.

Rules
  1. It is gathered for what lasts of external tools: sequence rules are about deeds.
  2. One entry for each action, as it stands: denied, asked, begun (allowed, and nothing is known yet), succeeded, failed or
     unknown. What is begun or unknown may have happened, so a rule that counts has to count it.
  3. Of the arguments the control arguments are told, as they were before redaction and each in one spelling; all of them where
     the manifest declares none. A call's own are told in the same way (`action.control`).
     The same call that is denied again and again is one entry, so that nobody can make the history too long.
  4. A history that cannot be read whole, or is too long to be sent, is null: no rule may add up half of it.

  5. It holds until the intent: what is begun in the case after the last record that was read (the fact `as_of`) has the action
     judged again, so that two sessions which decide in the same moment see each other's deeds.

The action itself is not in its own history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import TrustError
from bridle.gate.action import Action
from bridle.gate.manifest import Manifest, Manifests
from bridle.gate.origins.values import in_one_spelling
from bridle.trust.journal import Guard, GuardError, Journal, Kind, Record

MOST_ENTRIES = 500
KINDS = (Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)
MOVED = "history.moved"
DECIDED_AS = {"deny": "denied", "ask": "asked", "allow": "begun"}


class Cases(Protocol):
    """Which sessions belong to a case."""

    async def of_case(self, case: str) -> Sequence[str]:
        """Return the ids of all sessions of a case, the oldest first."""
        ...


class HistoryMoved(GuardError):
    """Something was begun in the same case since its history was read."""

    default_reason = "history-moved"


@dataclass(frozen=True)
class HistoryStands:
    """Guard: fails with HistoryMoved when anything was begun in the session, or in a session of its case, after a record."""

    session: str
    case: str
    as_of: int
    guards = "history of {0.session}"


def stand_on_history(action: Action, facts: Mapping[str, Json]) -> list[Guard]:
    """Return the guard that holds an action to the history that it was decided upon."""
    as_of = facts["as_of"]
    return [HistoryStands(action.execution, _case_of(action), as_of)] if isinstance(as_of, int) else []


async def describe_history(
    action: Action, manifest: Manifest | None, *, journal: Journal, manifests: Manifests, cases: Cases | None
) -> dict[str, Json]:
    """Return the facts `history`, the oldest entry first, and `as_of`; both None when it is not gathered or cannot be had."""
    nothing: dict[str, Json] = {"history": None, "as_of": None}
    if manifest is None or not manifest.external or not manifest.effect.lasts:
        return nothing
    case, streams = _case_of(action), {action.execution}
    if case and cases is None:
        return nothing
    if case and cases is not None:
        streams |= set(await cases.of_case(case))
    records = [
        record for stream in sorted(streams) for record in await journal.read(execution=stream, kinds=KINDS)
    ]
    records.sort(key=lambda record: record.seq)
    entries: dict[str, dict[str, Json]] = {}
    try:
        for record in records:
            if record.subject == action.key or record.kind is Kind.INTENDED:
                continue
            if record.kind is Kind.DECIDED:
                entries.pop(record.subject, None)
                entry = await _entry(record, journal, manifests)
                denied = entry["status"] == "denied"
                told_before = digest([entry["session"], entry["tool"], entry["arguments"]])
                entries[told_before if denied else record.subject] = entry
            elif record.subject in entries:
                entries[record.subject]["status"] = record.body["status"]
    except TrustError:
        return nothing  # what was asked for has been destroyed: nobody can tell any more what was done
    told: list[Json] = [entry for entry in entries.values() if entry["effect"] != "read"]
    if len(told) > MOST_ENTRIES:
        return nothing
    return {"history": told, "as_of": records[-1].seq if records else -1}


def _case_of(action: Action) -> str:
    case = action.task.get("case") if action.task else None
    return case if isinstance(case, str) else ""


def control_of(manifest: Manifest | None, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Return the control arguments of a call, each in one spelling; all arguments where its manifest declares none."""
    types = manifest.control if manifest else {}
    return {
        name: value for name, value in in_one_spelling(arguments, types).items() if name in types or not types
    }


async def _entry(record: Record, journal: Journal, manifests: Manifests) -> dict[str, Json]:
    request = record.body["request"]
    if "request" in record.raw:
        request = json.loads(await journal.reveal(record, "request"))
    asked, about = as_mapping(request), as_mapping(as_mapping(record.body["facts"])["action"])
    return {
        "at": record.at,
        "session": record.execution,
        "tool": asked["tool"],
        "effect": about.get("effect", ""),
        "status": DECIDED_AS[str(record.body["effect"])],
        "approved": _was_approved(record),
        "arguments": control_of(manifests.get(str(asked["tool"])), as_mapping(asked["arguments"])),
    }


def _was_approved(record: Record) -> bool:
    rules = record.body["rules"]
    assert isinstance(rules, Sequence)
    return any(isinstance(rule, Mapping) and rule["rule"] == "approved" for rule in rules)
