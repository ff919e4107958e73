"""Changes of principals in the trail: signed ones are accepted, forged ones and ways round them are not."""

from dataclasses import replace

import pytest

from bridle.core.canonical import digest
from bridle.trust.journal import JournalError, Kind
from bridle.trust.keys import KeyRing
from bridle.trust.notary import Notary
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind
from bridle.trust.registry import FORM
from bridle.trust.trail import Trail
from support.people import PeopleInMemory
from unit.trust.story import CONTROL_PLANE, STRANGER, Story

AGENT = Principal(PrincipalKind.AGENT, "fixer", "user:ana", frozenset({"file:read"}), digest="sha256:1")
SUSPENDED = replace(AGENT, state=Lifecycle.SUSPENDED)


@pytest.fixture
def people():
    people = PeopleInMemory()
    people.add("ana")
    return people


def register(story, principal):
    return story.write(Kind.PRINCIPAL_REGISTERED, principal.id, principal.to_json(), execution="")


def change(story, before, after, people, *, signer=CONTROL_PLANE, **differing):
    person = people.find("ana")
    body = {
        "change": "suspend",
        "before": digest(before.to_json()),
        "principal": after.to_json(),
        "key": None,
        "by": "user:ana",
        "name": "ana",
        "asserted": False,
        "comment": "",
        "person": person.to_json(),
    }
    notary = Notary(principals=None, people=people, signer=signer)
    signed = {**notary.sign(FORM, body, person), **differing}
    return story.write(Kind.PRINCIPAL_CHANGED, after.id, signed, execution="")


def follow(story):
    trail = Trail(KeyRing.only(CONTROL_PLANE.verifier))
    for record in story.records:
        trail.follow(record)


def test_a_signed_suspension_and_its_end_hold(people):
    story = Story()
    register(story, AGENT)
    change(story, AGENT, SUSPENDED, people)
    register(story, replace(SUSPENDED, permissions=frozenset()))
    change(story, SUSPENDED, AGENT, people)
    register(story, AGENT)
    follow(story)


@pytest.mark.parametrize("state", [Lifecycle.ACTIVE, Lifecycle.DRAFT, Lifecycle.APPROVED])
def test_a_registration_that_brings_a_suspended_agent_back_is_named(people, state):
    story = Story()
    change(story, AGENT, SUSPENDED, people)
    register(story, replace(AGENT, state=state, digest="sha256:2"))
    with pytest.raises(JournalError, match="it was suspended, and nobody changed that"):
        follow(story)


def test_a_change_that_the_control_plane_did_not_sign_is_named(people):
    story = Story()
    change(story, SUSPENDED, AGENT, people, signer=STRANGER)
    with pytest.raises(JournalError):
        follow(story)


@pytest.mark.parametrize(
    "differing",
    [{"comment": "other"}, {"by": "user:ben"}, {"principal": AGENT.to_json()}, {"signatures": {}}, {"x": 1}],
)
def test_a_change_that_says_something_else_than_was_signed_is_named(people, differing):
    story = Story()
    change(story, AGENT, SUSPENDED, people, **differing)
    with pytest.raises(JournalError):
        follow(story)


def test_a_person_who_is_named_has_to_have_signed(people):
    story = Story()
    record = change(story, AGENT, SUSPENDED, people)
    signatures = {name: sig for name, sig in record.body["signatures"].items() if name != "person"}
    story.records.clear()
    change(story, AGENT, SUSPENDED, people, signatures=signatures)
    with pytest.raises(JournalError, match="a signature is missing"):
        follow(story)
