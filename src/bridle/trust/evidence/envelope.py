"""DSSE envelopes around in-toto statements: made and opened with securesystemslib, one signature, one key.

Rules
  1. What is signed is the pre-authentication encoding of the stored payload bytes, never JSON written again.
  2. An envelope is opened with a key that the caller brings. Its `keyid` only has to agree; it proves nothing.
  3. Exactly one signature: one that is not checked is not carried along.

What a statement says is not looked at here; that is trust.evidence. The library is imported when there is an envelope: it loads
the clients of every key service it knows, and most commands need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bridle.core.canonical import Json, canonical
from bridle.core.errors import TrustError
from bridle.trust.encoding import decode_base64, read_fields
from bridle.trust.keys import Signer, Verifier

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

PAYLOAD_TYPE = "application/vnd.in-toto+json"

_ENVELOPE = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE = frozenset({"keyid", "sig"})


class EnvelopeError(TrustError):
    """An envelope is misshapen, or is not signed by the key it was opened with."""

    default_reason = "bad-envelope"


def seal_envelope(signer: Signer, statement: Mapping[str, Json]) -> dict[str, Any]:
    """Sign the canonical form of `statement` and return the envelope as JSON."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

    envelope = Envelope(canonical(statement), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(signer.private_key, _key(signer.verifier)))
    return envelope.to_dict()


def open_envelope(envelope: Json, *, key: Verifier) -> bytes:
    """Return the payload; raise EnvelopeError unless `key` signed it."""
    from securesystemslib.exceptions import VerificationError

    opened = _read(envelope)
    signer = next(iter(opened.signatures))
    if signer != key.keyid:
        raise EnvelopeError(f"the envelope is signed by key {signer}, expected {key.keyid}")
    try:
        opened.verify([_key(key)], 1)
    except VerificationError as exc:
        raise EnvelopeError(f"the envelope's signature is not that of key {key.keyid}") from exc
    return opened.payload


def pae(envelope: Json) -> bytes:
    """Return the bytes the signature is over, as `openssl pkeyutl -rawin -in` takes them."""
    return _read(envelope).pae()


def signature(envelope: Json) -> bytes:
    """Return the 64 raw bytes of the signature, as `openssl pkeyutl -sigfile` takes them."""
    (found,) = _read(envelope).signatures.values()
    return bytes.fromhex(found.signature)


def _read(envelope: Json) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]

    fields = read_fields(envelope, _ENVELOPE, what="the envelope")
    listed = fields["signatures"]
    if not isinstance(listed, list) or len(listed) != 1:
        raise EnvelopeError("the envelope does not have exactly one signature")
    signed = read_fields(listed[0], _SIGNATURE, what="the envelope's signature")
    if fields["payloadType"] != PAYLOAD_TYPE or not isinstance(signed["keyid"], str):
        raise EnvelopeError("the envelope does not hold a signed in-toto statement")
    keyid, code = signed["keyid"], decode_base64(signed["sig"], what="the envelope's signature")
    payload = decode_base64(fields["payload"], what="the envelope's payload")
    return Envelope(payload, PAYLOAD_TYPE, {keyid: Signature(keyid, code.hex())})


def _key(verifier: Verifier) -> SSlibKey:
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    return SSlibKey.from_crypto(verifier.key, keyid=verifier.keyid)
