"""Text to a syntax tree: the two wrappers, their nesting, and errors with the place of their cause."""

from __future__ import annotations

import pytest

from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.parser import parse_condition, parse_template


def fail(text: str, *, condition: bool = False) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        _ = parse_condition(text) if condition else parse_template(text)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "offset", "reason"),
    [
        ("ab ${{ inputs.x", 3, "unclosed"),
        ("ab <+inputs.x", 3, "unclosed"),
        ("<+f", 0, "unclosed"),
        ("<+<+inputs.x>", 0, "unclosed"),
        ("${{ inputs.x }", 0, "unclosed"),
        ("<+(inputs.x>", 12, "bad-expression"),
        ("<+(inputs.x", 2, "unclosed"),
        ("<+inputs[0", 8, "unclosed"),
        ("<+'x>", 2, "bad-expression"),
        ("<+>", 2, "bad-expression"),
        ("<+a.>", 4, "bad-expression"),
        ("<+lowr(a)>", 2, "unknown-function"),
        ("<+a.toUpperCas()>", 4, "unknown-function"),
        ("<+lower(a, b)>", 2, "bad-expression"),
        ("<+a ? b>", 7, "bad-expression"),
        ("<+a == b == c>", 11, "bad-expression"),
        ("<+secrets.getValue(inputs.x)>", 2, "bad-expression"),
        ("a <+input>", 2, "runtime-input-inside"),
        ("<+lower(input.default('x'))>", 8, "runtime-input-inside"),
        ("<+hashFiles('a')>", 2, "no-function:hashFiles"),
        ("<+hash_files('a')>", 2, "no-function:hashFiles"),
        ("<+connectorInputs.resolve(a)>", 18, "unknown-function"),
        ("<+exportedVariables.getValue(inputs.x)>", 2, "bad-expression"),
        ("<<secret:x>>", 12, "forged-placeholder"),
        ("<+" + "(" * 40 + "a", 34, "too-deep"),
        ("<+a" + ".b" * 40 + ">", 67, "too-deep"),
    ],
)
def test_wrong_expression_is_refused_where_it_is_wrong(text: str, offset: int, reason: str) -> None:
    error = fail(text)
    assert (error.offset, error.reason) == (offset, reason)


def test_what_follows_a_condition_is_refused() -> None:
    assert fail("<+a> b", condition=True).offset == 5


def test_unknown_function_is_answered_with_the_nearest() -> None:
    assert "'lower'" in fail("<+lowr(a)>").hint


def test_more_tokens_than_the_limit_are_refused() -> None:
    assert fail("<+a>" * 6000).reason == "too-long"
