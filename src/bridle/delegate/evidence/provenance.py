"""SLSA provenance v1: an in-toto Statement v1 in a DSSE envelope, whose signature is checked against named keys.

A key is a public key in PEM: Ed25519, ECDSA or RSA (PKCS #1 v1.5), with SHA-256. The `keyid` in an envelope proves nothing and
is not read: each signature is tried with each key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from bridle.core.errors import ExecutionError, InputError
from bridle.delegate.evidence.documents import Reading, must, objects, read_object, text

Keys: TypeAlias = Mapping[str, bytes]
"""Public keys in PEM by the name that they are known by."""

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
MAX_SIGNATURES = 16
MIN_RSA_BITS = 2048


def read_provenance(data: bytes, keys: Keys) -> Reading:
    """Check the signatures, then read who built what from what."""
    envelope = read_object(data)
    must(envelope.get("payloadType") == PAYLOAD_TYPE, f"its payloadType is not {PAYLOAD_TYPE}")
    payload = _decode(envelope.get("payload"), what="the payload")
    signers = find_signers(envelope, payload, keys)
    must(bool(signers), f"no known key signed it; {len(keys)} are known here")
    statement = read_object(payload)
    must(statement.get("_type") == STATEMENT, "it holds no in-toto Statement v1")
    must(statement.get("predicateType") == PROVENANCE, "its predicate is not SLSA provenance v1")
    subjects = list(objects(statement.get("subject"), what="subject"))
    definition = _part(_part(statement, "predicate"), "buildDefinition")
    run = _part(_part(statement, "predicate"), "runDetails")
    builder = text(_part(run, "builder").get("id"))
    must(bool(builder) and bool(text(definition.get("buildType"))), "it does not say who built it, and how")
    materials = list(objects(definition.get("resolvedDependencies"), what="resolvedDependencies"))
    about = frozenset().union(*map(_digests, subjects)) if subjects else frozenset()
    counts = {"subjects": len(subjects), "materials": len(materials)}
    return Reading(builder, counts, about, names_all=True, signers=signers)


def find_signers(envelope: Mapping[str, Any], payload: bytes, keys: Keys) -> tuple[str, ...]:
    """Return the names of the keys that signed the payload, sorted."""
    listed = list(objects(envelope.get("signatures"), what="signatures"))
    must(len(listed) <= MAX_SIGNATURES, "it has too many signatures")
    signed = b"DSSEv1 %d %s %d " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload)) + payload
    signatures = [_decode(item.get("sig"), what="a signature") for item in listed]
    return tuple(
        sorted(
            name for name, pem in keys.items() if any(_is_by(name, pem, signed, one) for one in signatures)
        )
    )


def _is_by(name: str, pem: bytes, data: bytes, signature: bytes) -> bool:
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise InputError(f"the key {name} is no public key in PEM", reason="bad-evidence-key") from error
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise InputError(f"the key {name} is of a kind that is not used here", reason="bad-evidence-key")
    except InvalidSignature:
        return False
    return True


def _digests(subject: dict[str, Any]) -> frozenset[str]:
    digests = _part(subject, "digest")
    named = {"sha256": "sha256:", "gitCommit": "commit:", "sha1": "commit:", "bridleTree": "tree:sha256:"}
    return frozenset(named[kind] + text(value).lower() for kind, value in digests.items() if kind in named)


def _part(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise ExecutionError(f"it has no object {name}")
    return value


def _decode(code: Any, *, what: str) -> bytes:
    spelled = text(code).replace("-", "+").replace("_", "/")  # DSSE allows either alphabet
    try:
        return base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExecutionError(f"{what} is not base64") from error
