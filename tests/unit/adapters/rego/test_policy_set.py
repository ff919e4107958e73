"""Policy sets: what their digest covers, and what is no set."""

from __future__ import annotations

import pytest

from bridle.adapters.rego.policy_set import ANSWER_NAME, MAX_MODULES, build_policy_set
from bridle.core.errors import InputError


def test_the_digest_covers_names_and_texts_and_not_their_order() -> None:
    one = build_policy_set({"a.rego": "x", "b.rego": "y"})
    assert one.digest == build_policy_set({"b.rego": "y", "a.rego": "x"}).digest
    assert one.digest != build_policy_set({"a.rego": "x", "b.rego": "z"}).digest
    assert one.digest != build_policy_set({"a.rego": "x", "c.rego": "y"}).digest


@pytest.mark.parametrize(
    "modules", [{}, {ANSWER_NAME: "x"}, {f"{number}.rego": "x" for number in range(MAX_MODULES + 1)}]
)
def test_what_is_no_set_is_refused(modules: dict[str, str]) -> None:
    with pytest.raises(InputError):
        build_policy_set(modules)
