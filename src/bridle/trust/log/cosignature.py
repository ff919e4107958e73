"""Cosignatures: a witness's signed word that it saw a checkpoint and that it continues the one it saw before.

The form is C2SP tlog-cosignature, Ed25519 (https://c2sp.org/tlog-cosignature), so that others' witnesses and ours are read alike:

    — witness base64(key hash || seconds since 1970, 8 bytes || signature)

over `cosignature/v1\\ntime SECONDS\\n` and the checkpoint.

Rules
  1. What is signed is the checkpoint's text up to the empty line, as the log signed it, with the time before it.
  2. The key hash is the first four bytes of sha256(name || \\n || 0x04 || key).
  3. A cosigned checkpoint is the checkpoint as it was, with a line for each witness behind the log's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridle.core.errors import InputError, TrustError
from bridle.trust.encoding import EncodingError, decode_base64
from bridle.trust.keys import Signer, Verifier
from bridle.trust.log.checkpoint import CheckpointError

_COSIGNATURE = b"\x04"
_BYTES = 4 + 8 + 64
_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile(r"— (?P<name>[^ \n]+) (?P<code>[^ \n]+)")
MOST_LINES = 32


@dataclass(frozen=True)
class Witness:
    """Whose cosignatures are believed: a name and a key, from whom you trust."""

    name: str
    key: Verifier

    def to_text(self) -> str:
        """Return the key as signed-note programs take it: `name+hex(key hash)+base64(0x04 || key)`."""
        return f"{self.name}+{self._hash.hex()}+{base64.b64encode(_COSIGNATURE + self.key.raw).decode()}"

    @classmethod
    def from_text(cls, text: str, *, where: str = "") -> Witness:
        """Read what `to_text` wrote; raise InputError when it is none."""
        name, _, rest = text.strip().partition("+")
        code, _, key = rest.partition("+")
        try:
            raw = decode_base64(key, what="the key")
            found = cls(name, Verifier(Ed25519PublicKey.from_public_bytes(raw[1:])))
        except (EncodingError, ValueError) as exc:
            raise _no_witness(where) from exc
        if raw[:1] != _COSIGNATURE or not _NAME.fullmatch(name) or code != found._hash.hex():
            raise _no_witness(where)
        return found

    @property
    def _hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.key.raw).digest()[:4]


def cosign(signer: Signer, name: str, checkpoint: str, *, at: datetime) -> str:
    """Return the checkpoint with the witness's line behind it. Whether it deserves that is the caller's to check."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be a witness's name", hint="no white space and no plus sign")
    witness, seconds = Witness(name, signer.verifier), int(at.timestamp())
    code = witness._hash + seconds.to_bytes(8, "big") + signer.sign(_signed(checkpoint, seconds))
    return f"{checkpoint}— {name} {base64.b64encode(code).decode()}\n"


def split_cosigned(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the checkpoint with the log's own line, and the lines behind it; raise CheckpointError."""
    head, found, rest = text.partition("\n\n")
    lines = rest.removesuffix("\n").split("\n")
    if not found or not rest.endswith("\n") or len(lines) > MOST_LINES:
        raise CheckpointError("not a signed checkpoint", hint="an empty line stands before the signatures")
    return f"{head}\n\n{lines[0]}\n", tuple(lines[1:])


def check_cosigned(text: str, witness: Witness) -> tuple[str, datetime]:
    """Return the checkpoint and when the witness saw it; raise CheckpointError unless it has cosigned exactly this one."""
    checkpoint, lines = split_cosigned(text)
    for line in lines:
        form = _LINE.fullmatch(line)
        if form is None:
            raise CheckpointError("a line behind the checkpoint is no signature")
        if form["name"] != witness.name:
            continue
        seconds = _check(form["code"], witness, checkpoint)
        return checkpoint, datetime.fromtimestamp(seconds, UTC)
    raise CheckpointError(f"the witness {witness.name} has not cosigned the checkpoint")


def _check(code: str, witness: Witness, checkpoint: str) -> int:
    try:
        data = decode_base64(code, what="the cosignature")
    except EncodingError as exc:
        raise CheckpointError(exc.what) from exc
    if len(data) != _BYTES or data[:4] != witness._hash:
        raise CheckpointError(f"the cosignature is not by the key of {witness.name}")
    seconds = int.from_bytes(data[4:12], "big")
    try:
        witness.key.verify(_signed(checkpoint, seconds), data[12:])
    except TrustError as exc:
        raise CheckpointError(f"the cosignature of {witness.name} is wrong") from exc
    if seconds > LATEST:
        raise CheckpointError(f"the cosignature of {witness.name} is of no time")
    return seconds


LATEST = 253_402_300_799  # the last second that a date has


def _signed(checkpoint: str, seconds: int) -> bytes:
    body = checkpoint.partition("\n\n")[0] + "\n"
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


def _no_witness(where: str) -> InputError:
    return InputError(
        "not a witness's key", where=where, hint="the witness wrote it: NAME+HASH+KEY", reason="bad-witness"
    )
