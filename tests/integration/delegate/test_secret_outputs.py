"""Secret outputs: masked for the whole execution wherever it goes on, and given to later commands by placeholder alone."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.policy import SandboxResult
from bridle.delegate.secret_outputs import SecretOutputs
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report, Task, sign_permit
from bridle.trust.redaction import Redactor
from integration.delegate.bench import Bench, FakeSandbox, build_bench, ended

VALUE = "open-sesame-42"


def value_of(report: Report) -> Mapping[str, Json]:
    assert isinstance(report.value, Mapping)
    return report.value


def writer(text: str, *, exit_code: int = 0) -> object:
    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/secret-output").write_text(text)
        return ended(exit_code)

    return behave


async def write_secret(bench: Bench, fake: FakeSandbox, text: str = f"PASS={VALUE}\n") -> Report:
    fake.behave = writer(text)  # type: ignore[assignment]
    report = await bench.do("command.run", {"script": "write"})
    fake.behave = lambda *_: ended()
    return report


async def use(bench: Bench, env: Mapping[str, Json], **more: Json) -> Report:
    return await do_as(bench, "user:ana", {"script": "use", "env": env, **more})


async def do_as(
    bench: Bench, principal: str, arguments: Mapping[str, Json], *, key: str = "exe_1/later#0.0"
) -> Report:
    given: Task = bench.task("command.run", arguments)
    request = type(given.request)(key, "command.run", arguments, principal, "build")
    permit = sign_permit(
        bench.control_plane,
        action_digest=request.digest,
        delegate=given.permit.delegate,
        decision="rec_1",
        token_id=given.permit.token_id,
        expires_at=given.permit.expires_at,
        expect={},
    )
    return await bench.worker.carry_out(
        Task(request, permit, given.token, workspace="w", boundary=given.boundary)
    )


def placeholder_of(report: Report, name: str = "PASS") -> str:
    listed = value_of(report)["secret_outputs"]
    assert isinstance(listed, list)
    return next(str(item["placeholder"]) for item in listed if item["name"] == name)  # type: ignore[index, call-overload]


async def test_names_and_placeholders_are_returned_values_are_not(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    report = await write_secret(
        bench, fake_sandbox, f"TOKEN=another-secret\nPASS=first-{VALUE}\nPASS={VALUE}\n"
    )
    listed = value_of(report)["secret_outputs"]
    assert [item["name"] for item in listed] == ["PASS", "TOKEN"]  # type: ignore[index, union-attr, call-overload]
    assert VALUE not in str(report)
    assert value_of(report)["outputs"] == {}


async def test_a_masked_output_is_secret_though_it_was_written_beside_the_others(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/output").write_text(f"PASS={VALUE}\nlength=24\nempty=\n")
        return ended(stdout=VALUE.encode())

    fake_sandbox.behave = behave
    report = await bench.do("command.run", {"script": "write", "mask": ["PASS", "never_written"]})
    assert VALUE not in str(report)
    assert value_of(report)["outputs"] == {"length": "24", "empty": ""}
    assert placeholder_of(report).endswith(":PASS]")
    assert not (bench.folder / ".bridle/output").exists()


async def test_a_masked_output_too_short_to_be_masked_undoes_the_command(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    before = await bench.worker.snapshot("w")

    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/output").write_text("PIN=1234\n")
        (folder / "pin").write_text("1234")
        return ended()

    fake_sandbox.behave = behave
    report = await bench.do("command.run", {"script": "write", "mask": ["PIN"]})
    assert (report.status, value_of(report)["reason"]) == ("failed", "unmaskable-secret")
    assert await bench.worker.snapshot("w") == before
    assert not (bench.folder / ".bridle/output").exists()


async def test_a_command_without_secret_outputs_does_not_speak_of_them(bench: Bench) -> None:
    assert "secret_outputs" not in value_of(await bench.do("command.run", {"script": "true"}))


async def test_a_command_that_failed_has_its_secret_outputs(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    fake_sandbox.behave = writer(f"PASS={VALUE}\n", exit_code=3)  # type: ignore[assignment]
    report = await bench.do("command.run", {"script": "write"})
    assert (report.status, value_of(report)["exit_code"]) == ("failed", 3)
    assert placeholder_of(report)


async def test_a_placeholder_in_the_environment_becomes_the_value(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    placeholder = placeholder_of(await write_secret(bench, fake_sandbox))
    assert (await use(bench, {"HEADER": f"Bearer {placeholder}"})).status == "succeeded"
    assert fake_sandbox.policies[-1].env["HEADER"] == f"Bearer {VALUE}"


async def test_two_steps_may_use_one_name(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    first = placeholder_of(await write_secret(bench, fake_sandbox))
    fake_sandbox.behave = writer("PASS=quite-another-one\n")  # type: ignore[assignment]
    second = placeholder_of(await do_as(bench, "user:ana", {"script": "write"}, key="exe_1/second#0.0"))
    await use(bench, {"A": first, "B": second})
    env = fake_sandbox.policies[-1].env
    assert (env["A"], env["B"]) == (VALUE, "quite-another-one")


async def test_an_agent_is_given_no_secret_output(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    placeholder = placeholder_of(await write_secret(bench, fake_sandbox))
    ran = len(fake_sandbox.policies)
    with pytest.raises(TrustError) as caught:
        await do_as(bench, "agent:fixer", {"script": "use", "env": {"P": placeholder}})
    assert caught.value.reason == "secret-output-for-agents"
    assert len(fake_sandbox.policies) == ran


async def test_a_placeholder_in_a_script_is_refused(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    placeholder = placeholder_of(await write_secret(bench, fake_sandbox))
    report = await do_as(bench, "user:ana", {"script": f"echo {placeholder}"})
    assert value_of(report)["reason"] == "secret-output-in-script"


async def test_another_execution_s_placeholder_is_refused(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    placeholder = placeholder_of(await write_secret(bench, fake_sandbox))
    report = await do_as(bench, "user:ana", {"script": "x", "env": {"P": placeholder}}, key="exe_2/s#0.0")
    assert value_of(report)["reason"] == "no-such-secret-output"


async def test_a_placeholder_that_nobody_wrote_is_refused(bench: Bench) -> None:
    report = await use(bench, {"P": "[secret-output:0123456789abcdef:PASS]"})
    assert value_of(report)["reason"] == "no-such-secret-output"


def restarted(bench: Bench, fake: FakeSandbox, *, key: bytes = b"k" * 32) -> Bench:
    """Return a delegate that begins anew on the same folders and knows nothing by heart."""
    made = build_bench(bench.workspaces, fake)
    secrets = SecretOutputs(bench.workspaces.store / "secrets", key=key, redactor=made.redactor)
    made.worker._context = type(made.context)(**{**vars(made.context), "secret_outputs": secrets})
    return made


async def test_after_a_restart_it_is_masked_in_every_spelling_and_can_be_used(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    placeholder = placeholder_of(await write_secret(bench, fake_sandbox))
    later = restarted(bench, fake_sandbox)
    encoded = base64.b64encode(VALUE.encode()).decode()
    (bench.folder / "leak").write_text(f"{VALUE}\n{VALUE.encode().hex()}\n{encoded}\n")
    report = await later.do("file.read", {"path": "leak"})
    for spelled in (VALUE, VALUE.encode().hex(), encoded.rstrip("=")):
        assert spelled not in str(report.value)
    await use(later, {"P": placeholder})
    assert fake_sandbox.policies[-1].env["P"] == VALUE


async def test_what_cannot_be_opened_stops_the_execution_and_no_other(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    await write_secret(bench, fake_sandbox)
    later = restarted(bench, fake_sandbox, key=b"z" * 32)
    with pytest.raises(TrustError) as caught:
        await later.do("file.list", {"path": "."})
    assert caught.value.reason == "secret-outputs-sealed"
    assert (await do_as(later, "user:ana", {"script": "x"}, key="exe_2/s#0.0")).status == "succeeded"


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_no_value_lies_in_the_store_or_the_workspace(
    bench: Bench, fake_sandbox: FakeSandbox, reachable: Path
) -> None:
    await write_secret(bench, fake_sandbox)
    stored = contents(reachable)
    assert stored
    assert not any(VALUE.encode() in content for content in stored)


async def test_a_sealed_value_that_was_moved_is_not_opened(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    await write_secret(bench, fake_sandbox)
    (sealed,) = (path for path in (bench.workspaces.store / "secrets").rglob("*") if path.is_file())
    sealed.rename(sealed.with_name("f" * 16))
    with pytest.raises(TrustError, match="cannot be opened"):
        await restarted(bench, fake_sandbox).do("file.list", {"path": "."})


async def test_a_secret_too_short_to_be_masked_undoes_the_command(
    bench: Bench, fake_sandbox: FakeSandbox
) -> None:
    before = await bench.worker.snapshot("w")

    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/secret-output").write_text("PIN=1234\n")
        (folder / "pin").write_text("1234")
        return ended(stdout=b"1234")

    fake_sandbox.behave = behave
    report = await bench.do("command.run", {"script": "write"})
    assert (report.status, value_of(report)["reason"]) == ("failed", "unmaskable-secret")
    assert "1234" not in str(report.value)
    assert await bench.worker.snapshot("w") == before
    assert not (bench.folder / ".bridle/secret-output").exists()


async def test_a_secret_goes_from_one_real_command_to_the_next(workspaces: Workspaces) -> None:
    bench = build_bench(workspaces, Bubblewrap())
    script = f'echo "PASS={VALUE}" >> "$HARNESS_OUTPUT_SECRET_FILE"; echo {VALUE}; exit 3'
    written = await bench.do("command.run", {"script": script})
    assert VALUE not in str(value_of(written)["stdout"])
    used = await do_as(
        bench,
        "user:ana",
        {"script": 'echo "got $P"; echo ${#P}', "env": {"P": placeholder_of(written)}},
    )
    assert str(value_of(used)["stdout"]).startswith("got [secret:known:")
    assert str(value_of(used)["stdout"]).endswith(f"{len(VALUE)}\n")


def test_what_is_kept_again_by_the_same_action_replaces_the_first(tmp_path: Path) -> None:
    redactor = Redactor(key=b"k" * 32)
    one = SecretOutputs(tmp_path, key=b"k" * 32, redactor=redactor)
    other = SecretOutputs(tmp_path, key=b"k" * 32, redactor=redactor)
    placeholder = one.keep("exe_1", "exe_1/s#0.0", {"P": "first-attempt"})["P"]
    other.know("exe_1")
    one.keep("exe_1", "exe_1/s#0.0", {"P": "second-attempt"})
    other.know("exe_1")
    assert other.fill("exe_1", placeholder) == "second-attempt"
