"""The worker's checks: each is broken in turn, and nothing may have been done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.canonical import Json, digest
from bridle.core.errors import ExecutionError, TrustError, UnavailableError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Task, check_report
from bridle.trust.keys import Signer
from integration.delegate.bench import Bench, FakeSandbox, build_bench

EDIT: dict[str, Json] = {"path": "a", "old": "", "new": "x"}
STRANGER = Signer(Ed25519PrivateKey.generate())

Break = Callable[[Bench, Task], Task]


def swap_arguments(_: Bench, task: Task) -> Task:
    return replace(task, request=replace(task.request, arguments={**EDIT, "new": "y"}))


def expire(bench: Bench, task: Task) -> Task:
    bench.clock.advance(timedelta(seconds=60))
    return task


def kill_token(bench: Bench, task: Task) -> Task:
    bench.live.clear()
    return task


BREAKS: dict[str, Break] = {
    "another action": swap_arguments,
    "another delegate": lambda b, _: b.task("file.edit", EDIT, delegate="delegate:other"),
    "expired": expire,
    "signed by a stranger": lambda b, _: b.task("file.edit", EDIT, signer=STRANGER),
    "changed after signing": lambda _, t: replace(t, permit=replace(t.permit, expect={"tree": "x"})),
    "token dead": kill_token,
    "token of somebody else": lambda _, t: replace(t, token="brt_other"),  # noqa: S106
    "payload that nothing names": lambda _, t: replace(t, payload={"x": 1}),
    "unknown tool": lambda b, _: b.task("file.shred", EDIT),
    "other tree": lambda b, _: b.task("file.edit", EDIT, expect={"tree": "sha256:" + "0" * 64}),
    "other boundary": lambda b, _: b.task("file.edit", EDIT, expect={"boundary": "sha256:" + "0" * 64}),
    "tree without workspace": lambda b, _: b.task("file.edit", EDIT, expect={"tree": "x"}, workspace=""),
    "expectation nobody knows": lambda b, _: b.task("file.edit", EDIT, expect={"weather": "fine"}),
}


@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS.keys())
async def test_a_task_that_does_not_hold_is_refused_with_what_next_and_nothing_is_done(
    bench: Bench, breaking: Break
) -> None:
    task = breaking(bench, bench.task("file.edit", EDIT))
    with pytest.raises(TrustError) as refused:
        await bench.worker.carry_out(task)
    assert refused.value.hint
    assert not (bench.folder / "a").exists()


async def test_a_task_that_holds_is_done_and_the_report_is_ours(bench: Bench) -> None:
    tree = await bench.worker.snapshot("w")
    task = bench.task("file.edit", EDIT, expect={"tree": tree, "boundary": digest(bench.boundary.to_json())})
    report = await bench.worker.carry_out(task)
    check_report(report, task.request, delegate_key=bench.delegate_key.verifier)
    assert (report.status, report.value) == ("succeeded", {"path": "a", "first_line": 1})
    assert report.facts["tree"] == await bench.worker.snapshot("w")


async def test_a_token_that_cannot_be_checked_is_dead(bench: Bench) -> None:
    async def fails(*_: str) -> bool:
        raise RuntimeError("the store is gone")

    bench.worker._token_lives = fails
    with pytest.raises(TrustError, match="token"):
        await bench.do("file.edit", EDIT)


async def test_only_true_means_that_a_token_lives(bench: Bench) -> None:
    async def odd(*_: str) -> bool:
        return "yes"  # type: ignore[return-value]

    bench.worker._token_lives = odd
    with pytest.raises(TrustError, match="token"):
        await bench.do("file.edit", EDIT)


async def test_the_earlier_tree_is_put_back_before_it_is_done_again(bench: Bench) -> None:
    tree = await bench.worker.snapshot("w")
    (bench.folder / "a").write_text("half of an earlier attempt")
    report = await bench.do("file.edit", EDIT, restore_to=tree, expect={"tree": tree})
    assert report.status == "succeeded"
    assert (bench.folder / "a").read_text() == "x"


async def test_an_error_of_the_tool_is_an_outcome(bench: Bench) -> None:
    report = await bench.do("file.read", {"path": "gone"})
    assert (report.status, report.value) == ("failed", {"error": "there is no gone", "reason": "not-found"})


async def echo(task: Task, _: EffectorContext) -> EffectorResult:
    return EffectorResult("succeeded", {"text": task.payload}, {}, str(task.payload).encode())


@pytest.fixture
def echoing(workspaces: Workspaces, fake_sandbox: FakeSandbox) -> Bench:
    made: Bench = build_bench(workspaces, fake_sandbox, extra={"model.call": echo})
    return made


async def test_a_swapped_payload_is_refused(echoing: Bench) -> None:
    arguments: dict[str, Json] = {"payload": digest("hello")}
    assert (await echoing.do("model.call", arguments, payload="hello")).status == "succeeded"
    with pytest.raises(TrustError, match="payload"):
        await echoing.do("model.call", arguments, payload="goodbye")
    with pytest.raises(TrustError, match="payload"):
        await echoing.do("model.call", arguments)


async def test_secrets_leave_neither_in_the_value_nor_in_the_private_part(echoing: Bench) -> None:
    echoing.redactor.add("db", "hunter2-hunter2")
    text = "the password is hunter2-hunter2"
    report = await echoing.do("model.call", {"payload": digest(text)}, payload=text)
    assert "hunter2" not in str(report.value)
    assert b"hunter2" not in report.private
    assert b"the password is [secret:" in report.private
    check_report(
        report,
        echoing.task("model.call", {"payload": digest(text)}).request,
        delegate_key=echoing.delegate_key.verifier,
    )


async def test_a_secret_in_a_file_comes_back_redacted(bench: Bench) -> None:
    bench.redactor.add("db", "hunter2-hunter2")
    (bench.folder / "env").write_text("PW=hunter2-hunter2\n")
    for tool, arguments in (("file.read", {"path": "env"}), ("file.search", {"pattern": "PW"})):
        report = await bench.do(tool, arguments)
        assert report.status == "succeeded"
        assert "hunter2" not in str(report.value)


@pytest.mark.parametrize("error", [UnavailableError("later"), RuntimeError("a bug")])
async def test_what_is_no_outcome_is_raised(
    workspaces: Workspaces, fake_sandbox: FakeSandbox, error: Exception
) -> None:
    async def fails(*_: object) -> EffectorResult:
        raise error

    bench = build_bench(workspaces, fake_sandbox, extra={"model.call": fails})
    with pytest.raises(type(error)):
        await bench.do("model.call", {})


async def test_a_tree_that_is_not_stored_cannot_be_put_back(bench: Bench) -> None:
    with pytest.raises(ExecutionError, match="no snapshot"):
        await bench.do("file.edit", EDIT, restore_to="sha256:" + "0" * 64)
    assert not (bench.folder / "a").exists()


async def test_probe_says_what_the_sandbox_enforces(bench: Bench) -> None:
    assert (await bench.worker.probe())["backend"] == "fake"


async def test_a_tool_without_look_up_is_not_looked_up(bench: Bench) -> None:
    with pytest.raises(TrustError, match=r"file\.edit"):
        await bench.worker.look_up(bench.task("file.edit", EDIT))
