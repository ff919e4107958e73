"""Properties over generated text and values: nothing but InputError, and the same answer every time."""

from __future__ import annotations

import contextlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.conditions import DEFAULT_OF_STEP, evaluate_condition
from bridle.pipeline.expressions import references, resolve
from bridle.pipeline.plan import FailureRule, InputSpec, Plan, Stage, Step
from bridle.pipeline.read import read_pipeline

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
YAML_WORDS = r"""pipeline: stages: steps run - : <+ > ${{ }} &a *a !x | # ' " [ ] { } \U00110000 null ? <<:"""
YAML_MARKS = ("\n", "  ", "- ", ": ", "\t", "\x00", "\ud800", "---\n", "%YAML 1.1\n")
YAML_PIECES = st.sampled_from([*YAML_WORDS.split(), *YAML_MARKS])
EXPRESSION_WORDS = (
    r"""<+ > ${{ }} inputs.a steps.x.output && || ! == < >= ? : ( ) [ ] ' " \ lower( 1 -2 1.5 . null é"""
)
EXPRESSION_MARKS = (" ", ",", ".split(',')", "success()", "secrets.x")
EXPRESSION_PIECES = st.sampled_from([*EXPRESSION_WORDS.split(), *EXPRESSION_MARKS])
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
STEP_OUTPUT = st.fixed_dictionaries({"x": st.fixed_dictionaries({"output": VALUES})})
CONTEXTS = st.fixed_dictionaries({"inputs": st.fixed_dictionaries({"a": VALUES}), "steps": STEP_OUTPUT})
WORDS = st.text(max_size=4)
RULES = st.lists(st.builds(FailureRule, st.lists(WORDS).map(tuple), WORDS), max_size=2).map(tuple)
ENVS = st.dictionaries(WORDS, WORDS, max_size=2)
STEPS = st.builds(
    Step,
    *[WORDS] * 4,
    st.dictionaries(WORDS, VALUES, max_size=3),
    RULES,
    st.none() | st.integers(1, 9),
    ENVS,
)
STAGES = st.builds(Stage, *[WORDS] * 3, st.lists(STEPS, max_size=2).map(tuple), RULES, WORDS)
INPUTS = st.builds(
    InputSpec,
    WORDS,
    st.booleans(),
    VALUES,
    WORDS,
    st.lists(VALUES, max_size=2).map(tuple),
)
PLANS = st.builds(
    Plan,
    WORDS,
    WORDS,
    st.dictionaries(WORDS, INPUTS, max_size=2),
    st.lists(STAGES, max_size=2).map(tuple),
    ENVS,
    st.lists(WORDS, max_size=2).map(tuple),
)


@QUICK
@given(st.text() | st.binary() | st.lists(YAML_PIECES, max_size=30).map("".join))
def test_reader_raises_nothing_but_input_errors(text: str | bytes) -> None:
    with contextlib.suppress(InputError):
        read_pipeline(text, source="p.yaml")


@QUICK
@given(st.data())
def test_reader_survives_a_damaged_file(autofix_text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(autofix_text)))
    length = data.draw(st.integers(0, 20))
    piece = data.draw(YAML_PIECES | st.text(max_size=3))
    with contextlib.suppress(InputError):
        read_pipeline(autofix_text[:start] + piece + autofix_text[start + length :], source="p.yaml")


@QUICK
@given(st.text() | st.lists(EXPRESSION_PIECES, max_size=16).map("".join), CONTEXTS)
def test_expressions_raise_nothing_but_input_errors(text: str, context: dict[str, Json]) -> None:
    with contextlib.suppress(InputError):
        references(text)
    with contextlib.suppress(InputError):
        resolve(text, context)
    with contextlib.suppress(InputError):
        evaluate_condition(text, context, pipeline_failed=False, stage_failed=False, default=DEFAULT_OF_STEP)


@QUICK
@given(st.lists(EXPRESSION_PIECES, max_size=16).map("".join), CONTEXTS)
def test_evaluation_gives_the_same_answer_twice(text: str, context: dict[str, Json]) -> None:
    def answer() -> object:
        try:
            return resolve(text, context)
        except InputError as error:
            return str(error)

    assert answer() == answer()


@QUICK
@given(VALUES)
def test_whole_expression_keeps_its_value(value: Json) -> None:
    assert resolve("<+inputs.a>", {"inputs": {"a": value}}).value == value


@QUICK
@given(PLANS)
def test_plan_survives_json(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
