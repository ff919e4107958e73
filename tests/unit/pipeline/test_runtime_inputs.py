"""Runtime inputs: what their modifiers say, where they may stand, and the values they take."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.core.canonical import Json
from bridle.pipeline.expressions import references, render
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.runtime_inputs import (
    RuntimeInput,
    bind_runtime_inputs,
    check_runtime_value,
    read_runtime_input,
)
from support.examples import examples


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<+input>", RuntimeInput()),
        (" ${{ input }} ", RuntimeInput()),
        ("<+input>.default('main')", RuntimeInput(has_default=True, default="main")),
        ("<+input.default('main')>", RuntimeInput(has_default=True, default="main")),
        ("${{ input.default(3) }}", RuntimeInput(has_default=True, default=3)),
        ("${{ input }}.default(null)", RuntimeInput(has_default=True)),
        ("<+input>.allowedValues(dev, 'a,b', \"c\")", RuntimeInput(allowed=("dev", "a,b", "c"))),
        ("<+input>.allowed_values(1,true)", RuntimeInput(allowed=(1, True))),
        ("<+input>.selectOneFrom(a,b)", RuntimeInput(allowed=("a", "b"))),
        ("<+input>.selectManyFrom(a,b)", RuntimeInput(allowed=("a", "b"), several=True)),
        ("<+input>.regex(^v(1|2)[)]$)", RuntimeInput(pattern="^v(1|2)[)]$")),
        ("<+input>.regex('^a\\'$')", RuntimeInput(pattern="^a'$")),
        ("<+input>.executionInput()", RuntimeInput(is_asked_late=True)),
        (
            "<+input>.default(a).allowedValues(a,b).executionInput()",
            RuntimeInput(has_default=True, default="a", allowed=("a", "b"), is_asked_late=True),
        ),
        ("<+inputs.a>", None),
        ("plain", None),
    ],
)
def test_modifiers_are_read(text: str, wanted: RuntimeInput | None) -> None:
    assert read_runtime_input(text) == wanted


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<+input> and more", "runtime-input-inside"),
        ("<+input>.default('a'", "unclosed"),
        ("<+input.default('a')", "runtime-input-inside"),
        ("<+input>.defualt('a')", "unknown-function"),
        ("<+input>.default()", "bad-expression"),
        ("<+input>.default(a,b)", "bad-expression"),
        ("<+input>.allowedValues()", "bad-expression"),
        ("<+input>.regex((?=a))", "bad-pattern"),
        ("<+input>.regex((a)\\1)", "bad-pattern"),
        ("<+input>.regex([)", "unclosed"),
        ("<+input>.regex(" + "a" * 1001 + ")", "bad-pattern"),
        ("<+input>.regex(((a{1,1000}){1,1000}){1,1000})", "bad-pattern"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_runtime_input(text)
    assert caught.value.reason == reason
    with pytest.raises(ExpressionError):
        references(text)


def test_values_take_the_place_of_runtime_inputs() -> None:
    value: Json = {
        "a": "<+input>",
        "b": ["<+input>.default(2)", "<+input>.executionInput()"],
        "c": "<+inputs.x>",
    }
    bound = bind_runtime_inputs(value, {"a": {"k": 1}})
    assert bound == {"a": {"k": 1}, "b": [2, "<+input>.executionInput()"], "c": "<+inputs.x>"}


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("<+input>", None, "missing-runtime-input"),
        ("<+input>.allowedValues(a,b)", "c", "bad-input-value"),
        ("<+input>.selectManyFrom(a,b)", "a", "bad-input-value"),
        ("<+input>.selectManyFrom(a,b)", ["a", "c"], "bad-input-value"),
        ("<+input>.regex(v[0-9]+)", "xv1", "bad-input-value"),
        ("<+input>.regex(v[0-9]+)", ["v1"], "bad-input-value"),
        ("<+input>.regex(.*)", "\ud800", "bad-input-value"),
    ],
)
def test_refused_value_is_named(text: str, value: Json, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        bind_runtime_inputs({"x": text}, {"x": value})
    assert caught.value.reason == reason
    assert "x" in caught.value.what


def test_allowed_values_pass() -> None:
    assert check_runtime_value(RuntimeInput(allowed=("a", 1), several=True), ["a", "1"]) == ["a", "1"]


def test_runtime_input_without_a_value_has_none_during_the_run() -> None:
    with pytest.raises(ExpressionError) as caught:
        render("<+input>", {})
    assert caught.value.reason == "missing-runtime-input"


PIECES = st.sampled_from(
    ["<+input", ">", "${{ input", "}}", ".default(", "regex(", ")", "'", '"', "\\", ",", "a", "[", "("]
)


@settings(max_examples=examples(300))
@given(st.lists(PIECES, max_size=12).map("".join) | st.text())
def test_reading_raises_nothing_but_expression_errors(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        read_runtime_input(text)
