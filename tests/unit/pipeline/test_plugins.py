"""`with` of a run step as PLUGIN_* variables."""

from __future__ import annotations

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.plugins import plugin_environment


@pytest.mark.parametrize(
    ("with_", "wanted"),
    [
        ({"max_turns": 40}, {"PLUGIN_MAX_TURNS": "40"}),
        ({"max-turns": "40"}, {"PLUGIN_MAX_TURNS": "40"}),
        ({"a.b": True}, {"PLUGIN_A_B": "true"}),
        ({"fooBar": "x"}, {"PLUGIN_FOOBAR": "x", "PLUGIN_FOO_BAR": "x"}),
        ({"list": ["a", 1, False]}, {"PLUGIN_LIST": "a,1,false"}),
        ({"list": []}, {"PLUGIN_LIST": ""}),
        ({"list": [{"a": 1}]}, {"PLUGIN_LIST": '[{"a":1}]'}),
        ({"map": {"b": [1]}}, {"PLUGIN_MAP": '{"b":[1]}'}),
        ({"gone": None}, {}),
        ({"a-b": "x", "a_b": "x"}, {"PLUGIN_A_B": "x"}),
    ],
)
def test_with_becomes(with_: dict[str, Json], wanted: dict[str, str]) -> None:
    assert plugin_environment(with_) == wanted


@pytest.mark.parametrize(
    ("with_", "reason"),
    [
        ({"a-b": "x", "a_b": "y"}, "plugin-name-clash"),
        ({"": "x"}, "bad-plugin-name"),
        ({"a b": "x"}, "bad-plugin-name"),
        ({"a=b": "x"}, "bad-plugin-name"),
        ({"ß": "x"}, "bad-plugin-name"),
    ],
)
def test_name_that_cannot_be_a_variable_is_refused(with_: dict[str, Json], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        plugin_environment(with_)
    assert caught.value.reason == reason
