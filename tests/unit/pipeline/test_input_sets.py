"""Input sets: three roots, overlays by name and in place, and what is none."""

from __future__ import annotations

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.input_sets import read_input_set

OTHERS = {
    "base": "inputset: {id: base, inputs: {a: 1, b: 1}}",
    "next": "{kind: input-set, spec: {inputs: {b: 2, c: [x]}}}",
    "loop": "{kind: overlay-input-set, spec: {input_sets: [loop]}}",
    "far": "{kind: overlay_input_set, spec: {inputSets: [loop]}}",
}


def find(name: str) -> str:
    if name not in OTHERS:
        raise InputError(f"no {name}", reason="no-file")
    return OTHERS[name]


def read(text: str) -> object:
    return read_input_set(text, source="set.yaml", find=find)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (OTHERS["base"], {"a": 1, "b": 1}),
        (
            "{version: 1, kind: input-set, spec: {inputs: {a: '1', b: <+inputs.x>}}}",
            {"a": "1", "b": "<+inputs.x>"},
        ),
        ("{kind: overlay-input-set, spec: {input_sets: [base, next]}}", {"a": 1, "b": 2, "c": ["x"]}),
        ("{kind: overlay-input-set, spec: {input_sets: [next, base]}}", {"a": 1, "b": 1, "c": ["x"]}),
        ("inputs: {overlay: {a: 2}, a: 1, b: 1}", {"a": 2, "b": 1}),
        ("inputs: {overlay: text}", {"overlay": "text"}),
    ],
)
def test_values_are_read_and_the_later_ones_win(text: str, values: object) -> None:
    assert read(text) == values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pipeline: {stages: []}", "unknown-key"),
        ("{}", "no-input-set"),
        ("{inputset: {inputs: {}}, inputs: {}}", "no-input-set"),
        ("{kind: pipeline, spec: {inputs: {}}}", "unknown-kind"),
        ("{inputset: {inptus: {a: 1}}}", "unknown-key"),
        ("{kind: overlay-input-set, spec: {input_sets: [nowhere]}}", "no-file"),
        (OTHERS["loop"], "input-set-cycle"),
        (OTHERS["far"], "input-set-cycle"),
    ],
)
def test_what_is_no_input_set_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.reason == reason
