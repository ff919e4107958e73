"""The controls that an execution ran under, as the control plane attests when it begins; a session, when a process serves it.

    {"content": {"type": "bridle/controls/1", "execution", "sandbox", "policy", "limits", "breakers", "settings", "versions"},
     "signature"}

`sandbox` is what the delegate's probe proved (null of a session, whose tools are servers'), `policy` the digest of the sets
that were asked, `limits` and `breakers` are the account's, `settings` what the account is set to where it matters for what
may happen. It is the control plane's word; what a single action was decided on stands in its own decision.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.journal import Entry, Kind, Record
from bridle.trust.keys import Signature, Signer, Verifier

TYPE = "bridle/controls/1"


def attest_controls(signer: Signer, execution: str, controls: Mapping[str, Json]) -> Entry:
    """Return the record of the controls in force."""
    content: dict[str, Json] = {"type": TYPE, "execution": execution, **controls}
    body: dict[str, Json] = {"content": content, "signature": signer.sign_json(content).to_json()}
    return Entry(Kind.CONTROLS_ATTESTED, execution, execution, body)


def check_controls(record: Record, *, control_plane: Verifier) -> None:
    """Raise TrustError unless the control plane signed it, for this execution."""
    content = record.body.get("content")
    if not isinstance(content, Mapping) or content.get("type") != TYPE:
        raise TrustError("it attests no controls")
    control_plane.verify_json(content, Signature.from_json(record.body.get("signature")))
    if content.get("execution") != record.execution:
        raise TrustError("it attests the controls of another execution")
