"""Approvals count under the set that is tried as they did under the one of then; what is not whole is not guessed."""

from types import SimpleNamespace

from bridle.gate.replay import compare, read_past, under
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

ASKED = (Finding("git.push.needs-approval", "Ask."),)
THEN = {"policy": "sha256:old", "commit": "c"}


def record(**changes):
    body = {
        "action": "sha256:a",
        "request": {
            "key": "exe_1/a#0.0",
            "tool": "git.push",
            "arguments": {},
            "principal": "user:ana",
            "purpose": "release",
        },
        "effect": "allow",
        "rules": [{"rule": "approved", "reason": "Yes."}],
        "facts": {
            "action": {"effect": "consequential"},
            "approval": {"id": "apr_1", "by": "user:ben", "rests_on": THEN},
            "rests_on": THEN,
        },
        "policy": "sha256:old",
    }
    return SimpleNamespace(body={**body, **changes}, raw={}, execution="exe_1", at="2026-01-01T00:00:00Z")


def decide_anew(past):
    facts = under(past.facts, "sha256:new")
    return compare(past, facts, PolicyAnswer((), ASKED, (), "sha256:new"))


def test_an_approval_under_the_old_set_holds_under_the_new_one():
    assert decide_anew(read_past(record(), None)) is None


def test_an_approval_that_was_outdated_then_stays_so():
    facts = record().body["facts"]
    stale = {**facts, "approval": {**facts["approval"], "rests_on": {**THEN, "policy": "sha256:older"}}}
    assert decide_anew(read_past(record(facts=stale, effect="ask"), None)) is None


def test_no_answer_is_a_denial_here_too():
    past = read_past(record(), None)
    change = compare(past, past.facts, PolicyError("hung"))
    assert (change.effect, change.rules) == ("deny", ("policy.no-answer",))


def test_facts_that_are_not_whole_are_left_out():
    assert read_past(record(facts={"action": None}), None) == "facts not whole"


def test_what_people_did_not_approve_is_no_sets_work():
    for rule in ("approval.refused", "approval.expired", "approval.forged"):
        rules = [{"rule": rule, "reason": "No."}]
        assert read_past(record(effect="deny", rules=rules), None) == "decided by people"
