"""Whom a wake reaches: the branch that carries the path, whatever its cells, attempts and blocks without an id are called."""

import pytest

from bridle.adapters.dbos.names import find_carriers
from bridle.engine.position import Position
from bridle.pipeline.read import read_pipeline

TEXT = """
pipeline:
  id: p
  stages:
    - id: s
      steps:
        - {id: before, run: "true"}
        - parallel:
            steps:
              - group: {steps: [{id: unnamed, wait: 1s}]}
              - {id: named, wait: 1s}
              - id: loop
                strategy: {while: {iterations: 3, condition: "true"}}
                group: {steps: [{id: inside, wait: 1s}]}
"""
LIVE = ["exe_1", "exe_1/s/step_2_1", "exe_1/s/named", "exe_1/s/loop"]


def position(*indexes, cell=None, attempt=1):
    """Return a place below the parallel block; `cell` is that of its branch."""
    found = Position(read_pipeline(TEXT, source="p.yaml")).below(0).below(1)
    for at, index in enumerate(indexes):
        found = found.below(index)
        found = found.in_cell(cell) if at == 0 and cell is not None else found
    return found.as_attempt(attempt)


@pytest.mark.parametrize(
    ("place", "carrier"),
    [
        (position(1), "exe_1/s/named"),
        (position(1, attempt=2), "exe_1/s/named"),
        (position(0, 0), "exe_1/s/step_2_1"),
        (position(2, 0, cell=1), "exe_1/s/loop"),
    ],
    ids=lambda value: value.path if isinstance(value, Position) else "",
)
def test_a_wake_reaches_the_branch_that_carries_the_path(place, carrier):
    assert carrier in LIVE
    assert carrier in find_carriers("exe_1", place.path, LIVE)


def test_the_branches_are_called_as_these_tests_say():
    assert [f"exe_1/{position(index).name}" for index in range(3)] == LIVE[1:]


def test_a_cell_of_many_is_woken_alone():
    live = ["exe_1", *(f"exe_1/s/x_{cell}" for cell in range(5))]
    assert find_carriers("exe_1", "s/x_3/ask", live) == ["exe_1/s/x_3"]


def test_what_no_branch_carries_is_woken_at_the_root_alone():
    assert find_carriers("exe_1", "t/ask", LIVE) == ["exe_1"]
