"""Verdicts: a person's word on one request, signed by the control plane that authenticated them.

Whoever can write to the store could otherwise write an approval into it. The signature covers the request's id, the action's
digest, what the word rests on, the verdict, and who gave it; the gate verifies it before an approval is used, and so
does everybody who verifies the journal or a piece of evidence.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.keys import Signature, Signer, Verifier

FIELDS = ("approval", "action", "rests_on", "verdict", "by", "name", "asserted", "comment")


def sign_verdict(signer: Signer, body: Mapping[str, Json]) -> dict[str, Json]:
    """Return the body of a verdict's record with its signature. `rests_on` is a digest."""
    signature = signer.sign_json(_content(body))
    return {**body, "signature": {"keyid": signature.keyid, "sig": signature.sig}}


def check_verdict(body: Mapping[str, Json], *, control_plane: Verifier) -> None:
    """Raise TrustError unless the control plane signed exactly this verdict."""
    signature = body.get("signature")
    if not isinstance(signature, Mapping) or set(body) != {*FIELDS, "signature"}:
        raise TrustError("the verdict is not signed", reason="bad-signature")
    given = Signature(str(signature.get("keyid")), str(signature.get("sig")))
    control_plane.verify_json(_content(body), given)


def _content(body: Mapping[str, Json]) -> dict[str, Json]:
    return {"type": "bridle/verdict/1", **{name: body[name] for name in FIELDS}}
