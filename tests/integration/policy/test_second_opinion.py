"""Another engine, of other people's code, says the same about what ships: on golden inputs under which every rule speaks.

It ends its process at a `with` in a comprehension, so it cannot run the sets' own tests; and it quotes what it concatenates, so
the rules that speak are compared, not their reasons.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import regopy

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import (
    ANSWER,
    ANSWER_NAME,
    build_policy_set,
    list_policies,
    load_policy_set,
)

from .test_golden import GOLDEN

POLICIES = Path(__file__).parents[3] / "policies"
RULES = """package bridle.gate

import rego.v1

speaking := {
	"deny": {one.rule | some one in deny},
	"ask": {one.rule | some one in ask},
	"allow": {one.rule | some one in allow},
}
"""
PARTS = ("deny", "ask", "allow")
ACCOUNT = {
    "payout_tools": ["mcp.shop.pay"],
    "approval_tools": ["mcp.claims.approve"],
    "contact_tools": ["mcp.shop.pay"],
    "exception_tools": ["mcp.claims.raise"],
    "release_tools": ["mcp.claims.release"],
    "agent_tiers": {},
    "order_argument": "order",
    "amount_argument": "amount",
    "payout_limit": 50,
    "case_limit": "100.00",
}


def deed(tool: str, status: str = "succeeded", **arguments: Any) -> dict[str, Any]:
    return {"tool": f"mcp.{tool}", "status": status, "arguments": arguments}


PAID = deed("shop.pay", order="A-1", amount="70.00")
HISTORIES: tuple[Any, ...] = (
    None,
    [],
    [PAID],
    [deed("claims.approve", order="A-1")],
    [deed("claims.raise"), PAID],
    [deed("claims.raise"), deed("claims.release")],
    [deed("shop.pay", "unknown", order="A-1", amount="x")],
)
ORIGIN = {"argument": "order", "value": "A-1", "type": "id", "kind": "text", "where": "mail", "note": ""}


def documents(document: dict[str, Any], policy: str) -> list[dict[str, Any]]:
    """Return what every set is asked about: the golden cases, and payments in every kind of history, amount and approval."""
    found = [case.facts(document, policy) for case in GOLDEN.values()]
    paying = {
        **document,
        "action": {**document["action"], "tool": "mcp.shop.pay", "effect": "consequential"},
        "scope": ["mcp:shop.pay"],
        "account": ACCOUNT,
        "deployment": {"service": "s", "environment": "", "type": "production", "infrastructure": ""},
    }
    for history in HISTORIES:
        for amount in (5, "60.01", "-1"):
            for origins in (None, [], [ORIGIN]):
                arguments = {"order": "A-1", "amount": amount}
                found.append(
                    {**paying, "history": history, "origins": origins}
                    | {"action": {**paying["action"], "arguments": arguments}}
                )
    approval = {"id": "apr_1", "by": "user:ana", "asserted": True}
    merging = {**paying["action"], "tool": "mcp.git.merge", "arguments": {}}
    destroying = {**paying["action"], "effect": "destructive", "arguments": {}}
    at = {"tool": "mcp.shop.pay", "execution": "ses_1", "key": "k", "at": "2026-01-01", "record": "rec_1"}
    found += [{**paying, "attempt": {**at, "state": state}} for state in ("begun", "done", "another", "?")]
    found += [
        {**paying, "approval": approval, "history": []},
        {
            **paying,
            "action": merging,
            "scope": ["mcp:git.merge"],
            "origins": [{**ORIGIN, "kind": "manifest"}],
        },
        {**paying, "action": destroying},
        {**paying, "account": {**ACCOUNT, "agent_tiers": {document["principal"]["digest"]: "certified"}}},
        {**paying, "actors": [document["principal"], None]},
        {**paying, "deployment": None},
        {
            **paying,
            "action": destroying,
            "plan": {"id": "pln_1", "digest": "", "call": 1, "of": 1, "rules": []},
        },
        {
            **paying,
            "loop": {
                "times": 3,
                "limit": 3,
                "repeated": True,
                "undoes": False,
                "before": [{"execution": "exe_1", "same": True}],
            },
        },
    ]
    ana, harness = (
        {"id": "user:ana", "kind": "user", "state": "active"},
        {"id": "service:bridle", "kind": "service"},
    )
    for tool, effect, scope, principal in (
        ("mcp.shop.find", "read", "mcp:shop.find", {}),
        ("workspace.fork", "reversible", "workspace:use", ana),
        ("command.start", "reversible", "command:run", ana),
        ("evidence.read", "read", "command:run", ana),
        ("artifact.save", "reversible", "artifact:save", ana),
        ("pipeline.continue", "reversible", "pipeline:continue", ana),
        ("pipeline.save", "reversible", "execution:start", ana),
        ("pipeline.begin", "reversible", "execution:start", ana),
        ("session.begin", "reversible", "session:open", ana),
        ("server.describe", "read", "server:describe", harness),
    ):
        about = {"action": {"tool": tool, "effect": effect, "arguments": {}}, "scope": [scope]}
        found.append({**document, **about, "principal": {**document["principal"], **principal}})
    found += [*_for_cases(paying), *_of_cases(document)]
    committing = {"tool": "git.commit", "effect": "reversible", "arguments": {}}
    found.append({**document, "action": committing, "verification": {"tree": "t", "changed": ["CODEOWNERS"]}})
    return found


def _for_cases(paying: dict[str, Any]) -> list[dict[str, Any]]:
    """Return payments for cases: covered and not, on hold, with work parked in them, and for one that is not known."""
    standing = {"state": "intake", "covered": True, "otherwise": "ask", "holds": [], "exceptions": []}
    parked = {"exceptions": [{"kind": "parked", "reason": "nobody can tell"}]}
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"covered": False},
        {"covered": False, "otherwise": "deny"},
        {"holds": [{"kind": "hold", "reason": "counsel"}]},
        parked,
    )
    about = {"action": {**paying["action"], "case": "cas_1"}}
    found = [{**paying, **about, "case": {**standing, **change}} for change in changes]
    return [*found, {**paying, **about, "case": None}]


def _of_cases(document: dict[str, Any]) -> list[dict[str, Any]]:
    moving = {"tool": "case.move", "effect": "reversible", "arguments": {}, "case": "cas_1"}
    asked = {**document, "action": moving, "scope": ["case:move"], "case": {}}
    return [{**asked, "change": {"refused": [], "asks": asks}} for asks in (True, False)]


@pytest.mark.parametrize("path", list_policies(POLICIES), ids=lambda path: path.stem)
async def test_both_engines_agree_and_every_rule_speaks(path: Path, document: dict[str, Any]) -> None:
    base = load_policy_set([POLICIES / "base"])
    policies = build_policy_set({**base.modules, **load_policy_set([path]).modules})
    first, second = Regorus(policies, timeout_s=20), regopy.Interpreter()
    for name, text in {ANSWER_NAME: ANSWER, "rules.rego": RULES, **policies.modules}.items():
        second.add_module(name, text)
    bundle = second.build("data.bridle.gate.speaking")
    spoke: set[str] = set()
    for question in documents(document, policies.digest):
        answer = await first.evaluate(question)
        second.set_input(question)
        (told,) = json.loads(str(second.query_bundle(bundle)))["expressions"]
        for part in PARTS:
            said = {one.rule for one in getattr(answer, part)}
            assert (question["action"]["tool"], set(told[part])) == (question["action"]["tool"], said)
            spoke |= said
    await first.close()
    rules = {one.rule for one in first.speakers if one.owner == path.name}
    assert rules - spoke == set()
