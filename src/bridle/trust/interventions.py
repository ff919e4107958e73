"""A person's decision about a step that failed, signed by the control plane that took it.

Whoever can write to the store could otherwise decide in somebody's name. The signature covers the execution, the step's path, the
request that is answered, the answer, and who gave it; the engine verifies it before it acts on the answer, and so does the audit.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.keys import Signature, Signer, Verifier

FIELDS = ("request", "answer", "by", "asserted", "comment")


def sign_answer(signer: Signer, body: Mapping[str, Json], *, execution: str, path: str) -> dict[str, Json]:
    """Return the body of an answer's record with its signature; `request` is the id of the request's record."""
    signature = signer.sign_json(_content(body, execution, path))
    return {**body, "signature": {"keyid": signature.keyid, "sig": signature.sig}}


def check_answer(body: Mapping[str, Json], *, execution: str, path: str, control_plane: Verifier) -> None:
    """Raise TrustError unless the control plane signed exactly this answer for this step."""
    signature = body.get("signature")
    if not isinstance(signature, Mapping) or set(body) != {*FIELDS, "signature"}:
        raise TrustError("the answer is not signed", where=path, reason="bad-signature")
    signed = Signature(str(signature.get("keyid")), str(signature.get("sig")))
    control_plane.verify_json(_content(body, execution, path), signed)


def _content(body: Mapping[str, Json], execution: str, path: str) -> dict[str, Json]:
    named = {name: body[name] for name in FIELDS}
    return {"type": "bridle/intervention/1", "execution": execution, "path": path, **named}
