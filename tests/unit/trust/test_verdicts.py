"""A verdict is what the control plane signed, to the letter."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import TrustError
from bridle.trust.keys import Signer
from bridle.trust.verdicts import FIELDS, check_verdict, sign_verdict

SIGNER = Signer(Ed25519PrivateKey.generate())
BODY = {name: f"the {name}" for name in FIELDS}


def test_a_signed_verdict_is_accepted():
    check_verdict(sign_verdict(SIGNER, BODY), control_plane=SIGNER.verifier)


@pytest.mark.parametrize("field", FIELDS)
def test_a_verdict_that_says_something_else_than_was_signed_is_refused(field):
    with pytest.raises(TrustError):
        check_verdict({**sign_verdict(SIGNER, BODY), field: "x"}, control_plane=SIGNER.verifier)


@pytest.mark.parametrize(
    "change", [{"signature": None}, {"signature": {"keyid": "x", "sig": "zz"}}, {"more": 1}]
)
def test_a_verdict_without_its_signature_or_with_more_in_it_is_refused(change):
    with pytest.raises(TrustError):
        check_verdict({**sign_verdict(SIGNER, BODY), **change}, control_plane=SIGNER.verifier)
