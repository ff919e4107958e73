"""The one path: what is recorded before and after an effect, and what is answered without one."""

import pytest

from bridle.core.errors import ExecutionError, UnavailableError
from bridle.gate.action import Denied, Done, Unknown
from bridle.trust.journal import Kind
from bridle.trust.keys import load_signer
from bridle.trust.policy import PolicyError


async def test_an_allowed_action_is_decided_intended_carried_out_and_recorded(scene):
    result = await scene.gate.perform(scene.action(path="src/a.py"))
    assert isinstance(result, Done)
    assert await scene.kinds() == ["action.decided", "action.intended", "action.outcome"]


async def test_the_same_action_again_is_answered_from_the_journal_without_an_effect(scene):
    first = await scene.gate.perform(scene.action(path="src/a.py"))
    again = await scene.gate.perform(scene.action(path="src/a.py"))
    assert (again, len(scene.delegate.told)) == (first, 1)


async def test_another_action_under_a_known_key_stops_the_step(scene):
    await scene.gate.perform(scene.action(path="src/a.py"))
    with pytest.raises(ExecutionError, match=r"knows exe_1/repair/fix#0\.0 as another action"):
        await scene.gate.perform(scene.action(path="src/b.py"))


async def test_a_denial_reaches_no_delegate_and_names_its_rule(scene):
    result = await scene.gate.perform(scene.action("file.edit", path="src/tests/test_a.py", old="a", new="b"))
    assert isinstance(result, Denied)
    assert (result.rule, scene.delegate.told) == ("path.protected", [])


async def test_a_denial_is_answered_again_from_the_journal(scene):
    action = scene.action("file.edit", path="src/tests/test_a.py", old="a", new="b")
    assert await scene.gate.perform(action) == await scene.gate.perform(action)
    assert await scene.kinds() == ["action.decided"]


async def test_an_unknown_tool_is_denied_and_recorded(scene):
    result = await scene.gate.perform(scene.action("shell.root", command="id"))
    assert isinstance(result, Denied)
    assert result.rule == "tool.unknown"


async def test_a_policy_that_gives_no_answer_denies(scene):
    class BrokenPolicy:
        digest = "sha256:broken"

        async def evaluate(self, document):
            raise PolicyError("it timed out")

    gate = scene.with_ports(policy=BrokenPolicy())
    result = await gate.perform(scene.action(path="src/a.py"))
    assert isinstance(result, Denied)
    assert result.rule == "policy.no-answer"


async def test_a_token_of_another_principal_allows_nothing(scene):
    scene.tokens["agent:fixer"] = scene.tokens["user:ana"]
    result = await scene.gate.perform(scene.action(path="src/a.py"))
    assert isinstance(result, Denied)
    assert result.rule == "scope.missing"


async def test_a_report_signed_by_another_key_leaves_the_outcome_unknown(scene, tmp_path):
    scene.delegate.signer = load_signer(tmp_path / "forger.key")
    result = await scene.gate.perform(scene.action(path="src/a.py"))
    assert isinstance(result, Unknown)


async def test_a_delegate_that_did_not_begin_is_a_failed_outcome_with_its_reason(scene):
    async def unavailable(task):
        raise UnavailableError("no sandbox", hint="install bubblewrap", reason="sandbox-unavailable")

    scene.delegate.carry_out = unavailable
    result = await scene.gate.perform(scene.action(path="src/a.py"))
    assert (result.status, result.value["reason"]) == ("failed", "sandbox-unavailable")


async def test_a_secret_in_the_arguments_is_not_in_the_journal(scene):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    await scene.gate.perform(scene.action("file.edit", path="src/a.py", old=secret, new="x"))
    records = await scene.ports.journal.read(execution="exe_1")
    assert not any(secret.encode() in record.data for record in records)
    decided = next(record for record in records if record.kind is Kind.DECIDED)
    assert secret.encode() in await scene.ports.journal.reveal(decided, "request")


async def test_a_commit_to_a_branch_of_others_is_refused_before_the_suite_is_run(scene, made_commit):
    result = await scene.gate.perform(scene.action("git.commit", branch="main", message="Fix"))
    assert isinstance(result, Denied)
    assert (result.rule, scene.delegate.told) == ("git.branch", [])
    assert "suite" not in result.reason


async def test_a_commit_that_may_be_made_runs_the_suite_first(scene, made_commit):
    await scene.gate.perform(scene.action("git.commit", branch="bridle/other", message="Fix"))
    assert [task.request.tool for task in scene.delegate.told] == ["workspace.verify", "git.commit"]


async def test_a_commit_whose_lines_hold_a_secret_is_denied_by_name_of_the_place(scene, made_commit):
    verified = scene.delegate.answers["workspace.verify"]
    leak = {"path": "src/a.py", "line": 7, "format": "github"}
    scene.delegate.answers["workspace.verify"] = {**verified, "secrets": [leak]}
    result = await scene.gate.perform(scene.action("git.commit", branch="bridle/fix", message="Fix"))
    assert (result.rule, "src/a.py:7 (github)" in result.reason) == ("commit.secret", True)
    assert [task.request.tool for task in scene.delegate.told] == ["workspace.verify"]
