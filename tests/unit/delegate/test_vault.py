from __future__ import annotations

from pathlib import Path

import pytest

from bridle.core.errors import BridleError, InputError, TrustError, UnavailableError
from bridle.delegate.vault import Vault, has_named
from bridle.pipeline.lookup import SecretPlaceholder
from bridle.trust.redaction import Redactor
from bridle.trust.secrets import SecretStore, parse_reference

VALUE = "correct horse battery"


def test_a_reference_names_store_and_place() -> None:
    reference = parse_reference("env:API_KEY")
    assert (reference.store, reference.name, str(reference)) == (SecretStore.ENV, "API_KEY", "env:API_KEY")


@pytest.mark.parametrize("text", ["sk-ant-api03-abc", "env:", "env:A B", "file:relative", "vault:x", ""])
def test_what_is_no_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_reference(text)
    assert len(text) < 5 or text not in str(error.value)


def test_a_resolved_value_is_redacted_from_then_on() -> None:
    redactor = Redactor()
    assert Vault(redactor, environ={"K": "correct horse battery"}).resolve("env:K") == "correct horse battery"
    assert "horse" not in redactor.redact("it is correct horse battery")


@pytest.mark.parametrize("environ", [{}, {"K": ""}])
def test_a_missing_or_empty_secret_says_where_to_set_it(environ: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match="env:K"):
        Vault(Redactor(), environ=environ).resolve("env:K")


def write(folder: Path, name: str, value: str, *, mode: int = 0o600) -> None:
    (folder / name).write_text(value)
    (folder / name).chmod(mode)


def test_a_named_secret_is_a_variable_or_a_file_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "account.x", f"{VALUE}\n")
    vault = Vault(Redactor(), environ={"BRIDLE_SECRET_deploy": "another long one"}, folder=tmp_path)
    assert [vault.resolve_named(name) for name in ("deploy", "account.x")] == ["another long one", VALUE]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Deploy", "BRIDLE_SECRET_Deploy, or the file secrets/Deploy"), ("a.b", ": the file secrets/a.b")],
)
def test_a_secret_that_is_nowhere_says_where_to_put_it(tmp_path: Path, name: str, hint: str) -> None:
    environ = {"BRIDLE_SECRET_deploy": VALUE, "BRIDLE_SECRET_A_B": VALUE}
    with pytest.raises(InputError) as caught:
        Vault(Redactor(), environ=environ, folder=tmp_path).resolve_named(name)
    assert caught.value.reason == "no-such-secret"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("value", "mode", "reason"),
    [
        (VALUE, 0o644, "secret-not-private"),
        ("short", 0o600, "unmaskable-secret"),
        ("", 0o600, "no-such-secret"),
    ],
)
def test_a_secret_that_would_not_stay_one_is_refused_without_a_path(
    tmp_path: Path, value: str, mode: int, reason: str
) -> None:
    write(tmp_path, "deploy", value, mode=mode)
    vault = Vault(Redactor(), environ={}, folder=tmp_path)
    vault.know()
    with pytest.raises(BridleError) as caught:
        vault.resolve_named("deploy")
    assert caught.value.reason == reason
    assert str(tmp_path) not in str(caught.value)


def test_a_link_is_no_secret(tmp_path: Path) -> None:
    write(tmp_path, "real", VALUE)
    (tmp_path / "deploy").symlink_to(tmp_path / "real")
    with pytest.raises(TrustError):
        Vault(Redactor(), environ={}, folder=tmp_path).resolve_named("deploy")


def test_every_named_secret_is_masked_before_anybody_uses_it_and_when_it_changes(tmp_path: Path) -> None:
    redactor = Redactor()
    vault = Vault(redactor, environ={"BRIDLE_SECRET_a": "first of them all"}, folder=tmp_path)
    vault.know()
    write(tmp_path, "b", VALUE)
    vault.know()
    masked = redactor.redact(f"first of them all, {VALUE}")
    assert "first" not in masked
    assert "horse" not in masked


def test_what_a_pipeline_writes_for_a_secret_is_what_a_delegate_looks_for() -> None:
    assert has_named(f"Bearer {SecretPlaceholder.name('account.x-1')}")
