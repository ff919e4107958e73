"""Reading an answer: one shape is one, everything else raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.adapters.rego.answer import MAX_FINDINGS, MAX_REASON, read_answer
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

GOOD = {"rule": "git.push.needs-approval", "reason": "It needs one."}


def read(value: Any) -> PolicyAnswer:
    return read_answer(json.dumps({"value": value}).encode(), digest="sha256:1")


def test_an_answer_is_sorted_and_carries_the_digest_of_its_set() -> None:
    answer = read(
        {"deny": [], "ask": [{"rule": "b", "reason": "B."}, {"rule": "a", "reason": "A."}], "allow": []}
    )
    assert answer == PolicyAnswer((), (Finding("a", "A."), Finding("b", "B.")), (), "sha256:1")


@pytest.mark.parametrize(
    "value",
    [
        "<undefined>",
        True,
        None,
        [],
        {},
        {"deny": [], "ask": []},
        {"deny": [], "ask": [], "allow": [], "more": []},
        {"deny": [], "ask": [], "allow": True},
        {"deny": "<undefined>", "ask": [], "allow": [GOOD]},
        {"deny": [], "ask": [], "allow": ["ok"]},
        {"deny": [], "ask": [], "allow": [{**GOOD, "more": 1}]},
        {"deny": [], "ask": [], "allow": [{**GOOD, "rule": "Not A Name"}]},
        {"deny": [], "ask": [], "allow": [{**GOOD, "rule": "ends."}]},
        {"deny": [], "ask": [], "allow": [{**GOOD, "reason": ""}]},
        {"deny": [], "ask": [], "allow": [{**GOOD, "reason": "x" * (MAX_REASON + 1)}]},
        {"deny": [], "ask": [], "allow": [{"rule": f"r{n}", "reason": "x"} for n in range(MAX_FINDINGS + 1)]},
    ],
)
def test_another_shape_is_no_answer(value: Any) -> None:
    with pytest.raises(PolicyError):
        read(value)


def test_an_undefined_answer_is_called_so() -> None:
    with pytest.raises(PolicyError, match="is undefined"):
        read("<undefined>")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"error": "t.rego:1:2: broken"}', b'{"v": 1}', b"5"])
def test_a_frame_without_a_value_is_no_answer(body: bytes) -> None:
    with pytest.raises(PolicyError):
        read_answer(body, digest="sha256:1")


@given(st.binary(max_size=40))
def test_no_bytes_make_another_error(body: bytes) -> None:
    with pytest.raises(PolicyError):
        read_answer(body, digest="sha256:1")
