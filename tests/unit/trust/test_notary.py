"""What a notary signs, and what holds as signed."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import TrustError
from bridle.trust.keys import Signer
from bridle.trust.notary import Form, Notary, Speaker
from bridle.trust.principals import Principal, PrincipalKind
from support.people import PeopleInMemory

FORM = Form("bridle/test/1", "the word", frozenset({"said", "person"}))
CONTROL_PLANE = Signer(Ed25519PrivateKey.generate())
USER = Principal(PrincipalKind.USER, "ops", "user:ops", frozenset(), asserted=True)


@pytest.fixture
def ana():
    return (people := PeopleInMemory()).add("ana"), people


@pytest.fixture
def signed(ana):
    person, people = ana
    notary = Notary(principals=None, people=people, signer=CONTROL_PLANE)
    return notary.sign(FORM, {"said": "yes", "person": person.to_json()}, person)


def test_what_all_signed_holds(signed):
    FORM.check(signed, control_plane=CONTROL_PLANE.verifier)


@pytest.mark.parametrize(
    "change",
    [
        {"said": "no"},
        {"more": 1},
        {"person": "ana"},
        {"signatures": None},
        {"signatures": {}},
    ],
    ids=str,
)
def test_what_is_another_text_or_form_does_not_hold(signed, change):
    with pytest.raises(TrustError):
        FORM.check({**signed, **change}, control_plane=CONTROL_PLANE.verifier)


def test_a_person_who_is_named_has_to_have_signed(signed):
    alone = {"control_plane": signed["signatures"]["control_plane"]}
    with pytest.raises(TrustError):
        FORM.check({**signed, "signatures": alone}, control_plane=CONTROL_PLANE.verifier)


def test_a_person_without_shape_is_nobody_though_the_control_plane_signed(ana):
    notary = Notary(principals=None, people=ana[1], signer=CONTROL_PLANE)
    body = notary.sign(FORM, {"said": "yes", "person": "ana"}, None)
    with pytest.raises(TrustError, match="whose it is"):
        FORM.check(body, control_plane=CONTROL_PLANE.verifier)


def test_a_word_without_a_key_is_refused_where_keys_are_wanted(ana):
    notary = Notary(principals=None, people=ana[1], signer=CONTROL_PLANE, own_keys=True)
    assert notary.find_signer("ana") == ana[0]
    with pytest.raises(TrustError, match="own key"):
        notary.find_signer("ben")


@pytest.mark.parametrize(("called", "asserted"), [("", False), ("boss", True)])
def test_a_name_that_nobody_vouches_for_is_asserted(called, asserted):
    vouched = Principal(PrincipalKind.USER, "ops", "user:ops", frozenset())
    assert Speaker(vouched, called, None).asserted is asserted


def test_a_key_vouches_for_a_name(ana):
    assert not Speaker(USER, "ana", ana[0]).asserted
    assert Speaker(USER, "", None).asserted
