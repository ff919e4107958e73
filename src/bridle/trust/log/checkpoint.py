"""Checkpoints: the control plane's signed word about how long the journal is and what its root is.

The text is that of a C2SP tlog checkpoint in a C2SP signed note, so that programs which are not ours can read it:

    origin \\n size \\n base64(root) \\n \\n — origin base64(key hash || Ed25519 signature) \\n

Rules
  1. The signature covers the text up to and including the newline before the empty line.
  2. The key hash is the first four bytes of sha256(name || \\n || 0x01 || key); it only says which key to try.
  3. There is exactly one spelling: a sign, a leading zero, a line too many or base64 with stray bits is refused.
  4. One signature, ours. Cosignatures of witnesses are not read yet, hence refused rather than ignored.

A checkpoint protects from its maker only when a copy is kept where the maker cannot change it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from bridle.core.errors import InputError, TrustError
from bridle.trust.encoding import EncodingError, decode_base64
from bridle.trust.keys import Signer, Verifier
from bridle.trust.log.merkle import HASH_BYTES

_ED25519 = b"\x01"
_ORIGIN = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_FORM = re.compile(
    r"(?P<text>(?P<origin>[^\n]+)\n(?P<size>[^\n]+)\n(?P<root>[^\n]+)\n)\n— (?P<name>[^ \n]+) (?P<code>[^ \n]+)\n"
)


class CheckpointError(TrustError):
    """A text is not a checkpoint that this key signed for this log."""

    default_reason = "bad-checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """How long a log is and what its root is. `origin` names the log."""

    origin: str
    size: int
    root: bytes


def sign_checkpoint(signer: Signer, origin: str, size: int, root: bytes) -> str:
    """Return the signed text; `origin` is the log's name, without white space or plus signs."""
    if not _ORIGIN.fullmatch(origin) or size < 0 or len(root) != HASH_BYTES:
        raise InputError(f"not a log's state: {origin!r}, {size} records, {len(root)} bytes of root")
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    code = key_hash(signer.verifier, origin) + signer.sign(text.encode())
    return f"{text}\n— {origin} {base64.b64encode(code).decode()}\n"


def read_checkpoint(text: str, verifier: Verifier, origin: str | None) -> Checkpoint:
    """Check and read a checkpoint; raise CheckpointError. Without an `origin` any log of this key is accepted."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise CheckpointError(
            "not a signed checkpoint", hint="one has five lines, the fourth empty: it was cut or changed"
        )
    name, where = form["origin"], f"the checkpoint at {form['size'][:20]} records"
    if form["name"] != name or not _ORIGIN.fullmatch(name) or origin not in (None, name):
        other = (
            form["name"] if name == origin else name
        )  # the name stands twice: the one that differs is told
        raise CheckpointError(
            f"the checkpoint is of log {other!a}, expected {origin or form['name']!a}",
            where=where,
            hint="it belongs to another journal: look where it came from",
        )
    code = _decode(form["code"])
    if code[:4] != key_hash(verifier, name):
        raise CheckpointError(
            f"the checkpoint is not signed by key {verifier.keyid}",
            where=where,
            hint="it is of another installation, or was forged: take the public key of whoever keeps this journal (--key)",
        )
    try:
        verifier.verify(form["text"].encode(), code[4:])
    except TrustError as exc:
        raise CheckpointError(
            f"the checkpoint's signature is wrong: {exc.what}",
            where=where,
            hint="it was changed after it was signed: compare with a copy that was kept elsewhere",
        ) from exc
    root = _decode(form["root"])
    if not _SIZE.fullmatch(form["size"]) or len(root) != HASH_BYTES:
        raise CheckpointError("the checkpoint's size or root is misshapen")
    return Checkpoint(name, int(form["size"]), root)


def claimed_size(text: str) -> int:
    """Return how many records a checkpoint says it is of, to know whose key to check it with; raise CheckpointError."""
    form = _FORM.fullmatch(text)
    if form is None or not _SIZE.fullmatch(form["size"]):
        raise CheckpointError(
            "not a signed checkpoint", hint="one has five lines, the fourth empty: it was cut or changed"
        )
    return int(form["size"])


def verifier_key(verifier: Verifier, origin: str) -> str:
    """Return the key as signed-note programs take it: `origin+hex(key hash)+base64(0x01 || key)`."""
    key = base64.b64encode(_ED25519 + verifier.raw).decode()
    return f"{origin}+{key_hash(verifier, origin).hex()}+{key}"


def key_hash(verifier: Verifier, origin: str) -> bytes:
    """Return the four bytes that name a key in a signed note."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + verifier.raw).digest()[:4]


def _decode(code: str) -> bytes:
    try:
        return decode_base64(code, what="the checkpoint's signature or root")
    except EncodingError as exc:
        raise CheckpointError(exc.what) from exc
