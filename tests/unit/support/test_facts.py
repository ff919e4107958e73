"""The quick look at facts says yes to nothing that the library refuses, and spares it what is right."""

import jsonschema
import pytest

from support.facts import SEEN_THROUGH, fits

SCHEMA = {
    "type": "object",
    "properties": {
        "at": {"type": ["string", "null"], "pattern": "^a"},
        "effect": {"enum": ["allow", "ask"]},
        "count": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "boolean"}},
        "free": {},
    },
    "required": ["at"],
    "additionalProperties": False,
}
WRONG = [
    {},
    [],
    {"at": "b"},
    {"at": 1},
    {"at": "a", "effect": "deny"},
    {"at": "a", "count": True},
    {"at": "a", "count": "1"},
    {"at": "a", "list": [True, 0]},
    {"at": "a", "other": 1},
]


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_what_the_library_refuses_does_not_fit(value):
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    assert not fits(value, SCHEMA)


def test_what_is_right_fits():
    assert fits({"at": "abc", "effect": "ask", "count": 3, "list": [True, False], "free": {"x": [1]}}, SCHEMA)


def test_a_keyword_that_is_not_seen_through_is_left_to_the_library():
    assert "minimum" not in SEEN_THROUGH
    assert not fits(5, {"type": "integer", "minimum": 1})
