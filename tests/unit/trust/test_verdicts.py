"""A verdict is what the control plane signed, to the letter, and the person it names with it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import InputError, TrustError
from bridle.trust.keys import Signer
from bridle.trust.people import Person
from bridle.trust.verdicts import FIELDS, FIRST_FIELDS, OWN, check_verdict, own_words, sign_verdict

SIGNER = Signer(Ed25519PrivateKey.generate())
ANAS, BENS = (Signer(Ed25519PrivateKey.generate()) for _ in range(2))
ANA = Person("ana", "ana", ("release",), (), ANAS.verifier.raw.hex())
BODY = {**{name: f"the {name}" for name in FIELDS}, "person": None}
FIRST = {name: f"the {name}" for name in FIRST_FIELDS}


def check(body):
    check_verdict(body, control_plane=SIGNER.verifier)


def by_ana(signer=ANAS, **changes):
    """A verdict that Ana's key has signed, then changed, then signed by the control plane."""
    signature = signer.sign_json(own_words(BODY, ANA))
    person = {**ANA.to_json(), "signature": {"keyid": signature.keyid, "sig": signature.sig}}
    return sign_verdict(SIGNER, {**BODY, "person": person, **changes})


@pytest.mark.parametrize("body", [BODY, FIRST], ids=["now", "the first form"])
def test_a_signed_verdict_is_accepted(body):
    check(sign_verdict(SIGNER, body))


@pytest.mark.parametrize("field", FIELDS)
def test_a_verdict_that_says_something_else_than_was_signed_is_refused(field):
    with pytest.raises(TrustError):
        check({**sign_verdict(SIGNER, BODY), field: "x"})


@pytest.mark.parametrize(
    "change", [{"signature": None}, {"signature": {"keyid": "x", "sig": "zz"}}, {"more": 1}]
)
def test_a_verdict_without_its_signature_or_with_more_in_it_is_refused(change):
    with pytest.raises(TrustError):
        check({**sign_verdict(SIGNER, BODY), **change})


def test_a_verdict_with_the_persons_own_signature_is_accepted():
    check(by_ana())


@pytest.mark.parametrize("field", OWN)
def test_what_the_person_did_not_sign_is_refused_even_when_the_control_plane_signs_it(field):
    with pytest.raises(TrustError):
        check(by_ana(**{field: "x"}))


def test_a_person_whose_key_did_not_sign_is_refused():
    with pytest.raises(TrustError):
        check(by_ana(BENS))


@pytest.mark.parametrize("person", ["ana", {"name": "ana"}, {**ANA.to_json(), "signature": None}])
def test_a_person_without_a_signature_is_refused(person):
    with pytest.raises(TrustError):
        check(sign_verdict(SIGNER, {**BODY, "person": person}))


@pytest.mark.parametrize("key", [ANA.key.upper(), "no key"], ids=["upper case", "none"])
def test_a_key_that_is_none_or_has_another_spelling_is_refused(key):
    person = Person(ANA.name, ANA.account, (), (), key)
    signature = ANAS.sign_json(own_words(BODY, person))
    content = {**person.to_json(), "signature": {"keyid": signature.keyid, "sig": signature.sig}}
    with pytest.raises((TrustError, InputError)):
        check(sign_verdict(SIGNER, {**BODY, "person": content}))
