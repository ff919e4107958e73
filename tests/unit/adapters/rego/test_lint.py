"""What a module may not say; the trees are the real engine's."""

from __future__ import annotations

import json

import pytest
import regorus

from bridle.adapters.rego.lint import complain
from bridle.gate.facts_schema import make_facts_schema

SCHEMA = {
    **make_facts_schema(),
    "properties": {**make_facts_schema()["properties"], **{name: {} for name in "abxyz"}, "name": {}},
}
HEAD = "package bridle.gate\n\nimport rego.v1\n\n"
FINDING = '{"rule": "r", "reason": "Told."}'


def complaints(*texts: str) -> list[str]:
    engine = regorus.Engine()
    for number, text in enumerate(texts):
        engine.add_policy(f"m{number}.rego", text)
    return complain(json.loads(engine.get_ast_as_json()), schema=SCHEMA)


def said(body: str) -> list[str]:
    return complaints(HEAD + body)


def test_a_good_module_is_not_complained_about() -> None:
    assert said(f"deny contains {FINDING} if not known\n\nknown if is_string(input.name)\n") == []


def test_another_package_is_refused() -> None:
    (complaint,) = complaints("package bridle.other\n\nimport rego.v1\n\nx := 1\n")
    assert complaint.startswith("m0.rego:1:1: the package is bridle.other")


@pytest.mark.parametrize(
    "rule",
    [
        "answer := {}",
        "answer contains 1",
        "default answer := {}",
        "answer.deny contains 1 if true",
        "allow := true",
        "default allow := true",
        "allow if true",
        "deny(x) if x",
        "ask.more contains 1 if true",
    ],
)
def test_the_verdicts_keep_their_form(rule: str) -> None:
    (complaint,) = said(rule + "\n")
    assert complaint.startswith("m0.rego:5:")


@pytest.mark.parametrize(
    "call",
    [
        "time.now_ns()",
        'http.send({"url": "http://localhost"})',
        "opa.runtime()",
        'rand.intn("a", 5)',
        'uuid.rfc4122("a")',
        'strings.count("aaa", "aa")',
        "walk(input, [_, 1])",
    ],
)
def test_a_call_that_reads_the_world_or_counts_wrong_is_refused(call: str) -> None:
    (complaint,) = said(f"deny contains {FINDING} if {{ x := [y | y := 1; {call}]; x }}\n")
    assert call.split("(")[0] in complaint


@pytest.mark.parametrize(
    "expression",
    [
        'startswith(input.name, "a")',
        "to_number(input.x) == 1",
        "input.a / input.b == 2",
        "count(input.x) > lower(1)",
    ],
)
def test_a_negated_expression_that_can_fail_is_refused(expression: str) -> None:
    found = said(f"deny contains {FINDING} if not {expression}\n")
    assert found
    assert all("`not` around" in complaint for complaint in found)


@pytest.mark.parametrize(
    "expression", ["input.x", "is_string(input.x)", "input.x in {1, 2}", 'input.x == "a"']
)
def test_a_negated_expression_that_cannot_fail_is_allowed(expression: str) -> None:
    assert said(f"deny contains {FINDING} if not {expression}\n") == []


def test_a_negated_call_of_a_function_of_the_set_is_allowed_across_modules() -> None:
    user = HEAD + f"deny contains {FINDING} if not known(input.x)\n"
    assert complaints(user, HEAD + "known(x) if is_string(x)\n") == []
    assert len(complaints(user)) == 1


def test_what_hides_in_a_comprehension_or_an_else_is_found() -> None:
    text = "a := [x | some x in input.l; not to_number(x)]\n\nb := 1 if { input.z } else := time.now_ns()\n"
    assert len(said(text)) == 2
