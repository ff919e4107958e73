"""What a run is given, against what the plan declares."""

from __future__ import annotations

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.lookup import SecretPlaceholder
from bridle.pipeline.plan import InputSpec, Plan


def resolve(spec: InputSpec, **values: Json) -> Json:
    return resolve_inputs(Plan("p", "p", inputs={"x": spec}), values)["x"]


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("string", "a", "a"),
        ("string", 7, "7"),
        ("number", 7, 7),
        ("number", "-7", -7),
        ("boolean", "True", True),
        ("boolean", False, False),
        ("array", '["a"]', ["a"]),
        ("array", ["a"], ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
    ],
)
def test_value_is_read_as_its_type(type_: str, given: Json, value: Json) -> None:
    assert resolve(InputSpec(type_), x=given) == value


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("string", ["a"]),
        ("number", "1.5"),
        ("number", True),
        ("number", 2**60),
        ("boolean", "yes"),
        ("array", "a"),
        ("array", '{"a": 1}'),
        ("object", "[1]"),
        ("object", "[" * 100_000),
        ("secret", "a b"),
        ("string", "<<secret:a>>"),
        ("array", ["<<secret:a>>"]),
    ],
)
def test_value_of_another_type_is_refused(type_: str, given: Json) -> None:
    with pytest.raises(InputError) as caught:
        resolve(InputSpec(type_), x=given)
    assert caught.value.where == "inputs.x"
    assert caught.value.hint


def test_secret_becomes_a_placeholder() -> None:
    assert isinstance(resolve(InputSpec("secret"), x="token"), SecretPlaceholder)


def test_a_placeholder_that_another_pipeline_hands_on_stays_what_it_is() -> None:
    assert resolve(InputSpec("secret"), x="<<secret:account.token>>") == "<<secret:account.token>>"


@pytest.mark.parametrize(
    "text", ["<<secret:..>>", "<<secret:-a>>", "<<secret:a>> <<secret:b>>", "<<secret:a"]
)
def test_what_is_no_whole_placeholder_names_no_secret(text: str) -> None:
    with pytest.raises(InputError):
        resolve(InputSpec("secret"), x=text)


def test_missing_required_input_is_named() -> None:
    with pytest.raises(InputError, match="'x' is required") as caught:
        resolve(InputSpec("string", required=True))
    assert caught.value.reason == "missing-input"


def test_default_stands_when_nothing_is_given() -> None:
    assert resolve(InputSpec("string", default="d")) == "d"


def test_input_without_value_and_default_is_null() -> None:
    assert resolve(InputSpec("string")) is None


def test_unknown_input_is_answered_with_the_nearest() -> None:
    plan = Plan("p", "p", inputs={"branch": InputSpec("string")})
    with pytest.raises(InputError, match="did you mean 'branch'"):
        resolve_inputs(plan, {"brnch": "x"})


def test_value_outside_the_enum_is_refused() -> None:
    with pytest.raises(InputError, match="use a, b"):
        resolve(InputSpec("string", enum=("a", "b")), x="c")


def test_a_fraction_is_refused_by_saying_that_a_number_is_a_whole_one() -> None:
    with pytest.raises(InputError, match="must be a whole number"):
        resolve(InputSpec("number"), x="3.5")
