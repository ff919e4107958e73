"""The embedded engine in its real process: it answers, and whatever goes wrong is no answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import PolicySet, build_policy_set
from bridle.core.errors import InputError
from bridle.trust.policy import PolicyError

HEAD = "package bridle.gate\n\nimport rego.v1\n\n"


def policy(text: str) -> PolicySet:
    return build_policy_set({"t.rego": HEAD + text})


async def test_the_base_set_allows_an_agent_to_read(base_set: PolicySet, document: dict[str, Any]) -> None:
    engine = Regorus(base_set)
    answer = await engine.evaluate(document)
    await engine.close()
    assert [finding.rule for finding in answer.allow] == ["workspace.read"]
    assert answer.deny == answer.ask == ()
    assert answer.digest == base_set.digest


async def test_a_hanging_rule_is_cut_and_the_worker_is_gone(hanging_set: PolicySet) -> None:
    engine = Regorus(hanging_set, timeout_s=0.3)
    await engine.start()
    pid = engine.worker_pid
    with pytest.raises(PolicyError, match=r"did not answer within 0\.3 s"):
        await engine.evaluate({})
    await engine.close()
    assert not is_running(pid)


async def test_the_question_after_a_time_out_is_answered_by_a_new_worker() -> None:
    slow = 'allow contains {"rule": "r", "reason": "Told."} if {\n'
    slow += "\tcount([x | some x in numbers.range(1, input.budget.turns); x % 7 == 3]) > 0\n}\n"
    engine = Regorus(policy(slow), timeout_s=0.5)
    with pytest.raises(PolicyError):
        await engine.evaluate({"budget": {"turns": 5_000_000}})
    answer = await engine.evaluate({"budget": {"turns": 10}})
    await engine.close()
    assert [finding.rule for finding in answer.allow] == ["r"]


async def test_a_rule_that_eats_memory_ends_the_worker_and_not_the_machine() -> None:
    eater = 'allow contains {"rule": "r", "reason": "Told."} if count(numbers.range(1, 20000000)) > 0\n'
    engine = Regorus(policy(eater), timeout_s=20, memory_mib=96)
    with pytest.raises(PolicyError, match="ended without an answer"):
        await engine.evaluate({})
    await engine.close()


async def test_a_worker_that_dies_while_asked_gives_no_answer(hanging_set: PolicySet) -> None:
    engine = Regorus(hanging_set, timeout_s=20)
    await engine.start()
    asked = asyncio.create_task(engine.evaluate({}))
    await asyncio.sleep(0.1)
    os.kill(engine.worker_pid, signal.SIGKILL)
    with pytest.raises(PolicyError, match="ended without an answer"):
        await asked
    await engine.close()


async def test_a_worker_that_died_between_questions_is_replaced(base_set: PolicySet, document: Any) -> None:
    engine = Regorus(base_set)
    await engine.start()
    first = engine.worker_pid
    kill_and_wait(first)
    answer = await engine.evaluate(document)
    assert answer.allow
    assert engine.worker_pid != first
    await engine.close()


async def test_what_was_answered_is_known_without_the_worker(base_set: PolicySet, document: Any) -> None:
    engine = Regorus(base_set)
    answer = await engine.evaluate(document)
    first = engine.worker_pid
    kill_and_wait(first)
    assert await engine.evaluate({**document, "now": "later"}) == answer
    assert engine.worker_pid == first
    other = await engine.evaluate({**document, "scope": []})
    assert other != answer
    assert engine.worker_pid != first
    await engine.close()


async def test_a_stopped_worker_runs_into_the_time_limit(base_set: PolicySet, document: Any) -> None:
    engine = Regorus(base_set, timeout_s=0.2)
    await engine.start()
    os.kill(engine.worker_pid, signal.SIGSTOP)
    with pytest.raises(PolicyError, match="did not answer"):
        await engine.evaluate(document)
    await engine.close()


async def test_a_function_that_fails_is_an_error_and_not_a_missing_denial() -> None:
    engine = Regorus(policy('deny contains {"rule": "r", "reason": "No."} if startswith(input.tree, "a")\n'))
    with pytest.raises(PolicyError, match=r"t\.rego:5:\d+: `?startswith"):
        await engine.evaluate({"tree": 5})
    await engine.close()


@pytest.mark.parametrize(
    "finding",
    ['"a text"', '{"rule": "r"}', '{"rule": "r", "reason": ""}', '{"rule": "R!", "reason": "x"}', "5"],
)
async def test_a_finding_of_another_shape_is_no_answer(finding: str) -> None:
    engine = Regorus(policy(f"allow contains {finding}\n"))
    with pytest.raises(PolicyError):
        await engine.evaluate({})
    await engine.close()


async def test_an_answer_that_is_too_long_is_no_answer() -> None:
    text = 'allow contains {"rule": "r", "reason": format_int(x, 10)} if '
    engine = Regorus(policy(text + "some x in numbers.range(1, 500)\n"))
    with pytest.raises(PolicyError, match="more than 200 findings"):
        await engine.evaluate({})
    await engine.close()


async def test_a_document_that_is_no_json_is_not_asked(base_set: PolicySet) -> None:
    engine = Regorus(base_set)
    with pytest.raises(PolicyError, match="cannot be sent"):
        await engine.evaluate({"a": {1, 2}})  # type: ignore[dict-item]
    await engine.close()


async def test_a_document_that_is_too_long_is_not_asked(base_set: PolicySet) -> None:
    engine = Regorus(base_set)
    with pytest.raises(PolicyError, match="more than the policy can be asked about"):
        await engine.evaluate({"a": "x" * (17 << 20)})
    await engine.close()


async def test_a_long_document_is_answered(base_set: PolicySet, document: dict[str, Any]) -> None:
    document["action"]["arguments"]["old"] = "ü\n" * 500_000
    engine = Regorus(base_set, timeout_s=10)
    answer = await engine.evaluate(document)
    await engine.close()
    assert answer.allow


async def test_answers_go_to_the_questions_they_belong_to() -> None:
    text = 'allow contains {"rule": "r", "reason": input.tree}\n'
    engine = Regorus(policy(text))
    names = [f"r{number}" for number in range(50)]
    answers = await asyncio.gather(*(engine.evaluate({"tree": name}) for name in names))
    await engine.close()
    assert [answer.allow[0].reason for answer in answers] == names


async def test_a_closed_engine_gives_no_answer(base_set: PolicySet, document: Any) -> None:
    engine = Regorus(base_set)
    assert (await engine.evaluate(document)).allow
    await engine.close()
    await engine.close()
    with pytest.raises(PolicyError, match="is closed"):
        await engine.evaluate(document)


def test_an_engine_answers_in_one_event_loop_after_another(base_set: PolicySet, document: Any) -> None:
    engine = Regorus(base_set)
    pids = set()
    for _ in range(2):
        assert asyncio.run(engine.evaluate(document)).allow
        pids.add(engine.worker_pid)
    asyncio.run(engine.close())
    assert len(pids) == 1


async def test_a_module_that_does_not_parse_is_refused_at_the_start_with_its_place() -> None:
    engine = Regorus(policy("allow contains if {\n"))
    with pytest.raises(InputError, match=r"t\.rego:5:"):
        await engine.start()
    await engine.close()


async def test_a_module_that_asks_the_world_is_refused_at_the_start() -> None:
    engine = Regorus(policy('allow contains {"rule": "r", "reason": "Told."} if time.now_ns() > 0\n'))
    with pytest.raises(InputError, match=r"t\.rego:5:\d+: time.now_ns"):
        await engine.start()
    await engine.close()


async def test_a_set_that_cannot_start_gives_no_answer() -> None:
    engine = Regorus(policy("answer := 1\n"))
    with pytest.raises(PolicyError, match="does not start"):
        await engine.evaluate({})
    await engine.close()


async def test_the_worker_sees_nothing_of_our_environment(
    base_set: PolicySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_SECRET", "hunter2")
    engine = Regorus(base_set)
    await engine.start()
    environment = environment_of(engine.worker_pid)
    await engine.close()
    assert b"PLANTED_SECRET" not in environment
    assert b"PATH=" not in environment


async def test_a_package_in_the_current_folder_is_not_loaded(
    base_set: PolicySet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "regorus.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    engine = Regorus(base_set)
    await engine.start()
    assert engine.worker_pid > 0
    await engine.close()


async def test_the_worker_ends_when_the_server_is_gone(base_set: PolicySet) -> None:
    engine = Regorus(base_set)
    await engine.start()
    worker = engine._worker
    assert worker is not None
    worker._in.close()  # what the kernel does for a server that died
    assert await wait_for(lambda: not worker.alive)
    await engine.close()


async def wait_for(condition: Callable[[], bool]) -> bool:
    for _ in range(200):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
