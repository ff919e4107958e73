"""What a provider's failure says to whoever reads it."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import ModelAuthenticationError, ModelConnectionError

from bridle.adapters.models.failures import explain


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("anthropic:m", "ANTHROPIC_API_KEY"),
        ("openai:m", "OPENAI_API_KEY"),
        ("openai:m@https://models.example/v1", "BRIDLE_MODEL_KEY"),
        ("bedrock:m", "AWS_BEARER_TOKEN_BEDROCK"),
    ],
)
def test_a_refused_key_is_named_by_its_variable(model: str, variable: str) -> None:
    assert variable in explain(ModelAuthenticationError(401, "m"), model=model).hint


def test_who_did_not_answer_is_named_without_what_else_the_address_holds() -> None:
    error = explain(
        ModelConnectionError("m", "Connection error."), model="openai:m@http://a:b@models.example:9/v1?key=c"
    )
    assert error.what.endswith("Connection error. (models.example:9)")
