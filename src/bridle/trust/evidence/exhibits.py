"""Evidence in the journal: what a file says about a digest, and whose word it is that it says so.

    {"exhibit": {"type", "subject", "file", "summary"}, "signer": "delegate:local", "action": digest, "key": action key}
    {"exhibit": …, "signer": "user:ana", "signature": …}

Rules
  1. What a step handed in rests on the outcome that the delegate signed: it says nothing that the outcome does not say.
  2. What a person handed in is signed by the control plane that took it, with who it was.
  3. What a person handed in and was refused is recorded as well, and is no evidence.
  4. The record's subject is the exhibit's: what is known of a digest is found by it, in whichever execution it was said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import ExecutionError, TrustError
from bridle.trust.journal import Entry, Journal, Kind, Record
from bridle.trust.keys import Signature, Signer, Verifier

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DIGEST = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})")
HANDED_IN = frozenset({"exhibit", "signer", "signature"})


def reported_exhibits(value: Json, *, execution: str, key: str, action: str, delegate: str) -> list[Entry]:
    """Return the records of what a delegate read as evidence."""
    listed = value.get("exhibits") if isinstance(value, Mapping) else None
    return [
        Entry(
            Kind.EVIDENCE_ADDED,
            execution,
            str(as_mapping(exhibit)["subject"]),
            {"exhibit": exhibit, "signer": delegate, "action": action, "key": key},
        )
        for exhibit in (listed if isinstance(listed, (list, tuple)) else ())
    ]


async def hand_in(journal: Journal, exhibit: Mapping[str, Json], *, by: str, signer: Signer) -> Record:
    """Record what a person handed in."""
    return (await journal.append([handed_in(exhibit, by=by, signer=signer)]))[0]


def handed_in(exhibit: Mapping[str, Json], *, by: str, signer: Signer) -> Entry:
    """Return the entry of what a person hands in."""
    signature = signer.sign_json(_content(exhibit, by))
    body: dict[str, Json] = {"exhibit": dict(exhibit), "signer": by, "signature": signature.to_json()}
    return Entry(Kind.EVIDENCE_ADDED, "", str(exhibit["subject"]), body)


async def record_refusal(
    journal: Journal, data: bytes, *, type_: str, subject: str, by: str, error: ExecutionError
) -> Record:
    """Record that somebody handed in what is no evidence, or evidence about something else: which file, and why."""
    file: dict[str, Json] = {
        "name": error.where,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    body: dict[str, Json] = {
        "type": type_,
        "subject": subject,
        "file": file,
        "reason": error.reason,
        "why": error.what,
    }
    return (await journal.append([Entry(Kind.EVIDENCE_REFUSED, "", subject, {**body, "by": by})]))[0]


def find_subjects(arguments: Mapping[str, Json], provenance: Mapping[str, Json] | None) -> list[str]:
    """Return what an action is about, as evidence names it: a commit, its tree, the digests among the arguments."""
    found = [subject for value in arguments.values() for subject in _digests_in(value)]
    commit = arguments.get("commit")
    if isinstance(commit, str) and _COMMIT.fullmatch(commit):
        found.append(f"commit:{commit}")
    tree = (provenance or {}).get("tree")
    if isinstance(tree, str) and tree:
        found.append(f"tree:{tree}")
    return sorted(set(found))


def _digests_in(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        match = _DIGEST.fullmatch(value)
        if match:
            yield match[1]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _digests_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _digests_in(item)


def has_passed(type_: Json, summary: Mapping[str, Json]) -> bool:
    """True when evidence of this type speaks for its subject.

    A test was run and none failed; no finding is above medium; of no vulnerability is it said, or not yet known, that it matters.
    """
    counts = as_mapping(summary["counts"])
    if type_ == "junit":
        ran = int(str(counts.get("tests", 0))) - int(str(counts.get("skipped", 0)))
        return counts.get("failures") == 0 == counts.get("errors") and ran > 0
    if type_ == "openvex":
        return counts.get("affected") == 0 == counts.get("under_investigation")
    if type_ == "sarif" and counts.get("failed_runs") != 0:
        return False
    return summary["highest"] in ("medium", "low", "note", "")


class Course(Protocol):
    """How far the action has come that read the evidence: what it was, who carried it out, what came of it."""

    @property
    def action(self) -> str: ...
    @property
    def delegate(self) -> str: ...
    @property
    def exhibits(self) -> frozenset[str]: ...


def digests_of(value: Json) -> frozenset[str]:
    """Return the digests of the exhibits in an outcome's value."""
    listed = value.get("exhibits") if isinstance(value, Mapping) else None
    return frozenset(digest(item) for item in listed) if isinstance(listed, (list, tuple)) else frozenset()


def check_exhibit(record: Record, course: Course | None, *, control_plane: Verifier) -> None:
    """Raise TrustError unless an outcome said exactly this, or the control plane signed it. `course` is its action's."""
    exhibit = as_mapping(record.body["exhibit"])
    if exhibit["subject"] != record.subject:
        raise TrustError("the evidence is about something else than it is recorded under")
    if "key" not in record.body:
        _check_handed_in(record, control_plane)
        return
    if course is None or course.action != record.body["action"] or digest(exhibit) not in course.exhibits:
        raise TrustError("no outcome before it says what the evidence says")
    if record.body["signer"] != course.delegate:
        raise TrustError("another delegate reported the evidence")


def _check_handed_in(record: Record, control_plane: Verifier) -> None:
    if set(record.body) != HANDED_IN:
        raise TrustError("the evidence is not signed", reason="bad-signature")
    content = _content(as_mapping(record.body["exhibit"]), str(record.body["signer"]))
    control_plane.verify_json(content, Signature.from_json(record.body["signature"]))


def _content(exhibit: Mapping[str, Json], by: str) -> dict[str, Json]:
    return {"type": "bridle/exhibit/1", "exhibit": dict(exhibit), "signer": by}
