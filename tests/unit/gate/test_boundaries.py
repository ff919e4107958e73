"""What code forbids: each rule by breaking the one thing it looks at."""

from __future__ import annotations

from typing import Any

import pytest

from bridle.gate.boundaries import check_boundaries
from bridle.gate.manifest import builtin_manifests

EDIT = {"path": "src/a.py", "old": "a", "new": "b"}
CALL = {"model": "m", "turn": 1, "payload": "sha256:" + "a" * 64, "new_messages": [], "max_output_tokens": 9}
TREE = "sha256:" + "a" * 64
GREEN = {"tests": 10, "failures": 0, "errors": 0, "skipped": 2, "exit_code": 0}
VERIFIED = {"tree": TREE, "changed": ["src/a.py"], "outside": [], "secrets": [], "suite": GREEN}
HASH = "c" * 40
MADE = {"commit": HASH}
COMMIT = {"branch": "bridle/fix", "message": "m"}


def facts_about(tool: str, arguments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "action": {"tool": tool, "arguments": arguments},
        "principal": {"id": "agent:fixer", "kind": "agent"},
        "scope": [manifest.needs for manifest in builtin_manifests().values()],
        "boundary": {
            "write": ["src/**", "notes.md"],
            "protect": ["src/tests"],
            "push": ["bridle/*"],
            "network": "off",
            "suite": None,
            "limits": {},
        },
        "verification": None,
        "provenance": None,
        "loop": None,
        "limits": [],
        "budget": None,
    }
    return {**facts, **changes}


def found(tool: str, arguments: dict[str, Any], **changes: Any) -> list[str]:
    findings = check_boundaries(facts_about(tool, arguments, **changes), builtin_manifests().get(tool))
    return [finding.rule for finding in findings]


def reason(tool: str, arguments: dict[str, Any], **changes: Any) -> str:
    findings = check_boundaries(facts_about(tool, arguments, **changes), builtin_manifests().get(tool))
    return findings[0].reason


def test_an_action_within_its_bounds_is_not_refused() -> None:
    assert found("file.edit", EDIT) == []


def test_a_tool_without_a_manifest_does_not_exist() -> None:
    assert found("host.run", {}) == ["tool.unknown"]


def test_the_manifest_of_another_tool_does_not_count() -> None:
    findings = check_boundaries(facts_about("file.edit", EDIT), builtin_manifests()["file.read"])
    assert [finding.rule for finding in findings] == ["tool.unknown"]


@pytest.mark.parametrize("name", ["principal", "scope", "boundary", "verification", "provenance", "budget"])
def test_a_fact_that_is_absent_is_named(name: str) -> None:
    facts = facts_about("file.edit", EDIT)
    del facts[name]
    (finding,) = check_boundaries(facts, builtin_manifests()["file.edit"])
    assert finding.rule == "facts.incomplete"
    assert name in finding.reason


@pytest.mark.parametrize("broken", [{**EDIT, "force": True}, {"path": "src/a.py"}, {**EDIT, "old": 5}])
def test_arguments_that_do_not_fit_the_schema_are_refused(broken: dict[str, Any]) -> None:
    assert found("file.edit", broken) == ["tool.arguments"]


def test_a_permission_that_the_token_does_not_hold_is_named() -> None:
    assert found("file.edit", EDIT, scope=["file:read"]) == ["scope.missing"]
    assert "file:edit" in reason("file.edit", EDIT, scope=["file:read"])


def test_an_agent_may_not_use_the_tools_of_the_harness() -> None:
    assert found("workspace.verify", {"tree": TREE}) == ["tool.not-for-agents"]


def test_a_principal_of_no_known_kind_gets_no_more_than_an_agent() -> None:
    assert found("workspace.verify", {"tree": TREE}, principal={"kind": "robot"}) == ["tool.not-for-agents"]
    assert found("workspace.verify", {"tree": TREE}, principal={}) == ["tool.not-for-agents"]


def test_the_harness_may() -> None:
    assert found("workspace.verify", {"tree": TREE}, principal={"kind": "service"}) == []


def test_the_harness_calls_the_model_in_the_agents_name() -> None:
    assert found("model.call", CALL) == []


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", "src/../../a", "a\\b", "a\x00b"])
@pytest.mark.parametrize("tool", ["file.read", "file.edit", "file.list"])
def test_a_path_that_leaves_the_workspace_is_refused(tool: str, path: str) -> None:
    arguments = {**EDIT, "path": path} if tool == "file.edit" else {"path": path}
    assert found(tool, arguments) == ["path.outside-workspace"]


def test_an_optional_path_that_is_left_out_is_none() -> None:
    assert found("file.search", {"pattern": "x"}) == []


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("src/tests/a.py", "path.protected"),
        ("src/./tests//a.py", "path.protected"),
        ("setup.py", "path.not-writable"),
        (".", "path.not-writable"),
    ],
)
def test_a_path_that_may_not_be_written_is_refused(path: str, rule: str) -> None:
    assert found("file.edit", {**EDIT, "path": path}) == [rule]


def test_the_reader_is_told_what_may_be_written() -> None:
    assert "src/**, notes.md" in reason("file.edit", {**EDIT, "path": "setup.py"})


def test_reading_is_not_bound_by_what_may_be_written() -> None:
    assert found("file.read", {"path": "src/tests/a.py"}) == []


def test_a_commit_to_a_branch_that_is_not_the_steps_is_refused_for_everyone() -> None:
    arguments = {**COMMIT, "branch": "main"}
    for kind in ("agent", "user", "service"):
        assert found("git.commit", arguments, verification=VERIFIED, principal={"kind": kind}) == [
            "git.branch"
        ]


def test_an_agents_push_to_another_branch_is_refused() -> None:
    arguments = {"commit": HASH, "branch": "main"}
    assert found("git.push", arguments, provenance=MADE) == ["git.branch"]
    assert found("git.push", arguments, provenance=MADE, principal={"kind": "user"}) == []


@pytest.mark.parametrize("provenance", [None, {}, {"commit": "d" * 40}])
@pytest.mark.parametrize("kind", ["agent", "user", "service"])
def test_a_commit_that_was_not_made_here_is_pushed_by_nobody(kind: str, provenance: Any) -> None:
    arguments = {"commit": HASH, "branch": "bridle/fix"}
    rules = found("git.push", arguments, provenance=provenance, principal={"kind": kind})
    assert rules == ["git.unknown-commit"]


def test_a_step_without_branches_moves_none() -> None:
    facts = facts_about("git.commit", COMMIT, verification=VERIFIED)
    facts["boundary"]["push"] = []
    (finding,) = check_boundaries(facts, builtin_manifests()["git.commit"])
    assert finding.rule == "git.branch"


def test_a_verified_commit_is_not_refused() -> None:
    assert found("git.commit", COMMIT, verification=VERIFIED) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"tree": ""},
        {"tree": None},
        {"outside": ["src/tests/a.py"]},
        {"outside": None},
        {"outside": "no"},
        {"changed": None},
        {"changed": ["src/a.py", "src/tests/a.py"]},
        {"changed": ["setup.py"]},
        {"changed": [5]},
    ],
)
def test_a_difference_that_is_not_surely_inside_is_not_committed(broken: dict[str, Any]) -> None:
    assert found("git.commit", COMMIT, verification={**VERIFIED, **broken}) == ["commit.outside-boundary"]


def test_a_tree_that_was_not_verified_is_not_committed() -> None:
    assert found("git.commit", COMMIT, verification=VERIFIED, tree="sha256:b") == ["commit.outside-boundary"]
    assert found("git.commit", COMMIT, verification=VERIFIED, tree=TREE) == []


def test_a_commit_without_a_verification_is_refused_twice() -> None:
    assert found("git.commit", COMMIT) == ["commit.outside-boundary", "commit.suite-not-green"]


@pytest.mark.parametrize(
    "broken",
    [
        {"exit_code": 1},
        {"failures": 1},
        {"errors": 1},
        {"tests": 0},
        {"skipped": 10},
        {"tests": "10"},
        {"errors": None},
        {"exit_code": False},
    ],
)
def test_a_suite_that_is_not_surely_green_stops_a_commit(broken: dict[str, Any]) -> None:
    verification = {**VERIFIED, "suite": {**GREEN, **broken}}
    assert found("git.commit", COMMIT, verification=verification) == ["commit.suite-not-green"]


@pytest.mark.parametrize("suite", [None, {}, "green", [GREEN]])
def test_a_suite_that_was_not_run_stops_a_commit(suite: Any) -> None:
    assert found("git.commit", COMMIT, verification={**VERIFIED, "suite": suite}) == [
        "commit.suite-not-green"
    ]


@pytest.mark.parametrize(
    ("baseline", "rules"),
    [(None, []), (10, []), (11, ["commit.suite-not-green"]), ("many", ["commit.suite-not-green"])],
)
def test_a_suite_that_lost_tests_stops_a_commit(baseline: Any, rules: list[str]) -> None:
    assert found("git.commit", COMMIT, verification={**VERIFIED, "baseline_tests": baseline}) == rules


@pytest.mark.parametrize("name", ["turns", "tokens", "cost_usd"])
@pytest.mark.parametrize("left", [0, -1, "0", "-0.01", "much", False])
def test_a_budget_that_is_used_up_stops_the_model(name: str, left: Any) -> None:
    budget = {"turns": 1, "tokens": None, "cost_usd": "0.01", name: left}
    assert found("model.call", CALL, budget=budget) == ["budget.exhausted"]


def test_a_budget_that_does_not_say_what_is_left_has_nothing_left() -> None:
    assert found("model.call", CALL, budget={"turns": 1, "tokens": 5}) == ["budget.exhausted"]


def test_a_used_up_budget_does_not_stop_the_last_turns_work() -> None:
    assert found("file.edit", EDIT, budget={"turns": 0, "tokens": 0, "cost_usd": "0"}) == []


def test_a_network_is_never_granted() -> None:
    facts = facts_about("file.edit", EDIT)
    facts["boundary"]["network"] = "on"
    (finding,) = check_boundaries(facts, builtin_manifests()["file.edit"])
    assert finding.rule == "network.not-granted"


def test_every_rule_that_is_broken_speaks_in_order() -> None:
    rules = found("file.edit", {**EDIT, "path": "setup.py"}, scope=[])
    assert rules == ["scope.missing", "path.not-writable"]


def test_before_the_verification_only_what_does_not_read_it_is_judged() -> None:
    manifest = builtin_manifests()["git.commit"]
    good, bad = (facts_about("git.commit", {**COMMIT, "branch": branch}) for branch in ("bridle/fix", "main"))
    assert check_boundaries(good, manifest, verified=False) == ()
    assert [finding.rule for finding in check_boundaries(bad, manifest, verified=False)] == ["git.branch"]


def test_a_forbidden_path_is_told_with_what_is_hidden_in_it() -> None:
    verified = {**VERIFIED, "changed": ["x\nsrc/a.py\u202e"]}
    told = reason("git.commit", COMMIT, verification=verified, tree=TREE)
    assert "x\\u000asrc/a.py\\u202e" in told


LEAK = {"path": "src/a.py", "line": 3, "format": "github"}


def test_a_secret_in_added_lines_is_refused_with_its_place_and_format() -> None:
    verified = {**VERIFIED, "secrets": [LEAK]}
    assert found("git.commit", COMMIT, verification=verified, tree=TREE) == ["commit.secret"]
    assert "src/a.py:3 (github)" in reason("git.commit", COMMIT, verification=verified, tree=TREE)


@pytest.mark.parametrize("looked", [None, "no", {}])
def test_where_nobody_looked_for_secrets_nothing_is_committed(looked: Any) -> None:
    verified = {**VERIFIED, "secrets": looked}
    assert found("git.commit", COMMIT, verification=verified, tree=TREE) == ["commit.secret"]
