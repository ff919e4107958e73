"""History: what has been asked for, decided and done before in the same session, and in every session of the same case.

Rules
  1. It is gathered for what lasts of external tools: sequence rules are about deeds.
  2. One entry for each action, as it stands: denied, asked, begun (allowed, and nothing is known yet), succeeded, failed or
     unknown. What is begun or unknown may have happened, so a rule that counts has to count it.
  3. Of the arguments the control arguments are told, as they were before redaction; all of them where the manifest declares none.
  4. A history that cannot be read whole, or is too long to be sent, is null: no rule may add up half of it.

The action itself is not in its own history. What two sessions of a case decide in the same moment, neither sees of the other:
what must hold then has to be reserved (gate.budgets).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import TrustError
from bridle.gate.action import Action
from bridle.gate.manifest import Manifest, Manifests
from bridle.trust.journal import Journal, Kind, Record

MOST_ENTRIES = 500
KINDS = (Kind.DECIDED, Kind.OUTCOME)
DECIDED_AS = {"deny": "denied", "ask": "asked", "allow": "begun"}


class Cases(Protocol):
    """Which sessions belong to a case."""

    async def of_case(self, case: str) -> Sequence[str]:
        """Return the ids of all sessions of a case, the oldest first."""
        ...


async def describe_history(
    action: Action, manifest: Manifest | None, *, journal: Journal, manifests: Manifests, cases: Cases | None
) -> list[Json] | None:
    """Return the fact, the oldest entry first; None when it is not gathered or cannot be had."""
    if manifest is None or not manifest.external or not manifest.effect.lasts:
        return None
    case = action.task.get("case") if action.task else None
    if isinstance(case, str) and case:
        if cases is None:
            return None
        streams = {*(await cases.of_case(case)), action.execution}
    else:
        streams = {action.execution}
    records = [
        record for stream in sorted(streams) for record in await journal.read(execution=stream, kinds=KINDS)
    ]
    records.sort(key=lambda record: record.seq)
    entries: dict[str, dict[str, Json]] = {}
    try:
        for record in records:
            if record.subject == action.key:
                continue
            if record.kind is Kind.DECIDED:
                entries.pop(record.subject, None)
                entries[record.subject] = await _entry(record, journal, manifests)
            elif record.subject in entries:
                entries[record.subject]["status"] = record.body["status"]
    except TrustError:
        return None  # what was asked for has been destroyed: nobody can tell any more what was done
    told: list[Json] = [entry for entry in entries.values() if entry["effect"] != "read"]
    return told if len(told) <= MOST_ENTRIES else None


async def _entry(record: Record, journal: Journal, manifests: Manifests) -> dict[str, Json]:
    request = record.body["request"]
    if "request" in record.raw:
        request = json.loads(await journal.reveal(record, "request"))
    asked, about = as_mapping(request), as_mapping(as_mapping(record.body["facts"])["action"])
    arguments = as_mapping(asked["arguments"])
    manifest = manifests.get(str(asked["tool"]))
    named = manifest.control if manifest and manifest.control else arguments
    return {
        "at": record.at,
        "session": record.execution,
        "tool": asked["tool"],
        "effect": about.get("effect", ""),
        "status": DECIDED_AS[str(record.body["effect"])],
        "approved": _was_approved(record),
        "arguments": {name: value for name, value in arguments.items() if name in named},
    }


def _was_approved(record: Record) -> bool:
    rules = record.body["rules"]
    assert isinstance(rules, Sequence)
    return any(isinstance(rule, Mapping) and rule["rule"] == "approved" for rule in rules)
