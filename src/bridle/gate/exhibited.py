"""What is known about the thing that an action deploys, pushes or changes: the fact `evidence`.

Rules
  1. An action is about the commit that it names, the tree that this commit was made of, and every digest (`sha256:…`, also behind
     `@`) among its arguments.
  2. Only for what lasts (consequential, destructive) is anything looked up: elsewhere the list is empty.
  3. All that was ever said about these digests is told, oldest first, who signed it, and how old it is. What counts is policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import from_iso
from bridle.gate.manifest import Manifest
from bridle.trust.journal import Journal, Kind, Record

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DIGEST = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})")


def find_subjects(arguments: Mapping[str, Json], provenance: Mapping[str, Json] | None) -> list[str]:
    """Return what an action is about, as evidence names it."""
    found = [subject for value in arguments.values() for subject in _digests(value)]
    commit = arguments.get("commit")
    if isinstance(commit, str) and _COMMIT.fullmatch(commit):
        found.append(f"commit:{commit}")
    tree = (provenance or {}).get("tree")
    if isinstance(tree, str) and tree:
        found.append(f"tree:{tree}")
    return sorted(set(found))


def _digests(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        match = _DIGEST.fullmatch(value)
        if match:
            yield match[1]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _digests(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _digests(item)


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
