"""What evidence rests on, found among hand-made records."""

from decimal import Decimal

import pytest

from bridle.engine.proof import describe, find_shipment, sum_cost
from bridle.trust.journal import Kind

COMMIT = "c" * 40
SUITE = {"tests": 3, "failures": 0, "errors": 0}


@pytest.fixture
def shipped(records):
    """The red report of the build, a commit by an agent with its verification, an approval, and the push."""
    red = {"report": {"tests": 3, "failures": 2, "errors": 0}}
    agent = {"principal": {"name": "test.helper", "version": "1.0.0", "digest": "sha256:a"}, "approval": None}
    approved = {
        "principal": agent["principal"],
        "approval": {"id": "apr_1", "by": "user:ana", "asserted": True},
        "provenance": {"repository": "/srv/origin.git"},
    }
    records.decided("build/suite#0.0", "command.run", by="user:ana")
    records.intended("build/suite#0.0", "command.run")
    records.outcome("build/suite#0.0", "command.run", red, "failed", by="user:ana")
    records.decided("repair/fix#1.1/verify", "workspace.verify", by="service:bridle")
    records.intended("repair/fix#1.1/verify", "workspace.verify")
    records.outcome("repair/fix#1.1/verify", "workspace.verify", {"suite": SUITE}, sandbox={"backend": "b"})
    act(records, "repair/fix#1.1", "git.commit", {"commit": COMMIT, "branch": "bridle/fix"}, facts=agent)
    asked = records.decided("ship/push#0.0", "git.push", "ask", by="user:ana")
    records.add(Kind.APPROVAL_REQUESTED, "apr_1", action=asked.body["action"], tool="git.push")
    verdict = {"approval": "apr_1", "verdict": "approved", "by": "user:ana", "asserted": True}
    records.add(Kind.APPROVAL_VERDICT, "apr_1", **verdict)
    act(records, "ship/push#0.0", "git.push", {"commit": COMMIT, "branch": "main"}, facts=approved)
    return records


def act(records, place, tool, value, *, facts, status="succeeded"):
    records.decided(place, tool, facts=facts)
    records.intended(place, tool)
    return records.outcome(place, tool, value, status)


def test_a_shipment_is_the_push_its_commit_and_the_reports_before_and_after(shipped):
    found = find_shipment(shipped.all, "exe_1")
    assert [record.subject for record in (found.push, found.commit, found.before, found.after)] == [
        "exe_1/ship/push#0.0",
        "exe_1/repair/fix#1.1",
        "exe_1/build/suite#0.0",
        "exe_1/repair/fix#1.1/verify",
    ]


def test_a_report_that_an_agent_made_is_not_the_report_before(records):
    mine = {"report": {"tests": 1, "failures": 0, "errors": 0}}
    records.outcome("repair/fix#0.1", "command.run", mine)
    records.outcome("repair/fix#1.1/verify", "workspace.verify", {"suite": SUITE})
    records.outcome("repair/fix#1.1", "git.commit", {"commit": COMMIT})
    records.outcome("ship/push#0.0", "git.push", {"commit": COMMIT, "branch": "main"})
    assert find_shipment(records.all, "exe_1").before is None


def test_a_push_that_failed_shipped_nothing(records):
    act(records, "ship/push#0.0", "git.push", {"error": "rejected"}, facts={}, status="failed")
    assert find_shipment(records.all, "exe_1") is None


def test_no_records_shipped_nothing():
    assert find_shipment([], "exe_1") is None


def test_the_predicate_names_commit_agent_policy_approval_reports_and_sandbox(execution, shipped):
    predicate, carried = describe(execution, find_shipment(shipped.all, "exe_1"), shipped.all)
    assert (predicate["commit"], predicate["branch"], predicate["policy"]) == (
        COMMIT,
        "main",
        "sha256:policy",
    )
    assert predicate["agent"] == {"name": "test.helper", "version": "1.0.0", "digest": "sha256:a"}
    assert predicate["approval"] == {"record": "push.verdict", "by": "user:ana", "asserted": True}
    assert predicate["reports"]["after"]["suite"] == SUITE
    assert predicate["reports"]["before"]["report"]["failures"] == 2
    assert predicate["sandbox"] == {"backend": "b"}
    assert set(predicate["records"]) == set(carried)


def test_costs_add_up_and_played_turns_are_not_charged(records):
    usage = {"input_tokens": 100, "output_tokens": 10}
    records.outcome("a/b#0.0", "model.call", {}, usage=usage, cost_usd="0.25", priced="list")
    records.outcome("a/b#1.0", "model.call", {}, usage=usage, cost_usd="0.50", priced="recorded")
    cost = sum_cost(records.all)
    assert (cost["turns"], cost["tokens"], cost["unpriced_turns"]) == (2, 220, 0)
    assert (Decimal(cost["list_usd"]), Decimal(cost["charged_usd"])) == (Decimal("0.75"), Decimal("0.25"))


def test_a_turn_without_a_price_is_counted_as_such_and_not_as_free(records):
    records.outcome("a/b#0.0", "model.call", {}, usage={"input_tokens": 1, "output_tokens": 1}, cost_usd=None)
    assert sum_cost(records.all)["unpriced_turns"] == 1


def test_a_call_that_failed_is_no_turn_without_a_price(records):
    records.outcome("a/b#0.0", "model.call", {"error": "refused"}, "failed")
    assert sum_cost(records.all)["unpriced_turns"] == 0


def test_only_calls_of_models_cost(records):
    records.outcome("a/b#0.0", "command.run", {}, usage={"input_tokens": 5}, cost_usd="9")
    assert (sum_cost(records.all)["turns"], sum_cost(records.all)["list_usd"]) == (0, "0")
