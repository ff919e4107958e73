"""What is known of a run before it runs: cells, chained pipelines, inputs; and that nothing is guessed."""

import textwrap

import pytest

from bridle.pipeline.library import Library, Volume
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.unfolding import foresee_inputs, unfold

INNER = """
pipeline:
  id: inner
  inputs: {place: {type: string, required: true, enum: [eu, us]}, tries: {type: number, default: 2}}
  stages: [{id: go, strategy: {for: {iterations: <+inputs.tries>}}, steps: [{id: push, run: echo <+inputs.place>}]}]
"""


class Inner(Library):
    def find_pipeline(self, uses):
        return Volume(uses, "", INNER, "inner.yaml", "sha256:1")


def read(step, head=""):
    text = f"pipeline:\n  id: p\n{textwrap.indent(head, '  ')}\n  stages: [{step}]\n"
    return read_pipeline(text, source="p.yaml", library=Inner())


def stage(step, head=""):
    return read(f"{{id: s, steps: [{step}]}}", head)


def foresee(plan, **given):
    nodes = list(unfold(plan, foresee_inputs(plan, given)))
    return {here.path: here.values or here.why or here.cells for here in nodes if here.path != "s"}


def test_a_matrix_is_its_cells():
    plan = stage(
        "{id: b, strategy: {matrix: {os: [deb, rpm], arch: [a], node-name: on <+matrix.os>}}, run: x}"
    )
    nodes = {here.path: here for here in unfold(plan, {})}
    assert [nodes["s/b"].cells, nodes["s/b_1"].values, nodes["s/b_1"].name] == [
        2,
        {"os": "rpm", "arch": "a"},
        "on rpm",
    ]


def test_a_strategy_over_inputs_is_as_long_as_what_is_given():
    plan = stage(
        "{id: b, strategy: {repeat: {items: <+inputs.places>}}, run: x}",
        "inputs: {places: {type: array, default: [eu]}}",
    )
    assert foresee(plan) == {"s/b": 1, "s/b_0": "eu"}
    assert foresee(plan, places=["us", "de"]) == {"s/b": 2, "s/b_0": "us", "s/b_1": "de"}


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("strategy: {repeat: {items: <+steps.a.output.x>}}", "known once steps.a.output.x is"),
        ("strategy: {for: {iterations: <+inputs.n>}}", "known once inputs.n is"),
        (
            "strategy: {for: {iterations: <+inputs.word>}}",
            "cannot begin: 'iterations' is not a number: 'ten'",
        ),
        ("strategy: {while: {iterations: 5, condition: <+strategy.iteration> < 3}}", 5),
    ],
)
def test_what_is_not_known_is_not_guessed(step, why):
    inputs = "inputs: {n: {type: number, required: true}, word: {type: string, default: ten}}"
    plan = stage(f"{{id: a, run: {{script: x, output: [x]}}}}, {{id: b, {step}, run: x}}", inputs)
    assert foresee(plan)["s/b"] == why


def test_what_hangs_on_an_outer_cell_is_known_in_it():
    plan = read(
        "{id: s, strategy: {matrix: {n: [1, 2]}},"
        " steps: [{id: b, strategy: {for: {iterations: <+matrix.n>}}, run: x}]}"
    )
    assert [path for path in foresee(plan) if path.startswith("s_")] == [
        *("s_0", "s_0/b", "s_0/b_0"),
        *("s_1", "s_1/b", "s_1/b_0", "s_1/b_1"),
    ]


def test_a_chained_pipeline_has_its_steps_and_what_it_is_given():
    plan = read(
        "{id: s, strategy: {matrix: {place: [eu]}},"
        " chain: {uses: inner, with: {inputs: {place: <+matrix.place>, tries: 1}}}}"
    )
    nodes = {here.path: here for here in unfold(plan, {})}
    assert list(nodes) == ["s", "s_0", "s_0/chain", "s_0/chain:go", "s_0/chain:go_0", "s_0/chain:go_0/push"]
    assert nodes["s_0/chain"].inputs == {"place": "eu", "tries": 1}


def test_a_chained_pipeline_whose_input_is_not_known_has_no_default_instead():
    head = "inputs: {tries: {type: number, required: true}}"
    plan = read("{id: s, chain: {uses: inner, with: {inputs: {place: eu, tries: <+inputs.tries>}}}}", head)
    nodes = {here.path: here for here in unfold(plan, {})}
    assert nodes["s/chain"].inputs == {"place": "eu"}
    assert nodes["s/chain:go"].why == "known once inputs.tries is"


def test_a_chained_pipeline_that_refuses_what_it_is_given_would_not_begin():
    plan = read("{id: s, chain: {uses: inner, with: {inputs: {place: mars}}}}")
    assert foresee(plan) == {"s/chain": "cannot begin: inputs.place: not an allowed value"}


def test_variables_are_known_where_what_they_hang_on_is():
    plan = stage(
        "{id: b, strategy: {matrix: {v: [<+variable.one>, <+pipeline.variables.one>]}}, run: x}",
        "variables: {one: <+variable.account.region>}",
    )
    shared = {"account": {"region": "eu"}}
    assert [here.values for here in unfold(plan, {}, shared=shared)][2:] == [{"v": "eu"}, {"v": "eu"}]
