"""Leaving: what nobody can tell of an action is left to a person as an item of work, in the transaction that records its outcome.

Rules
  1. Left is what lasts and is unknown, whoever did it. An item says why, whose it is, and what a person may answer.
  2. It belongs to the owner of the agent, and to the case where there is one.
  3. `retry` is offered where the target knows the key and every attempt sends the same one (`once`): then to send again is safe.
     `compensate` is offered where the tool's owner says how.

Pure. Who settles it is `operating.work`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.ids import new_id
from bridle.gate.manifest import Manifest, Recovery
from bridle.trust.journal import Entry, Kind, Record
from bridle.trust.work_items import ParkWork, Settlement, WorkItem

UNKNOWN = "unknown"


def leave_unknown(
    manifest: Manifest, decided: Record | None, *, stream: str, key: str, value: Json, at: datetime
) -> tuple[Entry, ParkWork]:
    """Return the record and the guard of an item about an action of which nobody knows whether it was done."""
    said = value.get("error") if isinstance(value, Mapping) else value
    reason = str(said or "no answer came, so nobody can tell whether it was done")
    return _leave(manifest, decided, UNKNOWN, reason, stream=stream, key=key, at=at)


def offers_of(manifest: Manifest) -> list[Json]:
    """Return what a person may answer about an action that is unknown."""
    offers: list[Json] = [Settlement.DONE, Settlement.NOT_DONE]
    if manifest.recovery is Recovery.KEYED and manifest.once:
        offers.append(Settlement.RETRY)
    if manifest.external and manifest.compensation is not None:
        offers.append(Settlement.COMPENSATE)
    return [str(offer) for offer in offers]


def _leave(
    manifest: Manifest, decided: Record | None, kind: str, reason: str, *, stream: str, key: str, at: datetime
) -> tuple[Entry, ParkWork]:
    facts = as_mapping(decided.body["facts"]) if decided else {}
    principal, task = facts.get("principal"), facts.get("task")
    body: dict[str, Json] = {
        "kind": kind,
        "reason": reason,
        "action": decided.body["action"] if decided else "",
        "key": key,
        "tool": manifest.tool,
        "owner": principal.get("owner") if isinstance(principal, Mapping) else None,
        "case": task.get("case") if isinstance(task, Mapping) else None,
        "offers": offers_of(manifest),
    }
    item = WorkItem(new_id("wrk"), stream, key, at)
    return Entry(Kind.WORK_PARKED, stream, item.id, body), ParkWork(item)
