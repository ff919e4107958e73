"""What is known about the thing that an action deploys, pushes or changes: the fact `evidence`.

Rules
  1. An action is about the commit that it names, the tree that this commit was made of, and every digest (`sha256:…`, also behind
     `@`) among its arguments.
  2. Only for what lasts (consequential, destructive) is anything looked up: elsewhere the list is empty.
  3. All that was ever said about these digests is told, oldest first, who signed it, and how old it is. What counts is policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import from_iso
from bridle.gate.manifest import Manifest
from bridle.trust.evidence.exhibits import find_subjects
from bridle.trust.journal import Journal, Kind, Record


async def describe_evidence(
    journal: Journal,
    manifest: Manifest | None,
    arguments: Mapping[str, Json],
    provenance: Mapping[str, Json] | None,
    *,
    now: datetime,
) -> list[Json]:
    """Return the fact; rule 2 says when it is empty."""
    if manifest is None or not manifest.effect.lasts:
        return []
    records: list[Record] = []
    for subject in find_subjects(arguments, provenance):
        records += await journal.read(subject=subject, kinds=(Kind.EVIDENCE_ADDED,))
    return [_describe(record, now) for record in sorted(records, key=lambda record: record.seq)]


def _describe(record: Record, now: datetime) -> Json:
    exhibit = as_mapping(record.body["exhibit"])
    summary = as_mapping(exhibit["summary"])
    return {
        "record": record.id,
        "type": exhibit["type"],
        "subject": exhibit["subject"],
        "at": record.at,
        "age_s": max(int((now - from_iso(record.at)).total_seconds()), 0),
        "signer": record.body["signer"],
        "attestors": summary["signers"],
        "name": summary["name"],
        "counts": summary["counts"],
        "highest": summary["highest"],
    }
