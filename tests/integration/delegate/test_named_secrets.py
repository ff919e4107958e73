"""Named secrets at the delegate: filled in a command's `env`, for people and services, and masked whatever was done with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridle.core.errors import TrustError
from bridle.delegate.vault import Vault
from integration.delegate.bench import Bench, FakeSandbox
from integration.delegate.test_secret_outputs import do_as, placeholder_of, use, value_of, write_secret

VALUE = "kQ7vT2mZx9Rb4LwYc8NdPf3H"


@pytest.fixture
def keeper(bench: Bench) -> Bench:
    vault = Vault(bench.redactor, environ={"BRIDLE_SECRET_deploy": VALUE})
    bench.worker._context = replace(bench.worker._context, vault=vault)
    return bench


async def test_a_name_becomes_the_value_beside_a_secret_output(
    keeper: Bench, fake_sandbox: FakeSandbox
) -> None:
    written = placeholder_of(await write_secret(keeper, fake_sandbox))
    await use(keeper, {"H": f"{written}:<<secret:deploy>>."})
    assert fake_sandbox.policies[-1].env["H"] == f"open-sesame-42:{VALUE}."


async def test_without_a_value_nothing_runs(keeper: Bench, fake_sandbox: FakeSandbox) -> None:
    report = await use(keeper, {"A": "<<secret:deploy>>", "B": "<<secret:other>>"})
    assert (value_of(report)["reason"], fake_sandbox.policies) == ("no-such-secret", [])


async def test_a_name_in_a_script_is_refused(keeper: Bench, fake_sandbox: FakeSandbox) -> None:
    report = await do_as(keeper, "user:ana", {"script": "echo <<secret:deploy>>"})
    assert (value_of(report)["reason"], fake_sandbox.policies) == ("secret-in-script", [])


async def test_an_agent_is_given_no_secret_by_name(keeper: Bench, fake_sandbox: FakeSandbox) -> None:
    with pytest.raises(TrustError) as caught:
        await do_as(keeper, "agent:fixer", {"script": "use", "env": {"P": "<<secret:deploy>>"}})
    assert (caught.value.reason, fake_sandbox.policies) == ("secret-for-agents", [])


async def test_what_an_earlier_process_left_in_the_workspace_is_masked(keeper: Bench) -> None:
    (keeper.folder / "leak").write_text(f"{VALUE}\n")
    report = await keeper.do("file.read", {"path": "leak"})
    assert VALUE not in str(report.value)
