"""JSON Web Signatures over canonical JSON: the form in which agents' cards are signed (A2A 1.0 section 8.4, RFC 7515, RFC 8785).

The payload is not repeated: a verifier makes the canonical form of what it received, without its signatures, and verifies that.
"""

from __future__ import annotations

import base64

from bridle.core.canonical import Json, canonical
from bridle.trust.keys import Signer

ALGORITHM = "EdDSA"  # RFC 8037


def sign_detached(signer: Signer, content: Json) -> dict[str, str]:
    """Return the protected header and the signature, both base64url without padding."""
    protected = encode(canonical({"alg": ALGORITHM, "kid": signer.verifier.keyid, "typ": "JOSE"}))
    signing_input = f"{protected}.{encode(canonical(content))}".encode()
    return {"protected": protected, "signature": encode(signer.sign(signing_input))}


def encode(data: bytes) -> str:
    """Return `data` in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
