"""Rotation: a signer takes another key, and one record says so, signed by the old key and by the new one.

Rules
  1. The statement names the signer, both keys and who wanted it. The old key signs it, so that nobody else names its successor;
     the new one signs it, so that nobody is given a key that is not theirs. The control plane signs every rotation of a delegate.
  2. From the record on the old key signs nothing more: what is recorded behind it with the old key does not verify, and the store
     refuses it before (adapters.sql.journal). What stands before it verifies with the old key for ever.
  3. The keys of a journal are one chain. Whoever trusts one of them can follow it: forwards, because it names its successor, and
     backwards, because the successor says whom it succeeds.
  4. A rotation may mark the old key as compromised since a moment. What it signed from then on still verifies, and is told apart.
  5. A delegate whose old key is lost gets a new one on the control plane's word alone; the control plane's own has no such way.

Trust the newest key that you know. Whoever trusts only a stolen one believes what its thief says, rotations included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.journal import Entry, JournalError, Kind, Record
from bridle.trust.keys import Era, KeyRing, Signature, Signer, Verifier
from bridle.trust.quorum import CONTROL_PLANE

FIELDS = frozenset({"signer", "old", "new", "compromised_since", "by", "comment"})


def key_subject(signer: str) -> str:
    """Return the subject of the records about a signer's keys."""
    return f"key:{signer}"


def rotation_entry(content: Mapping[str, Json], *, signers: Mapping[str, Signer]) -> Entry:
    """Return the record of a rotation; `signers` are `old` (unless it is lost), `new` and, for a delegate, `control_plane`."""
    signatures: dict[str, Json] = {
        name: signer.sign_json(_statement(content)).to_json() for name, signer in signers.items()
    }
    subject = key_subject(str(content["signer"]))
    return Entry(Kind.KEY_ROTATED, "", subject, {**content, "signatures": signatures})


def check_rotation(record: Record, *, control_plane: Verifier | None = None) -> tuple[Verifier, Verifier]:
    """Return the old and the new key of a rotation; raise TrustError unless all who had to have signed it.

    `control_plane` is its key at that record, needed for a delegate's rotation.
    """
    body = record.body
    signatures = body.get("signatures")
    if not isinstance(signatures, Mapping) or set(body) != FIELDS | {"signatures"}:
        raise TrustError("the rotation is not signed", reason="bad-signature")
    if record.subject != key_subject(str(body["signer"])) or record.execution:
        raise TrustError("the rotation is of another signer than it is about", reason="bad-rotation")
    old, new = Verifier.from_hex(str(body["old"])), Verifier.from_hex(str(body["new"]))
    statement = _statement(body)
    new.verify_json(statement, Signature.from_json(signatures.get("new")))
    own = body["signer"] == CONTROL_PLANE
    if own or "old" in signatures:
        old.verify_json(statement, Signature.from_json(signatures.get("old")))
    if not own:
        if control_plane is None:
            raise TrustError("nobody can tell who signed for the delegate", reason="bad-rotation")
        control_plane.verify_json(statement, Signature.from_json(signatures.get("control_plane")))
    return old, new


def is_rotation(record: Record, signer: str = CONTROL_PLANE) -> bool:
    """True for a record that gives this signer another key."""
    return record.kind is Kind.KEY_ROTATED and record.subject == key_subject(signer)


def read_ring(records: Iterable[Record], *, trusted: Verifier) -> KeyRing:
    """Return the control plane's keys by its rotations among `records`; raise JournalError unless `trusted` is one of them and
    each took over from the one before."""
    eras: list[Era] = []
    rotations = sorted(
        (record for record in records if record.kind is Kind.KEY_ROTATED), key=lambda record: record.seq
    )
    for record in filter(is_rotation, rotations):
        where = f"journal record {record.seq} ({record.kind}, {record.id})"
        try:
            old, new = check_rotation(record)
        except TrustError as exc:
            raise JournalError(exc.what, where=where) from exc
        eras = eras or [Era(old)]
        if old.keyid != eras[-1].verifier.keyid:
            raise JournalError("it replaces a key that was not the control plane's then", where=where)
        eras.append(Era(new, record.seq))
    eras = eras or [Era(trusted)]
    if trusted.keyid not in {era.verifier.keyid for era in eras}:
        raise JournalError(
            f"key {trusted.keyid} is none of the control plane's keys here",
            where="the rotations of its keys",
            hint="take the public key from whom you trust; bridle keys list names those of an installation",
        )
    return KeyRing(eras, {_old_keyid(record): since for record in rotations if (since := _since(record))})


def _since(record: Record) -> str:
    return str(record.body.get("compromised_since") or "")


def _old_keyid(record: Record) -> str:
    return Verifier.from_hex(str(record.body["old"])).keyid


def _statement(content: Mapping[str, Json]) -> dict[str, Json]:
    return {"type": "bridle/key-rotation/1", **{name: content[name] for name in sorted(FIELDS)}}
