"""Signing keys: two Ed25519 keys, one for the control plane, one for the delegate, each in its own 0600 file.

Rules
  1. A key file that others can read, or that is not a regular file of ours, is refused, never repaired.
  2. Keys are made once, written whole (temporary file, fsync, link), and never overwritten.
  3. A key's id is the first 16 hexadecimal digits of the SHA-256 of its raw public key.
  4. Verification takes the public key from the caller, never from the thing that is verified.
  5. A key that was replaced (trust.rotation) is gone; its public half stays, for what it signed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bridle.core.canonical import Json, canonical
from bridle.core.errors import InputError, TrustError

PUBLIC = "name the public half of an Ed25519 key, such as control-plane.pub"
RESTORE = "restore it from your backup"
OWN = "put the file itself there, not a link or a folder, and have it owned by whoever runs bridle"


@dataclass(frozen=True)
class Signature:
    """An Ed25519 signature in hexadecimal and the id of the key that made it."""

    keyid: str
    sig: str

    def to_json(self) -> dict[str, Json]:
        return {"keyid": self.keyid, "sig": self.sig}

    @classmethod
    def from_json(cls, content: Json) -> Signature:
        """Read what `to_json` wrote; raise TrustError where there is none. Whether it holds is the verifier's to say."""
        if not isinstance(content, Mapping):
            raise TrustError("a signature is missing", reason="bad-signature")
        return cls(str(content.get("keyid")), str(content.get("sig")))


class Verifier:
    """A public key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self.key = key
        self.raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.keyid = hashlib.sha256(self.raw).hexdigest()[:16]

    @classmethod
    def from_hex(cls, text: str) -> Verifier:
        """Read the raw key in hexadecimal; raise InputError when it is none."""
        try:
            return cls.from_raw(bytes.fromhex(text))
        except ValueError as exc:
            hint = "copy the whole of it: 64 digits"
            raise InputError("not an Ed25519 public key in hexadecimal", hint=hint) from exc

    @classmethod
    def from_raw(cls, raw: bytes) -> Verifier:
        """Read the raw key; raise ValueError when it is none."""
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    @classmethod
    def from_pem(cls, pem: bytes, *, where: str = "") -> Verifier:
        """Read a PEM public key; raise InputError when it is none or not Ed25519."""
        try:
            key = serialization.load_pem_public_key(pem)
        except ValueError as exc:
            raise InputError("not a PEM public key", where=where, hint=PUBLIC) from exc
        if not isinstance(key, Ed25519PublicKey):
            raise InputError("not an Ed25519 key", where=where, hint=PUBLIC)
        return cls(key)

    def to_pem(self) -> bytes:
        """Return the key as PEM, the form openssl reads."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, data: bytes, signature: bytes) -> None:
        """Raise TrustError unless `signature` is this key's over `data`."""
        try:
            self.key.verify(signature, data)
        except InvalidSignature as exc:
            raise TrustError(
                f"the signature is not that of key {self.keyid}", reason="bad-signature"
            ) from exc

    def verify_json(self, content: Json, signature: Signature) -> None:
        """Raise TrustError unless `signature` is this key's over the canonical form of `content`."""
        self.verify(*self.read_signed(content, signature))

    def read_signed(self, content: Json, signature: Signature) -> tuple[bytes, bytes]:
        """Return what `verify` takes; raise TrustError for another key's signature, or what is none."""
        if signature.keyid != self.keyid:
            raise TrustError(
                f"signed by key {signature.keyid}, expected {self.keyid}", reason="bad-signature"
            )
        try:
            raw = bytes.fromhex(signature.sig)
        except ValueError as exc:
            raise TrustError("the signature is not hexadecimal", reason="bad-signature") from exc
        return canonical(content), raw


@dataclass(frozen=True)
class Era:
    """A public key and the journal record from which on it is the one that signs."""

    verifier: Verifier
    first: int = 0


class KeyRing:
    """The public keys that the control plane has had, in their order; which rotations made it is for `trust.rotation` to check.

    `compromised` says by a key's id, a delegate's as well, since when what it signs may be somebody else's.
    """

    def __init__(self, eras: Sequence[Era], compromised: Mapping[str, str] | None = None) -> None:
        self.eras = tuple(eras)
        self.compromised = dict(compromised or {})

    @classmethod
    def only(cls, verifier: Verifier) -> KeyRing:
        """A signer that never had another key."""
        return cls((Era(verifier),))

    @property
    def current(self) -> Verifier:
        return self.eras[-1].verifier

    def is_suspect(self, keyid: str, at: str) -> bool:
        """True when a key was in other hands by then."""
        since = self.compromised.get(keyid)
        return since is not None and at >= since

    def era_at(self, seq: int) -> Era:
        """Return the era that the record `seq` lies in."""
        return next((era for era in reversed(self.eras) if seq >= era.first), self.eras[0])

    def at(self, seq: int) -> Verifier:
        """Return the key that signs what the record `seq` says."""
        return self.era_at(seq).verifier

    def before(self, seq: int) -> tuple[Verifier, ...]:
        """Return the keys that signed before the one of the record `seq`."""
        now = self.era_at(seq)
        return tuple(era.verifier for era in self.eras[: self.eras.index(now)])


class Signer:
    """A private key. `keys` are its public key and, where it took over from others, theirs."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = Verifier(key.public_key())
        self.keys = KeyRing.only(self.verifier)

    def sign(self, data: bytes) -> bytes:
        """Return the raw 64-byte signature over `data`."""
        return self._key.sign(data)

    def sign_json(self, content: Json) -> Signature:
        """Sign the canonical form of `content`."""
        return Signature(self.verifier.keyid, self.sign(canonical(content)).hex())

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The key itself, for libraries that sign on their own."""
        return self._key


def make_signer(path: Path) -> Signer:
    """Make a new key at `path`, in place of one that was left there and never used."""
    path.unlink(missing_ok=True)
    return load_signer(path)


def replace_key(path: Path, by: Path) -> None:
    """Put the key at `by` in the place of the one at `path`, whose public half stays beside it under `keys/`, named by its id."""
    public = path.with_suffix(".pub")
    if public.exists():
        old = Verifier.from_pem(public.read_bytes(), where=str(public))
        kept = path.parent / "keys" / f"{path.stem}-{old.keyid}.pub"
        kept.parent.mkdir(exist_ok=True, mode=0o700)
        kept.write_bytes(old.to_pem())
    by.replace(path)
    by.with_suffix(".pub").replace(public)


def load_signer(path: Path) -> Signer:
    """Load the key at `path`, making it first if there is none; the public half lies beside it as `.pub`."""
    if not path.exists():
        _create(path)
    pem = read_private(path)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as exc:
        raise TrustError("not a private key", where=str(path), hint=RESTORE) from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise TrustError("not an Ed25519 private key", where=str(path), hint=RESTORE)
    return Signer(key)


def load_secret(path: Path, *, size_bytes: int = 32) -> bytes:
    """Load the random secret at `path`, making it first if there is none."""
    if not path.exists():
        _write_once(path, os.urandom(size_bytes))
    secret = read_private(path)
    if len(secret) != size_bytes:
        raise TrustError(f"expected {size_bytes} bytes", where=str(path), hint=RESTORE)
    return secret


def read_private(path: Path) -> bytes:
    """Read a file that only its owner, who must be us, may read; raise TrustError otherwise."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as exc:
        raise TrustError(f"cannot read the key: {exc.strerror}", where=str(path), hint=OWN) from exc
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
            raise TrustError("not a file of yours", where=str(path), hint=OWN)
        if info.st_mode & 0o077:
            raise TrustError("others may read this key", where=str(path), hint=f"chmod 600 {path}")
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read()
    finally:
        os.close(fd)


def _create(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_once(path, pem)
    public = path.with_suffix(".pub")
    public.write_bytes(Verifier(key.public_key()).to_pem())


def _write_once(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process made it at the same moment: theirs counts
    finally:
        temporary.unlink()
