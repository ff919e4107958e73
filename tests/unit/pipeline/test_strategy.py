"""Cells of a matrix, against the rules stated the long way round: every combination is looked at, one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.core.errors import InputError
from bridle.pipeline.strategy import MOST_CELLS, Strategy, expand
from support.examples import examples

AXES = ("a", "b", "c")
VALUES = ("x", "y", "z")


def cells_of(**spec):
    spec = {"axes": [], "include": [], "exclude": [], **spec}
    return [dict(cell.values) for cell in expand(Strategy("matrix"), spec)]


def state_the_rules(axes, include, exclude):
    """Number the combinations like a counter whose last digit is the last axis; then take out, widen, and add."""
    total = 1
    for _, values in axes:
        total *= len(values)
    cells, own = [], []
    for number in range(total if axes else 0):
        cell, rest = {}, number
        for name, values in reversed(axes):
            rest, digit = divmod(rest, len(values))
            cell[name] = values[digit]
        cell = {name: cell[name] for name, _ in axes}
        if not any(set(item.items()) <= set(cell.items()) for item in exclude):
            cells.append(cell)
    original = [dict(cell) for cell in cells]
    names = {name for name, _ in axes}
    for item in include:
        fits = [
            index
            for index, cell in enumerate(original)
            if all(cell[name] == value for name, value in item.items() if name in names)
        ]
        for index in fits:
            cells[index].update(item)
        if not fits:
            own.append(item)
    return [*cells, *own]


axes_of_any_size = st.dictionaries(
    st.sampled_from(AXES), st.lists(st.sampled_from(VALUES), unique=True, max_size=3)
).map(lambda found: sorted(found.items()))
partial = st.dictionaries(st.sampled_from(AXES), st.sampled_from(VALUES), min_size=1)
extra = st.dictionaries(st.sampled_from((*AXES, "flag", "note")), st.sampled_from(VALUES), min_size=1)


@settings(max_examples=examples(400))
@given(axes=axes_of_any_size, include=st.lists(extra, max_size=4), exclude=st.lists(partial, max_size=3))
def test_the_cells_are_those_that_the_rules_name_in_their_order(axes, include, exclude):
    listed = [[name, values] for name, values in axes]
    found = cells_of(axes=listed, include=include, exclude=exclude)
    assert found == state_the_rules(axes, include, exclude)


def test_a_matrix_of_nothing_but_includes_is_those():
    assert cells_of(include=[{"site": "a"}, {"site": "b"}]) == [{"site": "a"}, {"site": "b"}]


def test_an_include_adds_nothing_to_what_another_include_has_added():
    found = cells_of(axes=[["a", ["x"]]], include=[{"a": "y"}, {"flag": "1"}])
    assert found == [{"a": "x", "flag": "1"}, {"a": "y"}]


@settings(max_examples=examples(100))
@given(
    items=st.lists(st.integers(), max_size=30),
    size=st.integers(1, 40),
    unit=st.sampled_from(["count", "percentage"]),
)
def test_the_parts_of_a_repeat_are_all_items_in_their_order_and_none_is_larger_than_asked(items, size, unit):
    strategy = Strategy("repeat", unit=unit)
    parts = [cell.item for cell in expand(strategy, {"items": items, "partition_size": size})]
    assert [item for part in parts for item in part] == items
    most = size if unit == "count" else -(-len(items) * size // 100)
    assert all(1 <= len(part) <= most for part in parts)


def test_more_cells_than_are_run_are_refused_before_they_are_made():
    with pytest.raises(InputError, match="cells"):
        cells_of(axes=[[name, list(range(100))] for name in "abcdef"])
    assert len(expand(Strategy("for"), {"count": MOST_CELLS})) == MOST_CELLS
