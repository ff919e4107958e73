"""What of the facts is a question, and which answers are remembered."""

import json

import pytest
import regorus

from bridle.adapters.rego import memory
from bridle.adapters.rego.memory import LONGEST, Memory
from bridle.adapters.rego.reads import list_reads
from bridle.trust.policy import PolicyAnswer

ANSWER = PolicyAnswer((), (), (), "sha256:0", ())
DOCUMENT = {"action": {"tool": "t", "effect": "read"}, "loop": None, "scope": ["a"], "now": "today"}


@pytest.mark.parametrize(
    ("paths", "part"),
    [
        ([["action", "tool"]], {"action": {"tool": "t"}}),
        ([["action", "tool"], ["action"]], {"action": DOCUMENT["action"]}),
        ([["action"], ["action", "tool"]], {"action": DOCUMENT["action"]}),
        ([["scope", "*"]], {"scope": ["a"]}),
        ([["action", "*", "x"]], {"action": DOCUMENT["action"]}),
        ([["loop", "times"]], {"loop": None}),
        ([["scope", "name"]], {"scope": ["a"]}),
        ([["plan", "id"]], {}),
        ([[]], DOCUMENT),
        ([["*"]], DOCUMENT),
    ],
)
def test_the_question_is_what_the_modules_name(paths, part):
    assert Memory(paths).part(DOCUMENT) == part


@pytest.mark.parametrize(
    "text",
    [
        "import input.action as a\n\nx if a.tool",
        'x if input["action"].tool',
        'x if { some name in ["tool"]; input.action[name] }',
        "f(a) if a.tool\n\nx if f(input.action)",
        "x := {a.tool | a := input.action}",
        "x if { y := input.action; y.tool }",
        "default x := false\n\nx if not input.action.tool == 1",
        "x[input.action.tool] := 1",
        "x if count(input.action.tool) > 0 with input.action as {}",
        "x if every a in [input.action] { a.tool }",
        "x := 1 if false else := input.action.tool",
    ],
)
def test_whatever_the_way_a_fact_is_named_it_is_read(text):
    engine = regorus.Engine()
    engine.add_policy("t.rego", f"package bridle.gate\n\nimport rego.v1\n\n{text}\n")
    reads = list_reads(json.loads(engine.get_ast_as_json()))
    assert Memory(reads).part(DOCUMENT)["action"]["tool"] == "t"


def test_an_answer_is_found_by_the_same_question_alone():
    kept = Memory([])
    kept.keep(b"one", ANSWER)
    assert kept.find(b"one") is ANSWER
    assert kept.find(b"two") is None


def test_a_long_question_is_not_remembered():
    kept = Memory([])
    kept.keep(b"x" * (LONGEST + 1), ANSWER)
    assert kept.find(b"x" * (LONGEST + 1)) is None


def test_no_more_than_so_many_are_remembered(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 2)
    kept = Memory([])
    for question in (b"1", b"2", b"3"):
        kept.keep(question, ANSWER)
    assert [kept.find(question) for question in (b"1", b"2", b"3")] == [None, None, ANSWER]
