"""Variables of a pipeline and of its stages, and inputs of a stage: what is read, and from where it can be looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.complaint import Complaint
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.variables import evaluate_variables, read_shared

Complain = Callable[..., tuple[Complaint, ...]]

TWO = """\
pipeline:
  id: p
  inputs: {{key: {{type: secret}}}}
  variables: {{shared: 1}}
  stages:
    - id: one
      variables: {{own: x, other: {value}}}
      steps: [{{id: a, run: ls, env: {{X: '{env}'}}}}]
    - id: two
      if: {condition}
      steps: [ls]
"""


def write(*, value: str = "y", env: str = "", condition: str = "true") -> str:
    return TWO.format(value=value, env=env, condition=condition)


@pytest.mark.parametrize(
    "env",
    [
        "<+variable.own>",
        "<+variable.shared>",
        "<+pipeline.variables.shared>",
        "<+stage.variables.other>",
        "${{ variable.shared }}",
    ],
)
def test_a_step_sees_the_variables_around_it(env: str) -> None:
    assert read_pipeline(write(env=env), source="p.yaml").variables == {"shared": {"type": "", "value": 1}}


SHARED = {"account": {"a": 1}, "project": {"team": "x"}}


@pytest.mark.parametrize("env", ["<+variable.account.a>", "<+variable.team>", "<+variable.shared>"])
def test_variables_of_the_installation_are_known_by_name(env: str) -> None:
    assert read_pipeline(write(env=env), source="p.yaml", shared=SHARED).stages


@pytest.mark.parametrize("env", ["<+variable.account.b>", "<+variable.org.a>", "<+variable.a>"])
def test_one_that_the_installation_does_not_have_is_refused_with_its_line(env: str) -> None:
    with pytest.raises(InputError) as caught:
        read_pipeline(write(env=env), source="p.yaml", shared=SHARED)
    assert (caught.value.reason, caught.value.where) == ("unknown-variable", "p.yaml:8:44")


def test_where_nobody_knows_them_any_may_be_named() -> None:
    assert read_pipeline(write(env="<+variable.account.b>"), source="p.yaml").stages


@pytest.mark.parametrize(
    "content",
    [[1], {"team": {}}, {"account": 1}, {"org": {"a b": 1}}, {"org": {"a": [1]}}, {"org": {"a": None}}],
)
def test_a_file_of_something_else_is_refused(content: object) -> None:
    with pytest.raises(InputError, match=r"variables|mapping|name"):
        read_shared(content, where="variables.yaml")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (write(value="y, account: z"), 7, "bad-variable"),
        (write(env="<+variable.owm>"), 8, "unknown-variable"),
        (write(env="<+pipeline.variables.own>"), 8, "unknown-variable"),
        (write(value="<+variable.own>"), 7, "unknown-variable"),
        (write(value="<+secrets.x>"), 7, "secret-outside-env"),
        (write(value="<+inputs.key>"), 7, "secret-outside-env"),
        (write(value="{type: secret, value: x}"), 7, "unknown-variable-type"),
        (write(value="{type: number, value: x}"), 7, "bad-variable"),
        (write(condition="<+variable.own> == 'x'"), 10, "unknown-variable"),
        (write(condition="<+stages.one.variables.onw> == 'x'"), 10, "unknown-variable"),
        (write().replace("own: x", "a b: x"), 7, "bad-variable"),
    ],
)
def test_what_has_no_value_there_is_refused(complain: Complain, text: str, line: int, reason: str) -> None:
    (complaint,) = complain(text, whole=True)
    assert (complaint.place.line, complaint.reason) == (line, reason)
    assert complaint.hint


def test_a_mapping_of_other_names_is_a_value(read_steps: Callable[..., Plan]) -> None:
    plan = read_steps("- ls", head="variables: {limits: {cpu: 2, value: 3}}")
    assert plan.variables["limits"] == {"type": "", "value": {"cpu": 2, "value": 3}}


def test_what_an_expression_makes_is_of_the_type_too() -> None:
    declared = {"n": {"type": "number", "value": "<+inputs.n>"}}
    assert evaluate_variables(declared, {"inputs": {"n": "7"}}) == {"n": 7}
    with pytest.raises(InputError, match="whole number"):
        evaluate_variables(declared, {"inputs": {"n": "seven"}})


STAGE_INPUTS = "pipeline: {{inputs: {{k: {{type: secret}}, s: {{}}}}, stages: [{{id: one, {0}}}]}}"


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("inputs: {a: {required: true}}, steps: [ls]", "missing-input"),
        ("inputs: {a: {}}, with: {b: 1}, steps: [ls]", "unknown-input"),
        ("inputs: {a: {}}, steps: [{run: 'echo <+inputs.b>'}]", "unknown-input"),
        ("inputs: {a: {}}, steps: [{run: 'echo <+inputs.k>'}]", "secret-outside-env"),
        ("inputs: {a: {}}, parallel: [{steps: [ls]}]", "misplaced-inputs"),
    ],
)
def test_a_stage_s_inputs_are_given_and_known(complain: Complain, stage: str, reason: str) -> None:
    assert [item.reason for item in complain(STAGE_INPUTS.format(stage), whole=True)] == [reason]


def test_a_stage_with_inputs_sees_those_of_the_pipeline_as_well() -> None:
    stage = "inputs: {a: {default: x}}, with: {a: <+inputs.s>}, steps: [{run: ls, env: {K: <+inputs.k>, S: <+inputs.s>}}]"
    plan = read_pipeline(STAGE_INPUTS.format(stage), source="p.yaml")
    assert plan.stages[0].inputs == {"k": "<+inputs.k>", "s": "<+inputs.s>", "a": "${{ inputs.s }}"}  # type: ignore[union-attr]
