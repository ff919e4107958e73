"""What approvers fill in is checked before anything is recorded."""

import pytest

from bridle.core.errors import InputError
from bridle.gate.approver_inputs import LONGEST, fill_inputs


def spec(**changes):
    empty = {"description": "", "required": False, "default": None, "enum": [], "pattern": None}
    return {**empty, "multi_select": False, **changes}


DECLARED = {
    "ticket": spec(required=True, pattern=r"CHG-\d+"),
    "window": spec(enum=["now", "tonight"], default="tonight"),
    "regions": spec(enum=["eu", "us", "ap"], multi_select=True),
}


def test_what_was_filled_in_stands_beside_the_defaults():
    found = fill_inputs(DECLARED, {"ticket": "CHG-7", "regions": "eu, us,eu"})
    assert found == {"ticket": "CHG-7", "window": "tonight", "regions": ["eu", "us"]}


def test_what_may_be_left_out_is_nothing():
    assert fill_inputs({"a": spec(), "b": spec(enum=["x"], multi_select=True)}, {}) == {"a": None, "b": []}


@pytest.mark.parametrize(
    ("given", "reason", "where"),
    [
        ({}, "missing-input", "inputs.ticket"),
        ({"ticket": ""}, "missing-input", "inputs.ticket"),
        ({"ticket": "CHG-7x"}, "bad-input-value", "inputs.ticket"),
        ({"ticket": "CHG-" + "1" * LONGEST}, "bad-input-value", "inputs.ticket"),
        ({"ticket": "CHG-7", "window": "never"}, "bad-input-value", "inputs.window"),
        ({"ticket": "CHG-7", "regions": "eu,mars"}, "bad-input-value", "inputs.regions"),
        ({"ticket": "CHG-7", "tickt": "x"}, "unknown-input", ""),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(given, reason, where):
    with pytest.raises(InputError) as raised:
        fill_inputs(DECLARED, given)
    assert (raised.value.reason, raised.value.where) == (reason, where)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"a*a*a*a*a*a*b", r"(?=a)b"])
def test_no_pattern_and_value_take_for_ever(pattern):
    with pytest.raises(InputError) as raised:
        fill_inputs({"v": spec(pattern=pattern)}, {"v": "a" * (LONGEST - 1) + "!"})
    assert (raised.value.reason, raised.value.where) == ("bad-input-value", "inputs.v")
