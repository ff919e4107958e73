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
from bridle.pipeline.failure import FailureAction, FailureRule
from bridle.pipeline.functions import LARGEST_RESULT, ExpressionError
from bridle.pipeline.plan import InputSpec, Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.strategy import Strategy
from bridle.pipeline.tree import Block, Step
from support.examples import examples

QUICK = settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
YAML_WORDS = r"""pipeline: stages: steps run - : <+ > ${{ }} &a *a !x | # ' " [ ] { } \U00110000 null ? <<:"""
YAML_MARKS = ("\n", "  ", "- ", ": ", "\t", "\x00", "\ud800", "---\n", "%YAML 1.1\n")
YAML_PIECES = st.sampled_from([*YAML_WORDS.split(), *YAML_MARKS])
EXPRESSION_WORDS = (
    r"""<+ > ${{ }} inputs.a steps.x.output && || ! == < >= ? : ( ) [ ] ' " \ lower( 1 -2 1.5 . null é"""
)
EXPRESSION_MARKS = (" ", ",", ".split(',')", "success()", "secrets.x")
EXPRESSION_PIECES = st.sampled_from([*EXPRESSION_WORDS.split(), *EXPRESSION_MARKS])
ATOMS = st.sampled_from(
    ["inputs.a", "steps.x.output", "inputs.gone", "'t'", "true", "null", "3", "steps.x.status"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["&&", "||", "==", "!=", "<"]), inner).map(
            lambda t: f"({' '.join(t)})"
        )
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})")
        | st.tuples(st.sampled_from(["lower", "upper", "fromJSON"]), inner).map(lambda t: f"{t[0]}({t[1]})")
        | st.tuples(inner, inner, inner).map(lambda t: f"replace({', '.join(t)})")
        | st.tuples(inner, inner).map(lambda t: f"'${{{{ {t[0]} }}}}<+({t[1]})>'".replace("'t'", "true"))
        | inner.map(lambda text: f"!({text})")
    ),
    max_leaves=8,
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
STEP_OUTPUT = st.fixed_dictionaries({"x": st.fixed_dictionaries({"output": VALUES})})
CONTEXTS = st.fixed_dictionaries({"inputs": st.fixed_dictionaries({"a": VALUES}), "steps": STEP_OUTPUT})
WORDS = st.text(max_size=4)
ACTIONS = st.builds(
    FailureAction,
    st.sampled_from(["fail", "ignore", "retry", "stage-rollback"]),
    st.integers(0, 3),
    st.lists(st.integers(1, 9), max_size=2).map(tuple),
)
RULES = st.lists(st.builds(FailureRule, st.lists(WORDS).map(tuple), ACTIONS), max_size=2).map(tuple)
ENVS = st.dictionaries(WORDS, WORDS, max_size=2)
STRATEGIES = st.none() | st.builds(
    Strategy,
    st.sampled_from(["matrix", "for", "repeat"]),
    axes=st.lists(st.tuples(WORDS, st.lists(VALUES, max_size=2)), max_size=2).map(tuple),
    count=SCALARS,
    fail_fast=st.booleans(),
)
HEAD = {
    "id": WORDS,
    "name": WORDS,
    "condition": WORDS,
    "needs": st.lists(WORDS, max_size=2).map(tuple),
    "strategy": STRATEGIES,
    "on_failure": RULES,
    "timeout_s": st.none() | st.integers(1, 9),
    "env": ENVS,
}
STEPS = st.builds(
    Step, **HEAD, kind=st.sampled_from(["run", "tool"]), with_=st.dictionaries(WORDS, VALUES, max_size=3)
)
NODES = st.recursive(
    STEPS,
    lambda inner: st.builds(
        Block,
        **HEAD,
        kind=st.sampled_from(["group", "parallel"]),
        nodes=st.lists(inner, max_size=2).map(tuple),
        inputs=st.none() | st.dictionaries(WORDS, VALUES, max_size=2),
        transparent=st.booleans(),
    ),
    max_leaves=4,
)
STAGES = st.builds(Block, **HEAD, kind=st.just("stage"), nodes=st.lists(NODES, max_size=2).map(tuple))
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
def test_expressions_raise_nothing_but_expression_errors(text: str, context: dict[str, Json]) -> None:
    with contextlib.suppress(ExpressionError):
        references(text)
    with contextlib.suppress(ExpressionError):
        resolve(text, context)
    with contextlib.suppress(ExpressionError):
        evaluate_condition(text, context, pipeline_failed=False, stage_failed=False, default=DEFAULT_OF_STEP)


@QUICK
@given(st.lists(EXPRESSION_PIECES, max_size=16).map("".join), CONTEXTS)
def test_evaluation_gives_the_same_answer_twice(text: str, context: dict[str, Json]) -> None:
    assert answer(text, context) == answer(text, context)


def answer(text: str, context: dict[str, Json]) -> object:
    """Return what the text gives, or what is wrong with it."""
    try:
        return resolve(text, context)
    except ExpressionError as error:
        return error.reason, error.what


@QUICK
@given(EXPRESSIONS, CONTEXTS)
def test_both_wrappers_give_the_same(text: str, context: dict[str, Json]) -> None:
    assert answer(f"<+({text})>", context) == answer(f"${{{{ ({text}) }}}}", context)


@QUICK
@given(st.sampled_from(["step_one", "stepOne"]), st.sampled_from(["two_words", "twoWords"]), VALUES)
def test_both_namings_give_the_same(step: str, key: str, value: Json) -> None:
    written: dict[str, Json] = {"steps": {"step_one": {"output": {"two_words": value}}}}
    assert resolve(f"<+steps.{step}.output.{key}>", written).value == value


@QUICK
@given(st.text(alphabet=st.characters(exclude_characters="$<")), CONTEXTS)
def test_text_without_wrappers_is_itself(text: str, context: dict[str, Json]) -> None:
    assert resolve(text, context).value == text


@QUICK
@given(EXPRESSIONS, st.integers(1, 40_000))
def test_result_is_never_longer_than_its_bound(text: str, length: int) -> None:
    context: dict[str, Json] = {"inputs": {"a": "ß" * length}, "steps": {"x": {"output": ["é" * length]}}}
    try:
        found = resolve([f"<+({text})>"] * 30, context).value
    except ExpressionError:
        return
    assert len(json.dumps(found, ensure_ascii=False, separators=(",", ":"))) <= LARGEST_RESULT


@QUICK
@given(VALUES)
def test_whole_expression_keeps_its_value(value: Json) -> None:
    assert resolve("<+inputs.a>", {"inputs": {"a": value}}).value == value


@QUICK
@given(PLANS)
def test_plan_survives_json(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
