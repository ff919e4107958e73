"""An emergency override turns a question into an allowance, and nothing else into anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridle.gate.decision import OVERRIDDEN, weigh
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

NOW = "2026-01-01T12:00:00.000000Z"
OVERRIDE = {"id": "ovr_1", "by": "user:ana", "ends_at": "2026-01-01T13:00:00.000000Z"}
FACTS = {"action": {"tool": "mcp.mail.send"}, "override": OVERRIDE, "now": NOW}
FOUND = (Finding("some.rule", "Because."),)


def answer(deny=(), ask=(), allow=()):
    return PolicyAnswer(deny, ask, allow, "sha256:p")


def effect(facts, said):
    return weigh(facts, said).effect


def test_a_question_becomes_an_allowance_that_names_who_and_what():
    decision = weigh(FACTS, answer(ask=FOUND))
    assert (decision.effect, decision.findings[0].rule) == ("allow", OVERRIDDEN)
    assert all(word in decision.findings[0].reason for word in ("user:ana", "ovr_1", "some.rule"))


@pytest.mark.parametrize(
    "said", [answer(deny=FOUND), answer(deny=FOUND, ask=FOUND, allow=FOUND), answer(), PolicyError("hung")]
)
def test_a_denial_stays_one(said):
    assert effect(FACTS, said) == "deny"


@pytest.mark.parametrize(
    "change",
    [
        {"override": None},
        {"override": {}},
        {"override": {**OVERRIDE, "id": ""}},
        {"override": {**OVERRIDE, "by": "agent:fixer"}},
        {"override": {**OVERRIDE, "by": None}},
        {"override": {**OVERRIDE, "ends_at": NOW}},
        {"override": {**OVERRIDE, "ends_at": 5}},
        {"now": None},
        {"action": {"tool": "pipeline.continue"}},
    ],
)
def test_what_is_not_an_override_that_counts_leaves_the_question(change):
    assert effect({**FACTS, **change}, answer(ask=FOUND)) == "ask"


parts = some.sampled_from([(), FOUND])


@given(parts, parts, parts)
def test_it_never_changes_what_is_denied(deny, ask, allow):
    said = answer(deny, ask, allow)
    without = effect({**FACTS, "override": None}, said)
    assert effect(FACTS, said) == ("allow" if without == "ask" else without)
