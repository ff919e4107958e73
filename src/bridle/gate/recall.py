"""Recalls what is known when a session's next call is judged, from its journal alone: a crash loses nothing.

Rules
  1. The person's words and inputs are those recorded when the session was opened, and of the digest that the action's task names.
     Where they cannot be read, nothing is known, and the policy asks.
  2. Each earlier call counts that succeeded, in order, as it was asked for and with what its delegate signed. What a denied,
     failed or unknown call said is not read: nobody vouches for it.
  3. The manifests are those of now: what an owner has taken back vouches for nothing any more.

The origin of each value is `origins`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import TrustError
from bridle.gate.action import Action
from bridle.gate.manifest import Manifest, Manifests
from bridle.gate.origins import begin, judge, take_result
from bridle.gate.vouching import Background
from bridle.trust.journal import Journal, Kind, Record

KINDS = (Kind.SESSION_OPENED, Kind.DECIDED, Kind.OUTCOME)


async def describe_origins(
    action: Action, manifest: Manifest | None, *, journal: Journal, manifests: Manifests
) -> list[Json] | None:
    """Return the fact: the origin of each judged value of a call of an external tool; None for another tool, or when
    nothing is known of the session it is made in."""
    if manifest is None or not manifest.external:
        return None
    background = await recall(action, journal=journal, manifests=manifests)
    if background is None:
        return None
    return [origin.to_json() for origin in judge(action.request.arguments, manifest, background)]


async def recall(action: Action, *, journal: Journal, manifests: Manifests) -> Background | None:
    """Return what is known before `action`, or None when the words of the person it is for cannot be read."""
    records = await journal.read(execution=action.execution, kinds=KINDS)
    background = await _opened(action, records, journal)
    if background is None:
        return None
    decided: dict[str, Record] = {}
    for record in records:
        if record.kind is Kind.DECIDED:
            decided[record.subject] = record
        elif (
            record.kind is Kind.OUTCOME and record.body["status"] == "succeeded" and record.subject in decided
        ):
            request = as_mapping(await _request(decided[record.subject], journal))
            background = _take(background, request, record, manifests)
    return background


async def _opened(action: Action, records: list[Record], journal: Journal) -> Background | None:
    opened = [record for record in records if record.kind is Kind.SESSION_OPENED]
    if not opened or action.task is None:
        return None
    try:
        asked = await _request(opened[0], journal)
    except TrustError:
        return None  # destroyed, or not what was recorded: the policy asks
    if not isinstance(asked, Mapping) or digest(asked) != action.task.get("request_digest"):
        return None
    return begin(str(asked.get("text", "")), asked.get("inputs"), purpose=action.request.purpose)


async def _request(record: Record, journal: Journal) -> Json:
    """Return a request as it was made; its redacted form stands in the record itself."""
    if "request" not in record.raw:
        return record.body["request"]
    revealed: Json = json.loads(await journal.reveal(record, "request"))
    return revealed


def _take(
    background: Background, request: Mapping[str, Json], outcome: Record, manifests: Manifests
) -> Background:
    """Add what a server answered: its structured part, which the manifest speaks of, and the texts beside it."""
    manifest = manifests.get(str(request["tool"]))
    value = outcome.body["value"]
    if manifest is None or not manifest.external or not isinstance(value, Mapping):
        return background
    said: dict[str, Any] = {"content": value.get("content"), "error": value.get("error")}
    return take_result(
        background,
        manifest,
        as_mapping(request["arguments"]),
        value.get("structured"),
        place=outcome.subject,
        beside=said,
    )
