"""Canonical JSON: one byte string for one value, in the order that RFC 8785 wants."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridle.core.canonical import DEEPEST, LARGEST_INTEGER, as_mapping, canonical, canonical_checked
from bridle.core.errors import InputError

texts = st.text(st.characters(codec="utf-8"), max_size=8)


def test_names_beyond_the_basic_plane_stand_where_utf_16_puts_them():
    assert canonical({"\uff5e": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\uff5e":1}'.encode()


@given(names=st.sets(texts, max_size=8))
def test_names_are_in_the_order_of_their_utf_16_code_units(names):
    written = list(json.loads(canonical(dict.fromkeys(names))))
    assert written == sorted(names, key=lambda name: name.encode("utf-16-be"))


@given(
    value=st.recursive(
        st.none() | texts | st.integers(-99, 99),
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    )
)
def test_a_value_comes_back_and_has_the_same_bytes_again(value):
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


anything = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers() | st.integers(-99, 99) | st.floats(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner)
    ),
)


def told(write, value):
    try:
        return write(value)
    except InputError as error:
        return str(error)


@given(value=anything)
@example(value=LARGEST_INTEGER)
@example(value=-LARGEST_INTEGER - 1)
@example(value={"b": '\x00\x1f\x7f\u2028"\\/', "a": ("\ud800",)})
@example(value={"a": {"half \ud83d": 1}})
def test_the_quick_way_writes_and_refuses_what_the_slow_one_does(value):
    assert told(canonical, value) == told(canonical_checked, value)


def test_a_value_that_holds_itself_is_refused():
    value = [1]
    value += [value, value]
    with pytest.raises(InputError, match="too deep"):
        canonical(value)


NO_FORM = [
    1e-9,
    1e300,
    float("nan"),
    float("inf"),
    {1: "a"},
    {"a": b"b"},
    2**53,
    "half \ud83d a pair",
    {"\ud83d": 1},
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (49.9, b"49.9"),
        (-0.25, b"-0.25"),
        (5.0, b"5"),
        (0.0, b"0"),
        (-0.0, b"0"),
        (0.0001, b"0.0001"),
        (123456.789, b"123456.789"),
    ],
)
def test_a_float_has_the_form_that_every_language_prints(value, text):
    assert canonical(value) == text


@pytest.mark.parametrize(
    "wrap", [lambda value: [value], lambda value: {"ä": value}], ids=["plain", "looked-at"]
)
def test_what_is_nested_too_deep_is_refused(wrap):
    value = ""
    for _ in range(DEEPEST):
        value = wrap(value)
    canonical(value)
    with pytest.raises(InputError, match="too deep"):
        canonical(wrap(value))


@pytest.mark.parametrize("value", NO_FORM)
def test_what_has_no_exact_form_is_refused(value):
    with pytest.raises(InputError):
        canonical(value)


@pytest.mark.parametrize("value", [None, "facts", []])
def test_what_is_no_mapping_is_never_taken_for_an_empty_one(value):
    with pytest.raises(AssertionError):
        as_mapping(value)
