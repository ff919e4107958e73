"""Evidence: a signed statement about a change, and one file with which a stranger can check it offline.

    {"format": "bridle/evidence/1",
     "envelope": DSSE around an in-toto Statement v1,
     "records": [{"data": base64 of a record's bytes, "inclusion": [hex, …]}, …],
     "checkpoint": text,
     "keys": {"control_plane": PEM, "delegate": PEM}}

Verification, in this order; each error names the check that failed
  1. form        the file has exactly these fields and one spelling, so it can be read in one way only
  2. keys        the keys in it are the one given, or one that rotations among the records lead to from it, and one that a record
                 gives a delegate; they are never trusted
  3. envelope    the statement is signed with the key that the caller brought from outside the file
  4. statement   it is an in-toto Statement v1 with a predicate known here
  5. checkpoint  the log's head is signed with the same key
  6. inclusion   every record is at its place under that head
  7. trail       decision before intent before outcome, permits, delegates' reports, approvals (trust.trail)
  8. claims      the predicate says what the records bear out (trust.evidence.change, trust.evidence.deployment)

Verified evidence shows that the holder of the key said this and cannot take back one part of it. It does not
show that the log had no other version: for that, compare the checkpoint with one that was kept elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import BridleError, InputError, TrustError
from bridle.trust.audit import reread
from bridle.trust.bodies import read_text
from bridle.trust.encoding import EncodingError, decode_base64, read_fields, read_json
from bridle.trust.evidence.change import CHANGE_V1, check_change
from bridle.trust.evidence.deployment import DEPLOYMENT_V1, check_deployment
from bridle.trust.evidence.envelope import open_envelope, pae, seal_envelope, signature
from bridle.trust.journal import Kind, Record, unseal
from bridle.trust.keys import Signer, Verifier
from bridle.trust.log.checkpoint import Checkpoint, read_checkpoint
from bridle.trust.log.merkle import leaf_hash, verify_inclusion
from bridle.trust.log.tiles import tree_over
from bridle.trust.rotation import is_rotation, read_ring
from bridle.trust.trail import Trail

__all__ = [
    "CHANGE_V1",
    "DEPLOYMENT_V1",
    "EvidenceError",
    "Verified",
    "bundle",
    "issue_statement",
    "pae",
    "signature",
    "verify_bundle",
]

FORMAT = "bridle/evidence/1"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_BYTES = 64 << 20  # far above any change; keeps a hostile file from filling the memory

PREDICATES = {CHANGE_V1: check_change, DEPLOYMENT_V1: check_deployment}

_BUNDLE = frozenset({"format", "envelope", "records", "checkpoint", "keys"})
_RECORD = frozenset({"data", "inclusion"})
_KEYS = frozenset({"control_plane", "delegate"})
_STATEMENT = frozenset({"_type", "subject", "predicateType", "predicate"})
_SUBJECT = frozenset({"name", "digest"})


class EvidenceError(TrustError):
    """The evidence does not prove what it claims. `check` is the name of the first check that failed."""

    default_reason = "bad-evidence"

    def __init__(self, check: str, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(f"{check}: {what}", where=where, hint=hint)
        self.check = check


@dataclass(frozen=True)
class Verified:
    """What the evidence proves. `records` are by the names the predicate gives them, `checks` what was checked,
    `suspect` the ids of records whose key was marked as compromised by then."""

    statement: Mapping[str, Json]
    checkpoint: Checkpoint
    records: Mapping[str, Record]
    permits: int
    reports: int
    checks: tuple[str, ...]
    suspect: tuple[str, ...] = ()


def issue_statement(
    signer: Signer,
    *,
    subjects: Mapping[str, Mapping[str, str]],
    predicate_type: str,
    predicate: Mapping[str, Json],
) -> dict[str, Any]:
    """Sign a statement about `subjects` (name to digests, such as `{"gitCommit": hex}`); return the envelope."""
    if not subjects:
        raise InputError("a statement is about something", hint="name at least one subject")
    statement: dict[str, Json] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": dict(digests)} for name, digests in subjects.items()],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return seal_envelope(signer, statement)


def bundle(
    *,
    envelope: Mapping[str, Json],
    records: Sequence[Record],
    leaves: Sequence[bytes],
    checkpoint: str,
    control_plane: Verifier,
    delegate: Verifier,
) -> bytes:
    """Return the file. `leaves` are the leaf hashes of the whole journal up to the checkpoint's size, no further."""
    tree = tree_over(leaves)
    content: dict[str, Json] = {
        "format": FORMAT,
        "envelope": envelope,
        "records": [
            {
                "data": base64.b64encode(record.data).decode(),
                "inclusion": [step.hex() for step in tree.inclusion(record.seq)],
            }
            for record in sorted(records, key=lambda record: record.seq)
        ],
        "checkpoint": checkpoint,
        "keys": {"control_plane": control_plane.to_pem().decode(), "delegate": delegate.to_pem().decode()},
    }
    return _spell(content)


def verify_bundle(data: bytes, *, key: Verifier, origin: str | None) -> Verified:
    """Check the file against `key`, which must come from elsewhere; raise EvidenceError at the first check that fails."""
    done: list[str] = []
    with _check("form", done):
        parts = _read_form(data)
        records = [_read_record(item) for item in _list(parts["records"], what="records")]
        keys = read_fields(parts["keys"], _KEYS, what="the keys")
    with _check("keys", done):
        ring = read_ring([record for record, _ in records], trusted=key)
        _compare_keys(keys, ring.current, [record for record, _ in records])
    with _check("envelope", done):
        payload = open_envelope(parts["envelope"], key=ring.current)
    with _check("statement", done):
        statement, subjects = _read_statement(payload)
    with _check("checkpoint", done):
        checkpoint = read_checkpoint(str(parts["checkpoint"]), ring.current, origin)
    with _check("inclusion", done):
        _check_inclusion(records, checkpoint)
    trail, ordered = Trail(ring), [record for record, _ in records]
    with _check("trail", done):
        for record in ordered:
            trail.follow(record)
    with _check("claims", done):
        check = PREDICATES[str(statement["predicateType"])]
        named = check(statement["predicate"], subjects=subjects, records=ordered)
    suspect = tuple(trail.signers.suspect)
    return Verified(statement, checkpoint, named, trail.permits, trail.reports, tuple(done), suspect)


@contextmanager
def _check(name: str, done: list[str]) -> Iterator[None]:
    """Give every refusal inside the name of the check; note the check as done when there was none."""
    try:
        yield
    except BridleError as exc:
        raise EvidenceError(name, exc.what, where=exc.where, hint=exc.hint) from exc
    done.append(name)


def _read_form(data: bytes) -> Mapping[str, Json]:
    if len(data) > MAX_BYTES:
        raise EncodingError(f"the file has {len(data)} bytes; {MAX_BYTES} are read at most")
    parts = read_fields(read_json(data, what="the file"), _BUNDLE, what="the file")
    if parts["format"] != FORMAT:
        raise EncodingError(f"the file has the format {parts['format']!r}, expected {FORMAT!r}")
    if _spell(parts) != data:
        raise EncodingError(
            "the file is not in its one spelling", hint="it was written anew: ask for the original"
        )
    return parts


def _spell(parts: Mapping[str, Json]) -> bytes:
    """One value to a line, so that sed, base64 and openssl are enough to read it."""
    return json.dumps(parts, indent=1, ensure_ascii=False).encode() + b"\n"


def _read_record(item: Json) -> tuple[Record, list[bytes]]:
    fields = read_fields(item, _RECORD, what="a record")
    data = decode_base64(fields["data"], what="a record's data")
    record = reread(unseal(data, hashlib.sha256(data).hexdigest()))
    return record, [_read_hash(step) for step in _list(fields["inclusion"], what="an inclusion proof")]


def _read_hash(text: Json) -> bytes:
    try:
        step = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError as exc:
        raise EncodingError("an inclusion proof is not hexadecimal") from exc
    if step.hex() != text:
        raise EncodingError("an inclusion proof is not lower-case hexadecimal")
    return step


def _compare_keys(keys: Mapping[str, Json], key: Verifier, records: Sequence[Record]) -> None:
    if keys["control_plane"] != key.to_pem().decode():
        raise TrustError(
            "the file was not made with the key you gave",
            hint="take the public key from whom you trust, not from here",
        )
    delegates = [record for record in records if record.body.get("kind") == "delegate"]
    registered = [Verifier.from_hex(read_text(record, "public_key")) for record in delegates]
    rotated = [record for record in records if record.kind is Kind.KEY_ROTATED and not is_rotation(record)]
    registered += [Verifier.from_hex(read_text(record, "new")) for record in rotated]
    if keys["delegate"] not in [verifier.to_pem().decode() for verifier in registered]:
        raise TrustError("no record registers the delegate's key")


def _read_statement(payload: bytes) -> tuple[Mapping[str, Json], dict[str, Mapping[str, Json]]]:
    statement = read_fields(read_json(payload, what="the statement"), _STATEMENT, what="the statement")
    if statement["_type"] != STATEMENT_TYPE:
        raise EncodingError(f"it is not an in-toto Statement v1 but {statement['_type']!r}")
    if statement["predicateType"] not in PREDICATES:
        raise EncodingError(f"the predicate {statement['predicateType']!r} is not known here")
    subjects: dict[str, Mapping[str, Json]] = {}
    for item in _list(statement["subject"], what="the subject"):
        subject = read_fields(item, _SUBJECT, what="a subject")
        if not isinstance(subject["digest"], Mapping) or not subject["digest"]:
            raise EncodingError("a subject has no digest")
        subjects[str(subject["name"])] = subject["digest"]
    return statement, subjects


def _check_inclusion(records: Sequence[tuple[Record, list[bytes]]], checkpoint: Checkpoint) -> None:
    before = -1
    for record, proof in records:
        if not isinstance(record.seq, int) or record.seq <= before:
            raise TrustError("the records do not stand in their order", where=record.id)
        before = record.seq
        verify_inclusion(
            leaf_hash(record.data), index=record.seq, size=checkpoint.size, proof=proof, root=checkpoint.root
        )


def _list(value: Json, *, what: str) -> Sequence[Json]:
    if not isinstance(value, list):
        raise EncodingError(f"{what} is not a list")
    return value
