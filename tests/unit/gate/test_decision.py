"""The decision: what wins, what an approval answers, and that nothing missing or added ever allows more."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.gate.decision import Decision, decide
from bridle.gate.manifest import Manifest, builtin_manifests
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

POLICY = "sha256:" + "9" * 64
TREE = "sha256:" + "a" * 64
COMMIT = "c" * 40
ALLOW = Finding("some.allow", "It is allowed.")
ASK = Finding("some.ask", "A person has to say.")
DENY = Finding("some.deny", "It is forbidden.")
RESTS_ON = {"policy": POLICY, "agent": "sha256:1", "commit": COMMIT, "report": "sha256:2"}


def facts_about(tool: str, arguments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    manifest = builtin_manifests()[tool]
    facts: dict[str, Any] = {
        "action": {"tool": tool, "arguments": arguments, "effect": str(manifest.effect)},
        "principal": {"id": "agent:fixer", "kind": "agent", "state": "active"},
        "initiator": {"id": "user:ana", "kind": "user", "asserted": False},
        "scope": [manifest.needs],
        "boundary": {
            "write": ["src/**"],
            "protect": ["src/tests"],
            "push": ["bridle/*"],
            "network": "off",
            "suite": None,
            "limits": {},
        },
        "approval": None,
        "rests_on": copy.deepcopy(RESTS_ON),
        "verification": None,
        "provenance": {"commit": COMMIT},
        "loop": None,
        "limits": [],
        "budget": None,
    }
    return {**facts, **changes}


def push(**changes: Any) -> dict[str, Any]:
    return facts_about("git.push", {"commit": COMMIT, "branch": "bridle/fix"}, **changes)


def approval(**changes: Any) -> dict[str, Any]:
    return {"id": "apr_1", "by": "user:ben", "asserted": False, "rests_on": dict(RESTS_ON), **changes}


def says(*, deny: Any = (), ask: Any = (), allow: Any = ()) -> PolicyAnswer:
    return PolicyAnswer(tuple(deny), tuple(ask), tuple(allow), POLICY)


def rules(decision: Decision) -> list[str]:
    return [finding.rule for finding in decision.findings]


MANIFEST = builtin_manifests()["git.push"]


def test_an_allow_allows() -> None:
    assert decide(push(), MANIFEST, says(allow=[ALLOW])) == Decision("allow", (ALLOW,), POLICY)


def test_an_ask_wins_over_an_allow() -> None:
    assert decide(push(), MANIFEST, says(ask=[ASK], allow=[ALLOW])) == Decision("ask", (ASK,), POLICY)


def test_a_deny_wins_over_everything() -> None:
    answer = says(deny=[DENY], ask=[ASK], allow=[ALLOW])
    assert decide(push(approval=approval()), MANIFEST, answer) == Decision("deny", (DENY,), POLICY)


def test_what_no_rule_allows_is_denied() -> None:
    assert rules(decide(push(), MANIFEST, says())) == ["policy.no-rule-allows"]


def test_no_answer_is_a_denial() -> None:
    decision = decide(push(approval=approval()), MANIFEST, None)
    assert (decision.effect, rules(decision), decision.policy) == ("deny", ["policy.no-answer"], "")


def test_an_error_of_the_policy_is_a_denial_that_names_it() -> None:
    decision = decide(push(), MANIFEST, PolicyError("it did not answer within 1 s"))
    assert decision.effect == "deny"
    assert "did not answer within 1 s" in decision.findings[0].reason


def test_a_boundary_is_read_before_the_policy() -> None:
    decision = decide(push(scope=[]), MANIFEST, says(deny=[DENY]))
    assert (rules(decision), decision.policy) == (["scope.missing"], "")


def test_an_approval_answers_an_ask() -> None:
    decision = decide(push(approval=approval()), MANIFEST, says(ask=[ASK]))
    assert (decision.effect, rules(decision), decision.approval) == ("allow", ["approved"], "apr_1")
    assert "user:ben" in decision.findings[0].reason


@pytest.mark.parametrize("changed", ["policy", "agent", "commit", "report"])
def test_an_approval_of_something_else_asks_again_and_names_it(changed: str) -> None:
    given_then = approval(rests_on={**RESTS_ON, changed: "another"})
    decision = decide(push(approval=given_then), MANIFEST, says(ask=[ASK]))
    assert (decision.effect, rules(decision)) == ("ask", ["some.ask", "approval.outdated"])
    assert f"{changed} changed" in decision.findings[1].reason


def test_an_approval_that_rests_on_less_asks_again() -> None:
    partial = {name: value for name, value in RESTS_ON.items() if name != "report"}
    decision = decide(push(approval=approval(rests_on=partial)), MANIFEST, says(ask=[ASK]))
    assert rules(decision) == ["some.ask", "approval.outdated"]


def test_an_approval_under_a_policy_other_than_the_one_that_answers_asks_again() -> None:
    answer = PolicyAnswer((), (ASK,), (), "sha256:another")
    assert rules(decide(push(approval=approval()), MANIFEST, answer)) == ["some.ask", "approval.outdated"]


@pytest.mark.parametrize("missing", ["id", "by", "rests_on"])
def test_an_incomplete_approval_asks_again(missing: str) -> None:
    partial = {name: value for name, value in approval().items() if name != missing}
    assert decide(push(approval=partial), MANIFEST, says(ask=[ASK])).effect == "ask"


@pytest.mark.parametrize("person", ["agent:fixer", "agent:other"])
def test_an_agent_approves_nothing(person: str) -> None:
    decision = decide(push(approval=approval(by=person)), MANIFEST, says(ask=[ASK]))
    assert rules(decision) == ["some.ask", "approval.not-a-person"]


def test_an_approval_without_facts_to_rest_on_asks_again() -> None:
    facts = push(approval=approval())
    del facts["rests_on"]
    assert decide(facts, MANIFEST, says(ask=[ASK])).effect == "ask"


def test_a_commit_expects_the_tree_that_was_verified() -> None:
    suite = {"tests": 3, "failures": 0, "errors": 0, "exit_code": 0}
    verified = {"tree": TREE, "changed": ["src/a.py"], "outside": [], "secrets": [], "suite": suite}
    facts = facts_about("git.commit", {"branch": "bridle/fix", "message": "m"}, verification=verified)
    decision = decide(facts, builtin_manifests()["git.commit"], says(allow=[ALLOW]))
    assert (decision.effect, decision.expect) == ("allow", {"tree": TREE})


findings = st.lists(st.sampled_from([ALLOW, ASK, DENY]), max_size=3, unique=True).map(tuple)
answers = st.builds(PolicyAnswer, findings, findings, findings, st.sampled_from([POLICY, "sha256:another"]))
approvals = st.sampled_from([None, approval(), approval(by="agent:x"), approval(rests_on={}), "yes", {}])


@given(answers, approvals, findings.filter(bool))
def test_adding_a_deny_never_allows(
    answer: PolicyAnswer, given_then: Any, added: tuple[Finding, ...]
) -> None:
    stricter = PolicyAnswer(answer.deny + added, answer.ask, answer.allow, answer.digest)
    assert decide(push(approval=given_then), MANIFEST, stricter).effect == "deny"


@given(answers, approvals)
def test_nothing_is_allowed_that_no_rule_mentions(answer: PolicyAnswer, given_then: Any) -> None:
    decision = decide(push(approval=given_then), MANIFEST, answer)
    assert decision.findings
    assert decision.effect != "allow" or answer.ask or answer.allow


@given(st.sampled_from([None, PolicyError("broken")]), approvals, st.sampled_from([None, MANIFEST]))
def test_no_answer_never_allows(
    answer: PolicyError | None, given_then: Any, manifest: Manifest | None
) -> None:
    assert decide(push(approval=given_then), manifest, answer).effect == "deny"


@given(
    st.sampled_from(["action", "principal", "scope", "boundary", "verification", "provenance", "budget"]),
    st.sampled_from(["gone", None, "a text", 5, []]),
    answers,
)
def test_a_missing_or_misshapen_fact_never_allows(name: str, instead: Any, answer: PolicyAnswer) -> None:
    facts = push(approval=approval())
    if instead == "gone":
        del facts[name]
    elif instead is None and name in ("verification", "budget"):
        facts[name] = "null"  # that these are stated to be none is a fact, and a push needs neither
    else:
        facts[name] = instead
    assert decide(facts, MANIFEST, answer).effect == "deny"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(push())), json_values, answers)
def test_no_shape_of_a_fact_raises(name: str, value: Any, answer: PolicyAnswer) -> None:
    facts = {**push(approval=approval()), name: value}
    assert decide(facts, MANIFEST, answer).effect in ("allow", "ask", "deny")


@given(json_values, answers)
def test_no_shape_of_a_verification_allows_a_commit_but_a_whole_one(value: Any, answer: PolicyAnswer) -> None:
    facts = facts_about("git.commit", {"branch": "bridle/fix", "message": "m"}, verification=value)
    assert decide(facts, builtin_manifests()["git.commit"], answer).effect == "deny"


@given(st.sampled_from(["push", "write", "protect", "network", "limits", "suite"]), json_values)
def test_no_shape_of_a_boundary_raises(name: str, value: Any) -> None:
    edit = {"path": "src/a.py", "old": "a", "new": "b"}
    for facts in (push(), facts_about("file.edit", edit)):
        facts["boundary"] = {**facts["boundary"], name: value}
        manifest = builtin_manifests()[facts["action"]["tool"]]
        assert decide(facts, manifest, says(allow=[ALLOW])).effect in ("allow", "deny")


@pytest.mark.parametrize("name", ["push", "write", "protect"])
@pytest.mark.parametrize("value", ["**", None, {"**": 1}, [None], [["**"]]])
def test_a_boundary_that_is_no_list_of_patterns_never_allows(name: str, value: Any) -> None:
    facts = push()
    facts["boundary"][name] = value
    assert rules(decide(facts, MANIFEST, says(allow=[ALLOW]))) == ["facts.incomplete"]


def of_plan(*, digest: str = "sha256:p", rules: tuple[str, ...] = ("some.ask",)) -> dict[str, Any]:
    """A push that was approved with a plan, as it comes to be made in it."""
    plan = {"id": "pln_1", "digest": digest, "call": 1, "of": 2, "rules": list(rules)}
    yes = approval(rests_on={**RESTS_ON, "plan": "sha256:p"})
    return push(plan=plan, rests_on={**RESTS_ON, "plan": digest}, approval=yes)


@pytest.mark.parametrize(
    ("facts", "asks", "effect"),
    [
        (of_plan(), [ASK], "allow"),
        (of_plan(), [ASK, Finding("new.ask", "Something else.")], "ask"),
        (of_plan(), [Finding("some.ask", "On its own.", alone=True)], "ask"),
        (of_plan(rules=()), [ASK], "ask"),
        (of_plan(digest="sha256:q"), [ASK], "ask"),
        ({**of_plan(), "plan": None, "rests_on": dict(RESTS_ON)}, [ASK], "ask"),
        ({**of_plan(), "approval": approval()}, [Finding("some.ask", "On its own.", alone=True)], "allow"),
    ],
)
def test_the_approval_of_a_plan_answers_what_asked_when_it_was_given_in_that_plan(facts, asks, effect):
    decision = decide(facts, builtin_manifests()["git.push"], says(ask=asks, allow=[ALLOW]))
    assert decision.effect == effect
