"""Leaving: what nobody can tell of an action is left to a person as an item of work, in its outcome's transaction.

Rules
  1. Left is what lasts and is unknown, whoever did it, and what made something due that nobody did in time (gate.obligations).
     An item says why, whose it is, and what a person may answer.
  2. It belongs to the owner of the agent, and to the case where there is one.
  3. `retry` is offered where the target knows the key and every attempt sends the same one (`once`): then to send again is safe.
     `compensate` is offered where the tool's owner says how.

Pure. Who settles it is `operating.work`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import iso
from bridle.core.ids import new_id
from bridle.gate.manifest import Manifest, Manifests, Recovery
from bridle.gate.obligations import Obligation
from bridle.trust.journal import Entry, Kind, Record
from bridle.trust.work_items import ParkWork, Settlement, WorkItem

UNKNOWN, PARTIAL = "unknown", "partial"


def leave_unknown(
    tool: str,
    manifest: Manifest | None,
    decided: Record | None,
    *,
    stream: str,
    key: str,
    value: Json,
    at: datetime,
) -> tuple[Entry, ParkWork]:
    """Return the record and the guard of an item about an action of which nobody knows whether it was done."""
    said = value.get("error") if isinstance(value, Mapping) else value
    reason = str(said or "no answer came, so nobody can tell whether it was done")
    return _leave(tool, decided, UNKNOWN, reason, offers_of(manifest), stream=stream, key=key, at=at)


def leave_partial(
    decided: Record, owed: Obligation, manifests: Manifests, *, at: datetime
) -> tuple[Entry, ParkWork]:
    """Return the record and the guard of an item about an action that was begun, and what it made due was not done."""
    request = as_mapping(decided.body["request"])
    tool = str(request["tool"])
    manifest = manifests.get(tool)
    told = ", ".join(f"{name}={value}" for name, value in owed.matching.items())
    reason = f"{tool} obliges to {owed.tool} ({told}), and that was not done by {iso(owed.due_at)}"
    offers = [Settlement.DONE]
    if manifest is not None and manifest.compensation is not None:
        offers.append(Settlement.COMPENSATE)
    told_offers: list[Json] = [str(offer) for offer in offers]
    return _leave(tool, decided, PARTIAL, reason, told_offers, key=owed.key, stream=owed.execution, at=at)


def offers_of(manifest: Manifest | None) -> list[Json]:
    """Return what a person may answer about an action that is unknown."""
    offers: list[Json] = [Settlement.DONE, Settlement.NOT_DONE]
    if manifest is None:
        return [str(offer) for offer in offers]
    if manifest.recovery is Recovery.KEYED and manifest.once:
        offers.append(Settlement.RETRY)
    if manifest.external and manifest.compensation is not None:
        offers.append(Settlement.COMPENSATE)
    return [str(offer) for offer in offers]


def _leave(
    tool: str,
    decided: Record | None,
    kind: str,
    reason: str,
    offers: list[Json],
    *,
    stream: str,
    key: str,
    at: datetime,
) -> tuple[Entry, ParkWork]:
    facts = as_mapping(decided.body["facts"]) if decided else {}
    principal, about = facts.get("principal"), as_mapping(facts.get("action") or {})
    body: dict[str, Json] = {
        "kind": kind,
        "reason": reason,
        "action": decided.body["action"] if decided else "",
        "key": key,
        "tool": tool,
        "owner": principal.get("owner") if isinstance(principal, Mapping) else None,
        "case": about.get("case") or None,
        "offers": offers,
    }
    item = WorkItem(new_id("wrk"), stream, key, at)
    return Entry(Kind.WORK_PARKED, stream, item.id, body), ParkWork(item)
