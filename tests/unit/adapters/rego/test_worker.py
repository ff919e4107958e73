"""The worker's loop over streams in memory: what it says, and that nothing inside leaves as an exception."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from bridle.adapters.rego import worker
from bridle.adapters.rego.frames import pack_frame, read_frame
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, ANSWER_RULE
from bridle.gate.facts_schema import make_facts_schema

SPEAKER = {"part": "allow", "rule": "r", "file": "t.rego", "line": 5, "reads": ["tree"], "severity": "error"}
HEAD = "package bridle.gate\n\nimport rego.v1\n\n"


class PanickingEngineFake:
    """Stands for an engine whose native part panics: what it raises is no Exception."""

    def set_input_json(self, document: str) -> None:
        raise BaseException("panicked")


def order(modules: Mapping[str, str]) -> bytes:
    content = {
        "modules": dict(modules),
        "own": {ANSWER_NAME: ANSWER},
        "rule": ANSWER_RULE,
        "memory_mib": 64,
        "cpu_s": 1,
        "facts": make_facts_schema(),
    }
    return pack_frame(0, json.dumps(content).encode())


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits would hold for the whole test process; the integration tests see them at work."""
    monkeypatch.setattr(worker, "limit_process", lambda *, memory_mib: None)
    monkeypatch.setattr(worker, "limit_question", lambda *, cpu_s: None)


def talk(frames: bytes) -> list[tuple[int, Any]]:
    answers = io.BytesIO()
    worker.serve(io.BytesIO(frames), answers)
    answers.seek(0)
    said = []
    while (frame := read_frame(answers)) is not None:
        said.append((frame[0], json.loads(frame[1])))
    return said


def test_it_is_ready_and_answers_under_the_questions_number() -> None:
    module = HEAD + 'allow contains {"rule": "r", "reason": "Told."} if input.tree == "1"\n'
    frames = order({"t.rego": module}) + pack_frame(7, b'{"tree": "1"}') + pack_frame(9, b'{"tree": "2"}')
    value = {"deny": [], "ask": [], "allow": [{"rule": "r", "reason": "Told."}]}
    assert talk(frames) == [
        (0, {"ready": True, "complaints": [], "rules": [SPEAKER], "reads": [["tree"]]}),
        (7, {"value": value}),
        (9, {"value": {**value, "allow": []}}),
    ]


def test_a_set_with_complaints_is_not_served() -> None:
    said = talk(order({"t.rego": "package x\n\nimport rego.v1\n"}) + pack_frame(1, b"{}"))
    assert said == [
        (
            0,
            {
                "ready": False,
                "complaints": ["t.rego:1:1: the package is x, it must be bridle.gate"],
                "rules": [],
                "reads": [],
            },
        )
    ]


def test_every_module_that_does_not_parse_is_named() -> None:
    (_, answer), *_ = talk(order({"a.rego": "package", "b.rego": HEAD + "allow if {"}))
    assert [complaint.split(":")[0] for complaint in answer["complaints"]] == ["a.rego", "b.rego"]


def test_a_document_that_is_no_json_is_an_error_and_the_next_is_answered() -> None:
    frames = order({"t.rego": HEAD}) + pack_frame(1, b"\xff{") + pack_frame(2, b"{}")
    said = talk(frames)
    assert "error" in said[1][1]
    assert "value" in said[2][1]


def test_a_panic_is_an_error() -> None:
    assert json.loads(worker.evaluate(PanickingEngineFake(), "r", b"{}")) == {
        "error": "BaseException: panicked"
    }


def test_an_engines_complaint_is_told_in_one_line() -> None:
    text = "\n--> t.rego:6:64\n  |\n6 | allow\n  | ^\nerror: expects a string\n\nStack backtrace:\n   0: <unknown>"
    assert worker.describe(RuntimeError(text)) == "t.rego:6:64: expects a string"


def test_no_order_no_work() -> None:
    assert talk(b"") == []
