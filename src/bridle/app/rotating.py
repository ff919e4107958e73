"""Gives the control plane or the delegate another key.

Rules
  1. The new key lies beside the old one (`…-next.key`) before the record is written; the record is what makes it count.
  2. When the record is there the files change places. A process that dies in between leaves that to the next one.
  3. The old private key is gone then, and its public half stays under `keys/`.
  4. A key that the journal or the registry knows is never made anew where its file is gone: nothing of what is there is touched.
  5. Whatever still runs with the old key appends nothing more (adapters.sql.journal), and its delegate is given nothing more
     to do (gate.standing): it has to be started again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.rotations import RotateSigner, load_rotations, load_signer_id
from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.delegate.app import NAME as DELEGATE
from bridle.trust.journal import Entry, Guard, Journal, Kind, Record
from bridle.trust.keys import Signer, Verifier, load_signer, make_signer, replace_key
from bridle.trust.principals import Principal, RegisterPrincipal
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.rotation import is_rotation, read_ring, rotation_entry

LOST = (
    "restore it, or bridle keys rotate delegate --lost: then the control plane alone vouches for the new one"
)
FILES = {CONTROL_PLANE: "control-plane.key", DELEGATE: "delegate.key"}


@dataclass(frozen=True)
class Rotation:
    """What is wanted: by whom, why, and since when (a moment, or empty) the old key is in other hands. `lost` is a delegate's."""

    by: str
    comment: str = ""
    compromised_since: str = ""
    lost: bool = False


async def rotate_control_plane(
    journal: Journal, signer: Signer, wanted: Rotation, *, folder: Path
) -> Verifier:
    """Record the rotation and put the new key in place; return its public half."""
    path = folder / FILES[CONTROL_PLANE]
    new = make_signer(_next(path))
    content = _content(CONTROL_PLANE, wanted, signer.verifier, new.verifier)
    entry = rotation_entry(content, signers={"old": signer, "new": new})
    await journal.append([entry], [RotateSigner(signer.verifier.keyid, new.verifier.keyid)])
    replace_key(path, _next(path))
    return new.verifier


async def rotate_delegate(
    journal: Journal, signer: Signer, known: Principal, wanted: Rotation, *, folder: Path
) -> Verifier:
    """Record the rotation with the delegate as it is from now on, and put the new key in place; return its public half."""
    path = folder / FILES[known.id]
    old = Verifier.from_hex(known.public_key)
    signers = {"control_plane": signer, "new": make_signer(_next(path))}
    if not wanted.lost:
        signers["old"] = load_signer(path)
        _check_is(signers["old"], known)
    new = signers["new"].verifier
    entry = rotation_entry(_content(known.id, wanted, old, new), signers=signers)
    changed = replace(known, public_key=new.raw.hex())
    registered = Entry(Kind.PRINCIPAL_REGISTERED, "", known.id, changed.to_json())
    guards: list[Guard] = [RegisterPrincipal(changed, known)]
    await journal.append([entry, registered], guards)
    replace_key(path, _next(path))
    return new


def open_control_plane_key(folder: Path, database: Database) -> Signer:
    """Return the signer of this journal; raise TrustError where its key is gone."""
    path = folder / FILES[CONTROL_PLANE]
    if not path.exists() and (keyid := load_signer_id(database)):
        raise _gone(path, keyid, hint="restore it from your backup; nobody else can add to this journal")
    return finish_rotation(path, load_signer(path), load_rotations(database, FILES))


def finish_rotation(path: Path, signer: Signer, rotations: Sequence[Record]) -> Signer:
    """Return the control plane's signer with the keys it took over from; finish a rotation whose files had not changed places."""
    own = [record for record in rotations if is_rotation(record)]
    if own:
        signer = _take_over(path, signer, str(own[-1].body["new"]))
    signer.keys = read_ring(rotations, trusted=signer.verifier)
    return signer


def open_delegate_key(folder: Path, known: Principal | None) -> Signer:
    """Return the signer of the delegate `known`, None before its first use; raise TrustError when it has another key."""
    path = folder / FILES[DELEGATE]
    if known is None:
        return load_signer(path)
    if not path.exists():
        raise _gone(path, Verifier.from_hex(known.public_key).keyid, hint=LOST)
    signer = _take_over(path, load_signer(path), known.public_key)
    _check_is(signer, known)
    return signer


def _take_over(path: Path, signer: Signer, recorded: str) -> Signer:
    """Put the key that waits into place when it is the one that was recorded."""
    if recorded == signer.verifier.raw.hex() or not _next(path).exists():
        return signer
    waiting = load_signer(_next(path))
    if waiting.verifier.raw.hex() != recorded:
        return signer
    replace_key(path, _next(path))
    return waiting


def _check_is(signer: Signer, known: Principal) -> None:
    if signer.verifier.raw.hex() != known.public_key:
        raise TrustError(
            f"{FILES[known.id]} is key {signer.verifier.keyid}, which is not the one that {known.id} is registered with",
            hint=LOST,
            reason="other-key",
        )


def _gone(path: Path, keyid: str, *, hint: str) -> TrustError:
    return TrustError(
        f"key {keyid} of this store is not there", where=str(path), hint=hint, reason="key-gone"
    )


def _next(path: Path) -> Path:
    return path.with_name(f"{path.stem}-next.key")


def _content(signer: str, wanted: Rotation, old: Verifier, new: Verifier) -> dict[str, Json]:
    return {
        "signer": signer,
        "old": old.raw.hex(),
        "new": new.raw.hex(),
        "compromised_since": wanted.compromised_since,
        "by": wanted.by,
        "comment": wanted.comment,
    }
