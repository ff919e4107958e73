from __future__ import annotations

import pytest

from bridle.core.errors import InputError, UnavailableError
from bridle.delegate.vault import Vault
from bridle.trust.redaction import Redactor
from bridle.trust.secrets import SecretStore, parse_reference


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
