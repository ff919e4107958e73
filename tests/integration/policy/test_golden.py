"""The base set's decisions, complete: engine, policy, boundaries and approvals together.

Each golden case changes the whole document of conftest in a few places and states the decision. The engine's second
evaluator must give the same findings, and taking any single fact away must never turn a decision into an allow.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import regorus

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, ANSWER_RULE, PolicySet
from bridle.gate.decision import Decision, decide
from bridle.gate.manifest import builtin_manifests
from bridle.trust.policy import PolicyAnswer, PolicyError

TREE = "sha256:" + "a" * 64
COMMIT = "c" * 40
GREEN = {"tests": 278, "failures": 0, "errors": 0, "exit_code": 0}
VERIFIED = {"tree": TREE, "changed": ["src/a.py"], "outside": [], "secrets": [], "suite": GREEN}
EDIT = {"path": "src/a.py", "old": "a", "new": "b"}
UNDONE = {"repository": "/o.git", "workspace": "w", "branch": "main", "commit": COMMIT, "previous": "d" * 40}
RESTORE = {"push": "exe_1/ship/push#0.0", **UNDONE}
CALL = {"model": "m", "turn": 1, "payload": TREE, "new_messages": [], "max_output_tokens": 100}
PERSON = {"id": "user:ana", "kind": "user"}
HARNESS = {"id": "service:bridle", "kind": "service"}
APPROVAL = {"id": "apr_1", "by": "user:ben", "asserted": True, "rests_on": "as now"}


@dataclass(frozen=True)
class Golden:
    """One case: what is different from the document of conftest, and what is decided."""

    tool: str
    arguments: dict[str, Any]
    decided: str
    changes: dict[str, Any] = field(default_factory=dict)

    def facts(self, document: dict[str, Any], policy: str) -> dict[str, Any]:
        facts = copy.deepcopy(document)
        facts["rests_on"]["policy"] = policy
        manifest = builtin_manifests().get(self.tool)
        effect = str(manifest.effect) if manifest else "destructive"
        facts["provenance"] = {"commit": COMMIT} if self.tool == "git.push" else None
        facts["action"] |= {"tool": self.tool, "arguments": self.arguments, "effect": effect}
        for name, change in self.changes.items():
            facts[name] = (
                {**facts[name], **change} if isinstance(facts[name], dict) else copy.deepcopy(change)
            )
        if facts["approval"] and facts["approval"]["rests_on"] == "as now":
            facts["approval"]["rests_on"] = copy.deepcopy(facts["rests_on"])
        return facts


def push(branch: str) -> dict[str, Any]:
    return {"commit": COMMIT, "branch": branch}


def commit(branch: str = "bridle/fix") -> dict[str, Any]:
    return {"branch": branch, "message": "Repair it"}


GOLDEN = {
    "read": Golden("file.read", {"path": "src/a.py"}, "allow workspace.read"),
    "list": Golden("file.list", {"path": "."}, "allow workspace.read"),
    "search": Golden("file.search", {"pattern": "x"}, "allow workspace.read"),
    "read outside": Golden("file.read", {"path": "../../etc/passwd"}, "deny path.outside-workspace"),
    "read absolute": Golden("file.read", {"path": "/etc/passwd"}, "deny path.outside-workspace"),
    "edit": Golden("file.edit", EDIT, "allow workspace.edit"),
    "edit a test": Golden("file.edit", {**EDIT, "path": "src/tests/a.py"}, "deny path.protected"),
    "edit elsewhere": Golden("file.edit", {**EDIT, "path": "setup.py"}, "deny path.not-writable"),
    "edit with a stray argument": Golden("file.edit", {**EDIT, "force": True}, "deny tool.arguments"),
    "edit without the right": Golden("file.edit", EDIT, "deny scope.missing", {"scope": ["file:read"]}),
    "edit by a suspended agent": Golden(
        "file.edit", EDIT, "deny principal.not-active", {"principal": {"state": "suspended"}}
    ),
    "command": Golden("command.run", {"script": "true"}, "allow workspace.command"),
    "command with a network": Golden(
        "command.run", {"script": "true"}, "deny network.not-granted", {"boundary": {"network": "on"}}
    ),
    "read of a key": Golden("file.read", {"path": "deploy/.env"}, "deny stop.sensitive-read"),
    "risky command": Golden("command.run", {"script": "kubectl delete pod x"}, "deny stop.command"),
    "commit of a migration": Golden(
        "git.commit",
        commit(),
        "ask paths.schema",
        {"verification": {**VERIFIED, "changed": ["src/migrations/0007.sql"]}},
    ),
    "unknown tool": Golden("host.run", {"script": "true"}, "deny tool.unknown"),
    "commit": Golden("git.commit", commit(), "allow git.commit", {"verification": VERIFIED}),
    "commit unverified": Golden(
        "git.commit", commit(), "deny commit.outside-boundary commit.suite-not-green"
    ),
    "commit to main": Golden("git.commit", commit("main"), "deny git.branch", {"verification": VERIFIED}),
    "commit of a test": Golden(
        "git.commit",
        commit(),
        "deny commit.outside-boundary",
        {"verification": {**VERIFIED, "changed": ["src/tests/a.py"], "outside": ["src/tests/a.py"]}},
    ),
    "commit of a half repair": Golden(
        "git.commit",
        commit(),
        "deny commit.suite-not-green",
        {"verification": {**VERIFIED, "suite": {**GREEN, "errors": 12, "exit_code": 1}}},
    ),
    "push before approval": Golden("git.push", push("bridle/fix"), "deny git.push.before-approval"),
    "push to main": Golden("git.push", push("main"), "deny git.branch"),
    "push to main with a wide boundary": Golden(
        "git.push",
        push("main"),
        "deny git.push.protected-branch",
        {"boundary": {"push": ["**"]}, "approval": APPROVAL},
    ),
    "approved push": Golden("git.push", push("bridle/fix"), "allow approved", {"approval": APPROVAL}),
    "push approved under another policy": Golden(
        "git.push",
        push("bridle/fix"),
        "ask git.push.needs-approval approval.outdated",
        {"approval": {**APPROVAL, "rests_on": {"policy": "another"}}},
    ),
    "push of a strange commit": Golden(
        "git.push",
        {"commit": "d" * 40, "branch": "bridle/fix"},
        "deny git.unknown-commit",
        {"approval": APPROVAL},
    ),
    "a person's push": Golden("git.push", push("main"), "ask git.push.needs-approval", {"principal": PERSON}),
    "a person's approved push": Golden(
        "git.push", push("main"), "allow approved", {"principal": PERSON, "approval": APPROVAL}
    ),
    "a person's push for the third time": Golden(
        "git.push",
        push("main"),
        "ask git.push.needs-approval loop.same-change",
        {"principal": PERSON, "loop": {"times": 3}},
    ),
    "restore": Golden("git.restore", RESTORE, "allow git.restore", {"principal": PERSON, "undoes": UNDONE}),
    "restore for the third time": Golden(
        "git.restore",
        RESTORE,
        "allow git.restore",
        {"principal": PERSON, "undoes": UNDONE, "loop": {"times": 3, "undoes": True}},
    ),
    "restore to a target of which nobody knows what was done to it": Golden(
        "git.restore",
        RESTORE,
        "ask loop.not-known",
        {"principal": PERSON, "undoes": UNDONE, "loop": {"times": "?"}},
    ),
    "third time by what is allowed and does not undo": Golden(
        "git.restore",
        RESTORE,
        "ask loop.same-change",
        {"principal": PERSON, "undoes": UNDONE, "loop": {"times": 3}},
    ),
    "model": Golden("model.call", CALL, "allow model.call"),
    "model with nothing left": Golden("model.call", CALL, "deny budget.exhausted", {"budget": {"turns": 0}}),
    "verify": Golden(
        "workspace.verify",
        {"tree": TREE},
        "allow workspace.verify",
        {"principal": HARNESS, "scope": ["workspace:verify"]},
    ),
    "verify by an agent": Golden(
        "workspace.verify", {"tree": TREE}, "deny tool.not-for-agents", {"scope": ["workspace:verify"]}
    ),
    "clone": Golden(
        "git.clone",
        {"repository": "/origin", "branch": "main"},
        "allow git.clone",
        {"principal": HARNESS, "scope": ["git:clone"]},
    ),
}


ALLOWED = {name: case for name, case in GOLDEN.items() if case.decided.startswith("allow")}
REFUSED = {name: case for name, case in GOLDEN.items() if name not in ALLOWED}
ESSENTIAL = (
    "action",
    "action.tool",
    "principal",
    "principal.state",
    "scope",
    "boundary",
    "boundary.network",
    "boundary.write",
    "verification",
    "provenance",
    "budget",
)


def shown(decision: Decision) -> str:
    return " ".join([decision.effect, *(finding.rule for finding in decision.findings)])


async def answers_to(
    policies: PolicySet, questions: list[dict[str, Any]]
) -> list[PolicyAnswer | PolicyError]:
    engine = Regorus(policies, timeout_s=10)
    try:
        asked = (engine.evaluate(question) for question in questions)
        answers = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        await engine.close()
    assert all(isinstance(answer, (PolicyAnswer, PolicyError)) for answer in answers)
    return answers  # type: ignore[return-value]


async def decide_all(policies: PolicySet, tool: str, questions: list[dict[str, Any]]) -> list[Decision]:
    manifest = builtin_manifests().get(tool)
    answers = await answers_to(policies, questions)
    return [decide(facts, manifest, answer) for facts, answer in zip(questions, answers, strict=True)]


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
async def test_golden_decision(case: Golden, base_set: PolicySet, document: dict[str, Any]) -> None:
    (decision,) = await decide_all(base_set, case.tool, [case.facts(document, base_set.digest)])
    assert shown(decision) == case.decided


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_no_fact_that_is_taken_away_turns_a_refusal_into_an_allow(
    case: Golden, base_set: PolicySet, document: dict[str, Any]
) -> None:
    poorer = dict(without_each(case.facts(document, base_set.digest)))
    decisions = await decide_all(base_set, case.tool, list(poorer.values()))
    assert [
        place for place, decision in zip(poorer, decisions, strict=True) if decision.effect == "allow"
    ] == []


@pytest.mark.parametrize("case", ALLOWED.values(), ids=ALLOWED)
async def test_an_essential_fact_that_is_taken_away_ends_the_allow(
    case: Golden, base_set: PolicySet, document: dict[str, Any]
) -> None:
    poorer = dict(without_each(case.facts(document, base_set.digest)))
    decisions = await decide_all(base_set, case.tool, [poorer[place] for place in ESSENTIAL])
    assert [decision.effect for decision in decisions] == ["deny"] * len(ESSENTIAL)


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
async def test_a_relaxed_set_allows_nothing_that_code_forbids(
    case: Golden, base_set: PolicySet, relaxed_set: PolicySet, document: dict[str, Any]
) -> None:
    (decision,) = await decide_all(relaxed_set, case.tool, [case.facts(document, relaxed_set.digest)])
    by_policy = (
        "stop.sensitive-read",
        "stop.command",
        "principal.not-active",
        "git.push.before-approval",
        "git.push.protected-branch",
    )
    in_code = case.decided.startswith("deny") and not case.decided.endswith(by_policy)
    assert shown(decision) == (case.decided if in_code else "allow relaxed")


async def test_both_evaluators_agree_on_every_golden_case(
    base_set: PolicySet, document: dict[str, Any]
) -> None:
    questions = [case.facts(document, base_set.digest) for case in GOLDEN.values()]
    modules = [(ANSWER_NAME, ANSWER), *base_set.modules.items()]
    machine = regorus.Rvm()
    machine.load_program(regorus.Program.compile_from_modules("{}", modules, [ANSWER_RULE]))
    for question, answer in zip(questions, await answers_to(base_set, questions), strict=True):
        machine.set_input_json(json.dumps(question))
        second = json.loads(machine.execute())
        assert isinstance(answer, PolicyAnswer)
        for part in ("deny", "ask", "allow"):
            said = {(finding.rule, finding.reason) for finding in getattr(answer, part)}
            assert {(item["rule"], item["reason"]) for item in second[part]} == said


def without_each(facts: dict[str, Any], place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield copies of the facts, each without one of its values, at any depth; the arguments are no facts."""
    for name, value in facts.items():
        here = f"{place}.{name}".strip(".")
        yield here, {other: kept for other, kept in facts.items() if other != name}
        if isinstance(value, dict) and name != "arguments":
            for below, poorer in without_each(value, here):
                yield below, {**facts, name: poorer}
