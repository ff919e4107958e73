"""When two spellings are one value: equality of the type's own normal form, and nothing that only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.gate.origins.values import ValueType, id_shape, infer_types, is_vouched_by, normal_form


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("id", "4711", 4711),
        ("id", "#4711", "4711"),
        ("amount", "12.5", "12.50"),
        ("amount", 12, "12.00"),
        ("amount", "12,50 EUR", "€12.50"),
        ("amount", "1,234.50", "1234.5"),
        ("amount", "1.234,50 €", "EUR 1234.50"),
        ("address", "jane@Example.COM", "jane@example.com"),
        ("address", "+49 (30) 123-4567", "+49301234567"),
        ("address", "12 High  Street, Leeds", "12 High Street, Leeds"),
        ("account", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("account", "12-34-56 12345678", "12345612345678"),
        ("url", "HTTPS://Example.com:443", "https://example.com/"),
        ("name", "Jane  Roe", "Jane Roe"),
        ("date", "5 March 2026", "2026-03-05"),
        ("date", "March 5th, 2026", "05.03.2026"),
        ("date", "2026-03-05T10:00:00Z", "2026-03-05T11:00:00+01:00"),
    ],
)
def test_one_value_in_two_spellings(kind, one, other):
    form = normal_form(one, ValueType(kind))
    assert form
    assert form == normal_form(other, ValueType(kind))


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("id", "ORD-1", "ord-1"),
        ("id", "ORD-1", "ORD-10"),
        ("id", "0017", "17"),
        ("amount", "12.50 EUR", "12.50 USD"),
        ("amount", "12.50", "125.0"),
        ("amount", "-12.50", "12.50"),
        ("address", "Jane@example.com", "jane@example.com"),
        ("address", "jane@example.com", "jane+x@example.com"),
        ("address", "jane@example.com", "jane@example.com.evil.org"),
        ("account", "DE89370400440532013000", "DE89370400440532013001"),
        ("url", "https://example.com/a", "http://example.com/a"),
        ("url", "https://example.com/a", "https://example.com/%61"),
        ("url", "https://example.com/a", "https://example.com/a?to=b"),
        ("name", "Jane Roe", "JANE ROE"),
        ("date", "2026-03-05", "2026-05-03"),
    ],
)
def test_two_values_that_look_alike(kind, one, other):
    forms = [normal_form(text, ValueType(kind)) for text in (one, other)]
    assert all(forms)
    assert forms[0] != forms[1]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id", "ORD 1"),
        ("id", " ORD-1"),
        ("id", "ORD-1\u200b"),
        ("id", "ОRD-1"),  # a Cyrillic O
        ("id", True),
        ("amount", "1,234"),  # a thousand to one reader, one and a bit to another
        ("amount", "1.234"),
        ("amount", "12.50 XXX"),
        ("amount", "$12.50 EUR"),
        ("amount", "1e3"),
        ("amount", "１２"),
        ("amount", "9" * 30),
        ("address", "jane@exаmple.com"),  # a Cyrillic a
        ("address", "Jane <jane@example.com>"),
        ("account", "ACCOUNT"),
        ("account", "DE89 3704 0044 0532 0130 0\u0660"),
        ("url", "https://example.com@evil.org/"),
        ("url", "https://exаmple.com/"),
        ("url", "javascript:alert(1)"),
        ("url", "https://example.com:99999/"),
        ("url", "example.com"),
        ("name", "Jo"),
        ("name", "Jane\u200bRoe"),
        ("date", "03/04/2026"),
        ("date", "2026-02-30"),
        ("date", "2026-03-05T10:00:00"),  # no zone: no moment
        ("date", "tomorrow"),
        ("text", "pay\u202eyap"),
    ],
)
def test_what_is_no_value_of_its_type(kind, value):
    assert normal_form(value, ValueType(kind)) == ""


def test_an_amount_without_a_currency_is_given_in_that_of_what_vouches_for_it():
    bare, euro = (normal_form(text, ValueType.AMOUNT) for text in ("12.50", "12.50 EUR"))
    assert is_vouched_by(bare, euro, ValueType.AMOUNT)
    assert not is_vouched_by(euro, bare, ValueType.AMOUNT)


def test_what_has_no_form_is_vouched_for_by_nothing():
    assert not is_vouched_by("", "", ValueType.ID)


def test_ids_of_one_kind_have_one_shape():
    assert id_shape("ORD-17") == id_shape("ORD-2")
    assert id_shape("ORD-17") != id_shape("CUS-17")
    assert id_shape("main") == id_shape("staging")


def test_the_most_telling_type_of_an_undeclared_value_comes_first():
    assert infer_types("jane@example.com")[0] is ValueType.ADDRESS
    assert infer_types("https://example.com/")[0] is ValueType.URL
    assert infer_types("2026-03-05")[0] is ValueType.DATE
    assert infer_types(True) == ()


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from(["EUR", "USD", "GBP"]))
def test_an_amount_is_one_amount_however_it_is_grouped(number, currency):
    plain, grouped = f"{number} {currency}", f"{number:,} {currency}"
    assert normal_form(plain, ValueType.AMOUNT) == normal_form(grouped, ValueType.AMOUNT) != ""


@given(st.text(max_size=40), st.sampled_from(list(ValueType)))
def test_a_normal_form_is_its_own_normal_form(text, kind):
    form = normal_form(text, kind)
    assert not form or form.startswith(("tel:", "post:")) or normal_form(form, kind) == form


@given(st.text(max_size=40), st.sampled_from([ValueType.ID, ValueType.ACCOUNT, ValueType.URL]))
def test_ids_accounts_and_urls_are_ascii(text, kind):
    assert normal_form(text, kind).isascii()
    assert not normal_form(text, kind) or text.isascii()
