"""Personal data: what has the form and the check digits of one is masked, what only looks like it stays."""

from __future__ import annotations

import json

import pytest

from bridle.trust.redaction import Redactor
from bridle.trust.redaction.personal_data import PERSONAL_FORMATS

DIGEST = "0123456789abcdef" * 4
KEPT = (
    "git@github.com:org/repo.git",
    "npm:left-pad@1.2.3 and actions/checkout@v4",
    "DE88370400440532013000 DE893704004405320130",  # one digit off, one too short
    "4111 1111 1111 1112 and 0000000000000000",
    "000-45-6789 666-45-6789 900-45-6789 123-00-6789 123-45-0000",
    "BG123456A",
    "111.444.777-36",
    "127.0.0.1 ::1 0.0.0.0 std::string 300.1.2.3",
    "v1.2.3.4 and 1.2.3.4.5",
    "+2026-11-21 +1763752500 1763752500123456789",
    "2026-11-21T19:15:00.123Z 12:30:45",
    "00:1b:44:11:3a:b7",
    f"commit 3f786850e387550fdab836ed7e6dc881de23001b sha256:{DIGEST}",
    "3f786850-e387-4550-8dab-836ed7e6dc88 11111111-1111-4111-8111-111111111111",
    "exe_01m7zsz62pmks50brdqhpw3j1s",
)


FOUND = {
    "mail": ("ana.b+x@example.co.uk", "email=ana@example.org;", "ana%40example.org"),
    "iban": ("DE89 3704 0044 0532 0130 00 PLEASE", "GB82WEST12345698765432", "NO9386011117947"),
    "card": ("4111 1111 1111 1111 2026", "378282246310005", "5555-5555-5555-4444", "30569309025904"),
    "phone": ("+49 30 1234567", "+1 (202) 555-0143", "202-555-0143", '{"phone": "030 1234567"}'),
    "ipv4": ("https://203.0.113.9:8080/x", "from 10.1.2.3,"),
    "ipv6": ("2001:db8::1", "[fe80::1ff:fe23:4567:890a]", "::ffff:203.0.113.9"),
    "us-ssn": ("123-45-6789",),
    "uk-nino": ("AB 12 34 56 C",),
    "es-dni": ("12345678Z", "X1234567L"),
    "it-codice-fiscale": ("RSSMRA85T10A562S",),
    "fr-nir": ("255081416802538",),
    "br-cpf": ("111.444.777-35",),
    "in-aadhaar": ("2341 2341 2346",),
    "se-personnummer": ("personnummer 811218-9876",),
    "ca-sin": ("SIN: 130-692-544",),
    "cn-resident-id": ("11010519491231002X",),
    "nl-bsn": ("bsn 111222333",),
    "de-steuer-id": ("Steuer-ID: 86095742719",),
    "pl-pesel": ("PESEL 44051401359",),
}


def redactor(*, personal: bool = True) -> Redactor:
    return Redactor(key=b"k" * 32, personal=personal)


def test_every_kind_has_an_example_and_names_its_document() -> None:
    assert {row.kind for row in PERSONAL_FORMATS} == set(FOUND)
    assert all(row.document for row in PERSONAL_FORMATS)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_personal_data_is_masked_once_and_for_all(kind, text) -> None:
    once = redactor().redact(f"before {text} after")
    assert dict(redactor().count(once)) == {kind: 1}
    assert redactor().redact(once) == once


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_personal_data_survives(text) -> None:
    assert redactor().redact(text) == text


@pytest.mark.parametrize("kind", FOUND)
def test_it_stays_where_only_secrets_are_to_go(kind) -> None:
    assert redactor(personal=False).redact(FOUND[kind][0]) == FOUND[kind][0]


def test_json_is_masked_in_keys_texts_and_numbers() -> None:
    document = {"ana@example.org": ["203.0.113.9", 4111111111111111, {"n": 7, "ok": True}]}
    masked = redactor().redact_json(document)
    assert dict(redactor().count(json.dumps(masked))) == {"mail": 1, "ipv4": 1, "card": 1}
    assert masked[next(iter(masked))][2] == {"n": 7, "ok": True}


def test_what_the_key_gives_away_is_masked_in_json_and_what_was_json_still_is() -> None:
    document = {"phone": "030 1234567", "card": 4111111111111111, "to": ["x", {"pesel": 44051401359}]}
    masked = redactor().redact_json(document)
    assert dict(redactor().count(json.dumps(masked))) == {"phone": 1, "card": 1, "pl-pesel": 1}
    assert json.loads(redactor().redact(json.dumps(document))) == masked


def test_equal_data_gets_equal_marks() -> None:
    first, _, second = redactor().redact("ana@example.org and ana@example.org").split()
    assert first == second
