"""Whose word counts, and when there are enough: one rule for gate, desk and audit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridle.core.clock import iso
from bridle.core.errors import TrustError
from bridle.trust.deputies import Deputy
from bridle.trust.people import Person
from bridle.trust.quorum import (
    CONTROL_PLANE,
    DEFAULT_GRACE,
    Behalf,
    Escalation,
    Tally,
    Terms,
    Word,
    find_complaint,
    take_word,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOW + timedelta(days=2)


def person(name, *, groups=(), holds=(), account="", key=""):
    return Person(name, account or name, tuple(groups), tuple(holds), key or f"key of {name}")


def word(who="", verdict="approved", **about):
    """A word of a person with a key, or of the operating system's user when nobody is named."""
    at = about.pop("at", NOW)
    return Word(verdict, "user:root", True, at, person(who, **about) if who else None)


def tally(terms, *words):
    found = Tally()
    for item in words:
        found = take_word(found, item, terms, expires_at=END)
    return found


def complaint(item, terms):
    return find_complaint(item, terms, expires_at=END)


def test_one_word_is_enough_where_nothing_else_is_asked():
    assert tally(Terms(), word()).has_enough(Terms())


def test_two_people_are_two():
    terms = Terms(minimum=2)
    assert not tally(terms, word("ana")).has_enough(terms)
    assert tally(terms, word("ana"), word("ben")).voters == ("person:ana", "person:ben")
    assert tally(terms, word("ana"), word("ben")).has_enough(terms)


@pytest.mark.parametrize(
    "again", [word("ana"), word("ben", key="key of ana"), word("ana", key="another key")]
)
def test_one_person_counts_once_and_so_does_one_key(again):
    with pytest.raises(TrustError) as raised:
        tally(Terms(minimum=2), word("ana"), again)
    assert raised.value.reason == "counted-once"


def test_one_denial_denies_and_nothing_comes_after_it():
    terms = Terms(minimum=2)
    denied = tally(terms, word("ana"), word("ben", "denied"))
    assert (denied.has_enough(terms), denied.denied.voter) == (False, "person:ben")
    with pytest.raises(TrustError, match="decided already"):
        take_word(denied, word("cy"), terms, expires_at=END)


def test_nothing_comes_after_enough():
    with pytest.raises(TrustError, match="decided already"):
        tally(Terms(), word("ana"), word("ben"))


@pytest.mark.parametrize(
    "terms",
    [
        Terms(minimum=2),
        Terms(users=("root",)),
        Terms(groups=("release",)),
        Terms(attributes=("EU-compliance",)),
        Terms(excluded="user:somebody"),
    ],
)
def test_a_name_without_a_key_is_not_enough_where_it_matters_whose_word_it_is(terms):
    assert "a person with a key" in complaint(word(), terms)


def test_users_or_groups_say_who_may():
    terms = Terms(users=("ana",), groups=("release", "ops"))
    assert complaint(word("ana"), terms) == ""
    assert complaint(word("ben", groups=["ops"]), terms) == ""
    assert complaint(word("cy", groups=["dev"]), terms) == (
        "it has to be the user ana or the group release or the group ops"
    )


def test_every_attribute_is_needed_and_what_is_missing_is_named():
    terms = Terms(attributes=("EU-compliance", "on-call"))
    assert complaint(word("ana", holds=["on-call", "EU-compliance"]), terms) == ""
    assert complaint(word("ana", holds=["on-call"]), terms) == "does not hold EU-compliance"


def test_a_group_does_not_stand_for_an_attribute():
    terms = Terms(groups=("release",), attributes=("EU-compliance",))
    assert "EU-compliance" in complaint(word("ana", groups=["release", "EU-compliance"]), terms)


def test_who_started_it_may_not_answer_under_any_name_of_their_account():
    terms = Terms(excluded="user:root")
    assert "who started the execution" in complaint(word("ana", account="root"), terms)
    assert complaint(word("ben"), terms) == ""


@pytest.mark.parametrize("verdict", ["approved", "denied", "revoked"])
def test_nobody_outside_may_say_anything(verdict):
    with pytest.raises(TrustError) as raised:
        tally(Terms(groups=("release",)), word("cy", verdict))
    assert raised.value.reason == "may-not-approve"


@pytest.mark.parametrize("by", ["agent:fixer", "delegate:local", "service:ci"])
def test_what_is_no_person_never_approves(by):
    assert complaint(Word("approved", by, False, NOW), Terms()) == "only a person can approve"


def test_a_word_can_be_taken_back_and_given_again():
    terms = Terms(minimum=2)
    back = tally(terms, word("ana"), word("ben"), word("ana", "revoked"))
    assert (back.voters, back.has_enough(terms)) == (("person:ben",), False)
    assert take_word(back, word("ana"), terms, expires_at=END).has_enough(terms)


def test_a_word_that_was_not_given_cannot_be_taken_back():
    with pytest.raises(TrustError) as raised:
        tally(Terms(minimum=2), word("ana"), word("ben", "revoked"))
    assert raised.value.reason == "nothing-to-revoke"


def test_a_denial_cannot_be_taken_back():
    with pytest.raises(TrustError):
        tally(Terms(minimum=2), word("ana", "denied"), word("ana", "revoked"))


def test_a_verdict_of_another_kind_counts_for_nothing():
    with pytest.raises(TrustError, match="no verdict"):
        tally(Terms(), word("ana", "maybe"))


def default(at, verdict="approved"):
    return Word(verdict, CONTROL_PLANE, False, at)


def test_the_authors_default_holds_when_its_moment_has_come():
    terms = Terms(auto_approve=True)
    assert tally(terms, default(END - DEFAULT_GRACE)).has_enough(terms)


@pytest.mark.parametrize(
    ("terms", "at"),
    [
        (Terms(auto_approve=True), END - DEFAULT_GRACE - timedelta(seconds=1)),
        (Terms(), END),
    ],
)
def test_there_is_no_default_before_its_moment_or_where_nobody_wrote_it(terms, at):
    with pytest.raises(TrustError):
        tally(terms, default(at))


def test_the_control_plane_may_refuse():
    assert tally(Terms(minimum=2), default(NOW, "denied")).denied.voter == CONTROL_PLANE


def test_terms_are_read_back_as_they_were_written():
    terms = Terms(2, ("ana",), ("release",), ("EU",), "user:root", {"why": {"enum": []}}, False, True, "c")
    assert Terms.from_json(terms.to_json()) == terms
    assert Terms.from_json({}) == Terms()


RELEASE = Terms(minimum=2, groups=("release",))


def naming(who, by, **changes):
    """The naming of a deputy, as it was recorded: from an hour ago until tomorrow."""
    begins, ends = iso(NOW - timedelta(hours=1)), iso(NOW + timedelta(days=1))
    told = Deputy("dep_1", person(by), who, f"key of {who}", {"tool": "*"}, "away", begins, ends)
    return replace(told, **changes)


def deputy(who="cy", place_of="ana", *, groups=("release",), starter="user:root", named=None, **about):
    """A word of `who` in the place of a person who is in these groups."""
    behalf = Behalf(person(place_of, groups=groups), named or naming(who, place_of), starter)
    return replace(word(who, **about), behalf=behalf)


def test_a_deputy_has_the_say_of_the_person_and_is_recorded_as_both():
    found = tally(RELEASE, deputy(), word("ben", groups=("release",)))
    assert found.voters == ("person:cy for person:ana", "person:ben")
    assert found.has_enough(RELEASE)


def test_a_deputy_has_no_say_that_the_person_has_not():
    assert "the group release" in complaint(deputy(groups=()), RELEASE)


@pytest.mark.parametrize(
    "second",
    [
        word("ana", groups=("release",)),
        word("cy", groups=("release",)),
        deputy(place_of="ben"),
        deputy("dan"),
    ],
    ids=["the person", "the deputy", "the deputy for another", "another deputy of the person"],
)
def test_nobody_has_a_part_in_two_words(second):
    with pytest.raises(TrustError) as raised:
        tally(RELEASE, deputy(), second)
    assert raised.value.reason == "counted-once"


@pytest.mark.parametrize(
    ("item", "terms", "why"),
    [
        (deputy(), Terms(excluded="user:ana"), "may not answer"),
        (deputy(), Terms(excluded="user:cy"), "may not answer"),
        (deputy(starter="user:cy"), Terms(), "who started it"),
        (deputy(starter=""), Terms(), "who started it"),
        (deputy(named=naming("dan", "ana")), Terms(), "has not named"),
        (deputy(key="another key"), Terms(), "has not named"),
        (deputy(named=naming("cy", "ben")), Terms(), "is another one"),
        (deputy(at=NOW + timedelta(days=1)), Terms(), "at that time"),
        (replace(deputy(), person=None), Terms(), "a person with a key"),
    ],
)
def test_a_deputy_who_does_not_count_is_told_why(item, terms, why):
    assert why in complaint(item, terms)


LATER = NOW + timedelta(hours=4)
ESCALATES = Terms(groups=("release",), escalation=Escalation(4 * 3600, ("dan",), ("heads",)))


@pytest.mark.parametrize("further", [{"groups": ("heads",)}, {"who": "dan"}])
def test_more_people_may_answer_once_an_escalation_has_begun(further):
    item = word(**{"who": "cy", **further, "at": NOW})

    def answered(at):
        return find_complaint(replace(item, at=at), ESCALATES, expires_at=END, escalates_at=LATER)

    assert "the group release" in answered(LATER - timedelta(microseconds=1))
    assert answered(LATER) == ""
    assert "the group release" in find_complaint(replace(item, at=END), ESCALATES, expires_at=END)


def test_an_escalation_narrows_nobody_and_needs_what_was_needed():
    assert complaint_later(word("cy"), replace(ESCALATES, groups=())) == ""
    held = replace(ESCALATES, attributes=("EU-compliance",))
    assert "does not hold" in complaint_later(word("cy", groups=("heads",)), held)
    assert "may not answer" in complaint_later(word("dan"), replace(ESCALATES, excluded="user:dan"))


def complaint_later(item, terms):
    return find_complaint(replace(item, at=LATER), terms, expires_at=END, escalates_at=LATER)


def test_terms_with_an_escalation_are_read_as_they_were_written():
    assert Terms.from_json(ESCALATES.to_json()) == ESCALATES
    assert "escalation" not in Terms().to_json()
