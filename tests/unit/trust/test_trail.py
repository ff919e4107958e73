"""The trail: the story as it should go is accepted, and every way of telling it out of turn is not."""

from __future__ import annotations

import pytest

from bridle.dispatch.protocol import Request
from bridle.trust.journal import JournalError, Kind
from bridle.trust.keys import KeyRing
from bridle.trust.quorum import Terms
from bridle.trust.trail import Trail
from unit.trust.story import (
    COMMIT,
    COMMITTED,
    CONTROL_PLANE,
    DELEGATE,
    EXECUTION,
    PUSHED,
    REPORT,
    STRANGER,
    TESTS,
    TWO,
    Story,
    request,
    tell,
    tell_of_two,
)


def follow(story: Story) -> Trail:
    trail = Trail(KeyRing.only(CONTROL_PLANE.verifier))
    for record in story.records:
        trail.follow(record)
    return trail


def asked() -> Story:
    story = Story()
    story.register()
    story.decide(PUSHED, "ask")
    story.ask(PUSHED)
    return story


def test_the_story_as_it_should_go_holds() -> None:
    trail = follow(tell())
    assert (trail.permits, trail.reports, trail.open_intents) == (3, 3, [])


def test_an_intent_without_an_outcome_is_named() -> None:
    story = Story()
    story.decide(TESTS)
    story.intend(TESTS)
    assert follow(story).open_intents == [TESTS.key]


@pytest.mark.parametrize("status", ["unknown", "failed"])
def test_the_control_plane_may_say_that_nothing_is_known(status) -> None:
    story = Story()
    story.decide(TESTS)
    story.intend(TESTS)
    story.conclude(TESTS, status)
    assert follow(story).reports == 0


def undecided(story: Story) -> None:
    story.intend(TESTS)


def denied(story: Story) -> None:
    story.decide(TESTS, "deny")
    story.intend(TESTS)


def asked_only(story: Story) -> None:
    story.decide(TESTS, "ask")
    story.intend(TESTS)


def permit_of_a_stranger(story: Story) -> None:
    story.permit_by = STRANGER
    story.decide(TESTS)
    story.intend(TESTS)


def permit_for_another_action(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS, signed_for=PUSHED)


def permit_of_another_policy(story: Story) -> None:
    story.decide(TESTS, policy="sha256:" + "00" * 32)
    story.intend(TESTS)


def two_intents(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS)
    story.intend(TESTS)


def decided_after_the_intent(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS)
    story.decide(TESTS)


def another_action_under_the_key(story: Story) -> None:
    story.decide(TESTS, "ask")
    story.decide(request(0, "git.push"))


def outcome_without_intent(story: Story) -> None:
    story.decide(TESTS)
    story.end(TESTS, REPORT)


def two_outcomes(story: Story) -> None:
    story.do(TESTS, REPORT)
    story.end(TESTS, REPORT)


def report_of_a_stranger(story: Story) -> None:
    story.report_by = STRANGER
    story.do(TESTS, REPORT)


def report_of_the_control_plane(story: Story) -> None:
    story.report_by = CONTROL_PLANE
    story.do(TESTS, REPORT)


def value_that_was_not_reported(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS)
    story.end(TESTS, {"tests": 278, "errors": 45}, claimed=REPORT)


def success_that_nobody_reported(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS)
    story.conclude(TESTS, "succeeded")


def another_tool_than_decided(story: Story) -> None:
    story.decide(TESTS)
    other = request(0, "git.push")
    story.write(Kind.INTENDED, TESTS.key, {**story.intend(TESTS).body, "tool": other.tool})


def request_that_is_not_the_action(story: Story) -> None:
    body = dict(story.decide(TESTS).body)
    story.records.pop()
    story.write(
        Kind.DECIDED, TESTS.key, {**body, "request": {**body["request"], "arguments": {"script": "rm"}}}
    )


MOVED = request(3, "case.move", case="cas_1", to="review")


def change_case(story: Story, revision: int, *, kind: Kind = Kind.CASE_CHANGED, of: Request = MOVED) -> None:
    body = {
        "of": {"execution": EXECUTION, "key": of.key},
        "action": of.digest,
        "case": {"revision": revision},
    }
    story.write(kind, "cas_1", body, execution="cas_1")


def case_that_nobody_changed(story: Story) -> None:
    change_case(story, 1, kind=Kind.CASE_OPENED)


def case_changed_by_another_tool(story: Story) -> None:
    story.decide(TESTS)
    story.intend(TESTS)
    change_case(story, 1, kind=Kind.CASE_OPENED, of=TESTS)


def case_changed_twice_at_once(story: Story) -> None:
    story.decide(MOVED)
    story.intend(MOVED)
    change_case(story, 1, kind=Kind.CASE_OPENED)
    change_case(story, 3)


def case_changed_that_nobody_opened(story: Story) -> None:
    story.decide(MOVED)
    story.intend(MOVED)
    change_case(story, 1)


def body_without_its_fields(story: Story) -> None:
    story.write(Kind.DECIDED, TESTS.key, {})


@pytest.mark.parametrize(
    ("tell_wrong", "words"),
    [
        (undecided, "not decided before"),
        (denied, "no decision allows it"),
        (asked_only, "no decision allows it"),
        (permit_of_a_stranger, "expected " + CONTROL_PLANE.verifier.keyid),
        (permit_for_another_action, "permit is for something else"),
        (permit_of_another_policy, "permit is for something else"),
        (two_intents, "no decision allows it"),
        (decided_after_the_intent, "begun already"),
        (another_action_under_the_key, "another action before"),
        (outcome_without_intent, "nothing was intended"),
        (two_outcomes, "second outcome"),
        (report_of_a_stranger, "expected " + DELEGATE.verifier.keyid),
        (report_of_the_control_plane, "expected " + DELEGATE.verifier.keyid),
        (case_that_nobody_changed, "no action that was begun"),
        (case_changed_by_another_tool, "no action that was begun"),
        (case_changed_twice_at_once, "a change before it is missing"),
        (case_changed_that_nobody_opened, "a change before it is missing"),
        (value_that_was_not_reported, "not say what the delegate reported: value"),
        (success_that_nobody_reported, "no delegate reported it"),
        (another_tool_than_decided, "another tool"),
        (request_that_is_not_the_action, "not the action that was decided"),
        (body_without_its_fields, "has no object"),
    ],
)
def test_a_story_told_wrong_is_refused_at_the_record(tell_wrong, words) -> None:
    story = Story()
    story.register()
    tell_wrong(story)
    with pytest.raises(JournalError, match=words) as caught:
        follow(story)
    assert caught.value.where.startswith(f"journal record {len(story.records) - 1} ")


def test_a_delegate_that_was_not_registered_cannot_report() -> None:
    story = Story()
    story.do(TESTS, REPORT)
    with pytest.raises(JournalError, match="was not registered"):
        follow(story)


def test_an_approval_cannot_be_used_twice() -> None:
    story = asked()
    story.answer(PUSHED)
    for call in (2, 7):
        again = request(call, "git.push", **PUSHED.arguments)
        story.decide(again, approval="apr_1")
        story.intend(again)
    with pytest.raises(JournalError, match="does not approve it"):
        follow(story)


def test_an_approval_of_one_action_under_one_key_serves_one_intent() -> None:
    story = asked()
    story.answer(PUSHED)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    elsewhere = story.records[-2].body, story.records[-1].body
    story.write(Kind.DECIDED, PUSHED.key, elsewhere[0], execution="exe_2")
    story.write(Kind.INTENDED, PUSHED.key, elsewhere[1], execution="exe_2")
    with pytest.raises(JournalError, match="used before"):
        follow(story)


@pytest.mark.parametrize("verdict", ["denied", ""])
def test_only_an_approval_approves(verdict) -> None:
    story = asked()
    if verdict:
        story.answer(PUSHED, verdict)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    with pytest.raises(JournalError, match="does not approve it"):
        follow(story)


def test_an_approval_of_another_action_does_not_serve() -> None:
    story = asked()
    story.answer(PUSHED)
    story.decide(COMMITTED, approval="apr_1")
    story.intend(COMMITTED)
    with pytest.raises(JournalError, match="does not approve it"):
        follow(story)


def test_a_verdict_that_comes_too_late_is_refused() -> None:
    story = Story()
    story.decide(PUSHED, "ask")
    story.ask(PUSHED, ttl_s=-60)
    story.answer(PUSHED)
    with pytest.raises(JournalError, match="had expired"):
        follow(story)


def test_a_time_that_is_none_is_refused() -> None:
    story = Story()
    story.decide(PUSHED, "ask")
    story.write(
        Kind.APPROVAL_REQUESTED,
        "apr_1",
        {"action": PUSHED.digest, "rests_on": {}, "expires_at": "2026-01-01"},
    )
    story.answer(PUSHED)
    with pytest.raises(JournalError, match="misshapen"):
        follow(story)


def test_a_second_verdict_is_refused() -> None:
    story = asked()
    story.answer(PUSHED, "denied")
    story.answer(PUSHED)
    with pytest.raises(JournalError, match="decided already"):
        follow(story)


def test_a_verdict_that_nobody_asked_for_is_refused() -> None:
    story = Story()
    story.answer(PUSHED)
    with pytest.raises(JournalError, match="nobody asked"):
        follow(story)


def test_a_request_where_no_decision_asks_is_refused() -> None:
    story = Story()
    story.decide(request(2, "git.push", commit=COMMIT))
    story.ask(PUSHED)
    with pytest.raises(JournalError, match="no decision asks"):
        follow(story)


def test_a_push_that_two_people_of_the_group_approved_holds() -> None:
    assert follow(tell_of_two()).open_intents == []


@pytest.mark.parametrize("names", [(), ("ben",)])
def test_an_approval_that_was_used_without_its_quorum_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(JournalError, match="apr_1 does not approve it"):
        follow(tell_of_two(names))


def test_one_person_does_not_make_two() -> None:
    with pytest.raises(JournalError, match="has approved it already"):
        follow(tell_of_two(("ben", "ben")))


def test_a_person_outside_the_group_makes_no_quorum() -> None:
    with pytest.raises(JournalError, match="the group boss"):
        follow(tell_of_two(terms=Terms(minimum=2, groups=("boss",))))


def of_two() -> Story:
    story = Story()
    story.decide(PUSHED, "ask")
    story.ask(PUSHED, terms=TWO)
    return story


def test_a_word_without_a_key_makes_no_quorum() -> None:
    story = of_two()
    story.say(PUSHED, TWO)
    with pytest.raises(JournalError, match="a person with a key"):
        follow(story)


def test_a_verdict_on_other_terms_than_were_asked_is_refused() -> None:
    story = of_two()
    story.say(PUSHED, Terms(groups=("release",)), "ben")
    with pytest.raises(JournalError, match="answers another request"):
        follow(story)


def test_a_verdict_of_the_first_form_answers_no_request_with_terms() -> None:
    story = of_two()
    story.answer(PUSHED)
    with pytest.raises(JournalError, match="answers another request"):
        follow(story)


def test_a_word_that_was_taken_back_makes_no_quorum() -> None:
    story = of_two()
    for name, verdict in (("ben", "approved"), ("cy", "approved"), ("ben", "revoked")):
        story.say(PUSHED, TWO, name, verdict)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    with pytest.raises(JournalError, match="does not approve it"):
        follow(story)


def test_a_word_taken_back_after_it_was_used_is_refused() -> None:
    story = tell_of_two()
    story.say(PUSHED, TWO, "ben", "revoked")
    with pytest.raises(JournalError, match="used before"):
        follow(story)


GO_ON = request(3, "pipeline.continue", step="a/ask")


def going_on(terms: Terms) -> Story:
    story = Story()
    story.decide(GO_ON, "ask")
    story.ask(GO_ON, terms=terms)
    return story


def test_going_on_uses_its_approval_up() -> None:
    story = going_on(Terms())
    story.say(GO_ON, Terms())
    story.decide(GO_ON, approval="apr_1")
    follow(story)
    story.decide(GO_ON, approval="apr_1")
    with pytest.raises(JournalError, match="used before"):
        follow(story)


def test_going_on_without_the_quorum_is_refused() -> None:
    story = going_on(TWO)
    story.say(GO_ON, TWO, "ben")
    story.decide(GO_ON, approval="apr_1")
    with pytest.raises(JournalError, match="does not approve it"):
        follow(story)


def test_a_default_that_nobody_wrote_is_refused() -> None:
    story = going_on(Terms())
    story.say(GO_ON, Terms(), by="service:bridle")
    with pytest.raises(JournalError, match="nobody wrote"):
        follow(story)
