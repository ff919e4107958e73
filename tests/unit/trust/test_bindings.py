"""What bound sets add, and the property that adding a binding, or widening a scope, lets nothing through."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridle.gate.decision import weigh
from bridle.trust.bindings import (
    MISSING,
    Binding,
    Mode,
    Speech,
    combine,
    lies_in,
    list_applicable,
    list_events,
)
from bridle.trust.policy import Finding, PolicyAnswer

ALLOWED = Finding("base.allow", "Yes.")
ASKED = Finding("base.ask", "Who knows?")
DENIED = Finding("base.deny", "No.")
SPEECHES = [
    *(Speech(part, f"base.{part}", "base") for part in ("deny", "ask", "allow")),
    *(Speech(part, f"{owner}.{part}", owner) for owner in ("one", "two") for part in ("deny", "ask")),
]
FACTS = {
    "principal": {"name": "acme.fixer"},
    "place": {"project": "shop", "pipeline": "release", "organisations": ["acme", "retail"]},
    "action": {"tool": "mcp.mail.send", "purpose": "support"},
    "deployment": {"environment": "eu-1"},
}


def answer(*, deny=(), ask=(), allow=(), warn=()):
    return PolicyAnswer(tuple(deny), tuple(ask), tuple(allow), "sha256:p", tuple(warn))


def said(part, owner="one"):
    return Finding(f"{owner}.{part}", "Because.")


def combined(given_answer, *applicable, speeches=SPEECHES, supplied=()):
    return combine(given_answer, applicable=applicable, speeches=speeches, supplied=supplied)


@pytest.mark.parametrize(
    ("actors", "bound", "counts"),
    [
        ([], False, False),
        ([{"name": "acme.clerk"}], True, False),
        ([{"name": "acme.other"}], False, False),
        ([None], True, False),
    ],
)
def test_who_handed_a_token_on_is_still_bound_and_lends_nobody_what_counts_for_them(actors, bound, counts):
    facts, scope = {**FACTS, "actors": actors}, {"agent": "acme.clerk"}
    assert (lies_in(scope, facts, unknown=True), lies_in(scope, facts, unknown=False)) == (bound, counts)
    assert lies_in({"agent": "acme.fixer"}, facts, unknown=True)
    assert lies_in({"agent": "acme.fixer"}, facts, unknown=False) == (actors == [])


def test_a_denial_of_a_bound_set_denies():
    assert combined(answer(allow=[ALLOWED], deny=[said("deny")]), Binding("one")).deny == (said("deny"),)


def test_a_question_of_a_bound_set_is_asked_where_something_else_allows():
    assert combined(answer(allow=[ALLOWED], ask=[said("ask")]), Binding("one")).ask == (said("ask"),)


def test_a_question_of_a_bound_set_makes_nothing_possible_that_no_rule_speaks_for():
    assert combined(answer(ask=[said("ask")]), Binding("one")).ask == ()


def test_an_allowance_of_a_bound_set_is_not_heard():
    speeches = [*SPEECHES, Speech("allow", "one.allow", "one")]
    assert combined(answer(allow=[said("allow")]), Binding("one"), speeches=speeches).allow == ()


def test_a_set_on_trial_decides_nothing_and_is_recorded():
    told = combined(
        answer(allow=[ALLOWED], deny=[said("deny")], ask=[said("ask")]), Binding("one", mode=Mode.LOG)
    )
    assert (told.deny, told.ask, told.allow) == ((), (), (ALLOWED,))
    assert [(one.effect, one.rule) for one in told.would] == [("ask", "one.ask"), ("deny", "one.deny")]


def test_one_rule_may_be_on_trial():
    binding = Binding("one", rules={"one.deny": Mode.LOG})
    told = combined(answer(allow=[ALLOWED], deny=[said("deny")], ask=[said("ask")]), binding)
    assert (told.deny, told.ask) == ((), (said("ask"),))


def test_one_rule_of_a_set_on_trial_may_decide():
    binding = Binding("one", mode=Mode.LOG, rules={"one.deny": Mode.ENFORCE})
    assert combined(answer(deny=[said("deny")]), binding).deny == (said("deny"),)


def test_a_rule_is_on_trial_only_where_all_bindings_say_so():
    told = combined(answer(deny=[said("deny")]), Binding("one", mode=Mode.LOG), Binding("one"))
    assert told.deny == (said("deny"),)


def test_what_is_asked_of_everyone_is_never_on_trial():
    binding = Binding("one", mode=Mode.LOG, rules={"base.deny": Mode.LOG})
    assert combined(answer(deny=[DENIED]), binding).deny == (DENIED,)


READS = Speech("deny", "one.deny", "one", frozenset({"limit"}))


def test_a_rule_whose_fact_nobody_supplies_asks():
    told = combined(answer(allow=[ALLOWED]), Binding("one"), speeches=[*SPEECHES, READS])
    assert [(one.rule, "one.deny reads account.limit" in one.reason) for one in told.ask] == [(MISSING, True)]


def test_it_does_not_ask_when_the_fact_is_supplied_nor_where_nothing_allows():
    speeches = [*SPEECHES, READS]
    assert combined(answer(allow=[ALLOWED]), Binding("one"), speeches=speeches, supplied={"limit"}).ask == ()
    assert combined(answer(), Binding("one"), speeches=speeches).ask == ()


def test_on_trial_it_would_ask():
    told = combined(answer(allow=[ALLOWED]), Binding("one", mode=Mode.LOG), speeches=[READS])
    assert (told.ask, [one.effect for one in told.would]) == ((), ["ask"])


@pytest.mark.parametrize(
    ("scope", "lies"),
    [
        ({"organisation": "retail"}, True),
        ({"organisation": "acm*"}, True),
        ({"organisation": "billing"}, False),
        ({}, True),
        ({"agent": "acme.*"}, True),
        ({"agent": "other.*"}, False),
        ({"pipeline": "release", "tool": "mcp.mail.*"}, True),
        ({"pipeline": "release", "tool": "git.*"}, False),
        ({"purpose": "support"}, True),
        ({"project": "shop"}, True),
        ({"project": "bank"}, False),
        ({"environment": "eu-*"}, True),
        ({"environment": "us-*"}, False),
    ],
)
def test_every_key_of_a_scope_has_to_match(scope, lies):
    assert bool(list_applicable([Binding("one", scope)], FACTS)) is lies


@pytest.mark.parametrize(
    "key", ["principal", "agent", "project", "pipeline", "tool", "purpose", "environment"]
)
def test_what_is_not_known_lies_in_every_scope(key):
    assert list_applicable([Binding("one", {key: "x"})], {})


def test_what_deploys_nowhere_lies_in_no_environment():
    assert not list_applicable([Binding("one", {"environment": "*"})], {**FACTS, "deployment": None})


ORDER = {"deny": 0, "ask": 1, "allow": 2}
APPROVED = {
    "action": {"tool": "git.push"},
    "approval": {"id": "apr_1", "by": "user:ana", "rests_on": {"policy": "sha256:p"}},
    "rests_on": {"policy": "sha256:p"},
}
scopes = some.dictionaries(
    some.sampled_from(["agent", "tool"]), some.sampled_from(["*", "acme.*", "x"]), max_size=2
)
modes = some.sampled_from(list(Mode))
bindings = some.builds(
    Binding,
    some.sampled_from(["one", "two"]),
    scopes,
    modes,
    some.dictionaries(some.sampled_from(["one.deny", "one.ask", "two.ask"]), modes, max_size=2),
)
findings = some.sets(some.sampled_from([speech.rule for speech in SPEECHES]))


def decide(rules, bound, facts, supplied):
    """Decide as the policy does: the sets that apply are asked, and only they and those of everyone speak."""
    applicable = list_applicable(bound, {**FACTS, **facts})
    owners = {"base", *(one.owner for one in applicable)}
    speaking = [replace(one, account=frozenset({"limit"})) if one.owner == "two" else one for one in SPEECHES]
    speaking = [one for one in speaking if one.owner in owners]
    spoken = {
        part: [Finding(one.rule, "x") for one in speaking if one.part == part and one.rule in rules]
        for part in ("deny", "ask", "allow")
    }
    told = combine(answer(**spoken), applicable=applicable, speeches=speaking, supplied=supplied)
    return ORDER[weigh(facts, told).effect]


@given(
    findings,
    some.lists(bindings, max_size=3),
    bindings,
    some.sampled_from([{}, APPROVED]),
    some.sampled_from([(), ("limit",)]),
)
def test_adding_a_binding_never_widens_a_decision(rules, bound, added, facts, supplied):
    assert decide(rules, [*bound, added], facts, supplied) <= decide(rules, bound, facts, supplied)


@given(findings, some.lists(bindings, max_size=3), bindings, some.sampled_from([{}, APPROVED]))
def test_widening_a_scope_never_widens_a_decision(rules, others, binding, facts):
    assert decide(rules, [*others, replace(binding, scope={})], facts, ()) <= decide(
        rules, [*others, binding], facts, ()
    )


@pytest.mark.parametrize(
    ("tool", "event"),
    [
        ("pipeline.save", "save"),
        ("pipeline.begin", "run"),
        ("session.begin", "run"),
        ("pipeline.step", "step"),
        ("git.push", "action"),
    ],
)
def test_a_set_is_asked_at_its_events_alone(tool, event):
    facts = {**FACTS, "action": {"tool": tool}}
    for on in ("save", "run", "step", "action"):
        assert bool(list_applicable([Binding("one", on=(on,))], facts)) is (on == event)


def test_only_events_that_a_set_is_bound_to_are_actions():
    assert list_events([Binding("one")]) == frozenset()
    assert list_events([Binding("one"), Binding("two", on=("run",))]) == {"pipeline.begin", "session.begin"}
