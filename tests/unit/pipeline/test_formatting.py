"""The canonical form: what it changes, what it never changes, and that it is proved before anything is written."""

from __future__ import annotations

import json
import random
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline import formatting
from bridle.pipeline.document import read_documents
from bridle.pipeline.formatting import format_pipeline
from bridle.pipeline.nodes import to_json
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.respelling import choose_wrapper
from support.examples import examples

ROOT = Path(__file__).parents[3]
SHIPPED = sorted([*ROOT.glob("samples/*/pipeline.yaml"), *ROOT.glob("tests/scenarios/*.yaml")])
TEXTS = {file: file.read_text("utf-8") for file in SHIPPED}
FILES = [
    file for file in SHIPPED if "\ntemplates:\n" not in TEXTS[file]
]  # the others use what their scenario holds
PIPELINES = {file: TEXTS[file].split("\n---\n")[0] + "\n" for file in FILES}
COMMENT = re.compile(r"(?:^|\s)#.*")
TWINS = {"description": "desc", "id": "identifier", "on-failure": "onFailure", "script": "script"}


def form(text: str) -> str:
    return format_pipeline(text, source="p.yaml")


def digest(text: str) -> str:
    return read_pipeline(text, source="p.yaml").digest()


def list_comments(text: str) -> Counter[str]:
    return Counter(found.strip() for line in text.splitlines() for found in COMMENT.findall(line))


def check_form(text: str) -> None:
    formatted = form(text)
    assert form(formatted) == formatted
    assert digest(formatted) == digest(choose_wrapper(text)) == digest(text)
    assert list_comments(formatted) == list_comments(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_form_of_a_sample_is_stable_and_says_the_same(file: Path) -> None:
    check_form(PIPELINES[file])


@settings(max_examples=examples(60))
@given(st.sampled_from(FILES), st.integers(0, 2**32))
def test_form_of_a_shuffled_sample_is_stable_and_says_the_same(file: Path, seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret is made of it
    value = to_json(read_documents(PIPELINES[file], source="p.yaml")[0])
    check_form("\n".join(write_block(value, source, path=())) + "\n")


def write_block(value: Json, source: random.Random, *, path: tuple[str, ...]) -> list[str]:
    """Write a value as YAML lines: keys of nouns shuffled and respelled, comments above some of them."""
    if isinstance(value, dict) and value:
        is_noun = not path or path[-1] not in ("env", "with", "inputs") or path[-2:-1] == ("approval",)
        keys = list(value)
        if is_noun:
            source.shuffle(keys)
        lines: list[str] = []
        for key in keys:
            word = TWINS.get(key, key) if is_noun and source.random() < 0.3 else key
            below = write_block(value[key], source, path=(*path, key))
            lines += ["# " + source.choice("abc")] * (source.random() < 0.2)
            nested = isinstance(value[key], (dict, list)) and value[key]
            lines += (
                [f"{word}:", *textwrap.indent("\n".join(below), "  ").splitlines()]
                if nested
                else [f"{word}: {below[0]}"]
            )
            lines += [""] * (source.random() < 0.1)
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            first, *rest = write_block(item, source, path=(*path, "-"))
            while first.startswith("#") or not first:
                lines.append(first)
                first, *rest = rest
            lines += [f"- {first}", *("  " + line if line else line for line in rest)]
        return lines
    return [write_scalar(value)]


def write_scalar(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{onFailure: ignore, run: ls}", "{run: ls, on-failure: ignore}"),
        (
            "{run: {reports: {paths: a, type: junit}, script: ls}}",
            "{run: {script: ls, report: {type: junit, path: a}}}",
        ),
        ("{run: echo $A, env: {A_b: '<+inputs.x>'}}", "{env: {A_b: '${{ inputs.x }}'}, run: echo $A}"),
        ("{run: echo, env: {A: <+inputs.x>}}", "{env: {A: '${{ inputs.x }}'}, run: echo}"),
        ("{run: echo <+lower(<+inputs.x>)>}", "{run: echo <+lower(<+inputs.x>)>}"),
        ("{run: 'echo <+inputs.x> <+lower(inputs.x)>'}", "{run: 'echo <+inputs.x> <+lower(inputs.x)>'}"),
        ("{clone: {repository: a}}  # why", "{clone: {repo: a}}  # why"),
        ("ls", "ls"),
        ("{name: a <+inputs.x>, run: ls}", "{name: a <+inputs.x>, run: ls}"),
    ],
)
def test_step_becomes(before: str, after: str) -> None:
    frame = "pipeline:\n  inputs: {x: {type: string}}\n  stages:\n    - steps:\n        - %s\n"
    assert form(frame % before) == frame % after


def test_keys_move_with_their_comments() -> None:
    before = """\
# The file's own words.

version: 1
pipeline:
  stages:
    # first stage
    - steps:
        # first step
        - run: ls  # lists
          # why it may fail
          onFailure: ignore
          identifier: a

          # - commented: out
        # second step
        - run: |
            # no comment
            ls

          id: b
      # the name
      name: One
  # the id
  id: p
# the end
"""
    after = """\
# The file's own words.

version: 1
pipeline:
  # the id
  id: p
  stages:
    # first stage
    - steps:
        # first step
        - id: a
          run: ls  # lists
          # why it may fail
          on-failure: ignore

          # - commented: out
        # second step
        - id: b

          run: |
            # no comment
            ls
      # the name
      name: One
# the end
"""
    assert form(before) == after


def test_other_line_ends_are_kept() -> None:
    before = "\ufeffpipeline:\r\n  stages:\r\n    - steps: [ls]\r\n  id: p\r\n"
    assert form(before) == "\ufeffpipeline:\r\n  id: p\r\n  stages:\r\n    - steps: [ls]\r\n"


def test_anchor_that_would_come_after_its_alias_is_left_alone() -> None:
    text = "pipeline:\n  stages:\n    - steps: [{run: ls, env: &e {A: b}}]\n  env: *e\n"
    with pytest.raises(InputError) as caught:
        form(text)
    assert caught.value.reason == "not-formatted"


@pytest.mark.parametrize(
    "step",
    [
        "timeout: <+input>",
        "disabled: <+input>",
        "timeout: '<+input>.regex(^[0-9]+m$)'",
        "needs: <+input>.selectManyFrom(a)",
    ],
)
def test_a_file_is_formatted_without_the_values_of_its_runtime_inputs(step: str) -> None:
    text = f"pipeline:\n  stages:\n    - steps:\n        - {{id: a, run: ls}}\n        - {{id: b, {step}, run: ls}}\n"
    assert form(text) == text


def test_a_file_is_formatted_with_the_policy_sets_beside_it() -> None:
    text = "pipeline:\n  stages:\n    - steps:\n        - {policy: {sets: [prod]}}\n"
    assert formatting.format_pipeline(text, source="p.yaml", policies=lambda _: "package x") == text


def test_file_with_faults_is_refused_with_all_of_them() -> None:
    with pytest.raises(InputError) as caught:
        form("pipeline: {stages: [{steps: [{rum: ls}, {waait: 1}]}]}")
    assert str(caught.value).count("unknown-key") == 2


@pytest.mark.parametrize("broken", ["respell_keys", "order_blocks", "choose_wrapper"])
def test_form_that_says_something_else_is_refused(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "pipeline:\n  stages:\n    - steps: [make test]\n"
    monkeypatch.setattr(formatting, broken, lambda given: given.replace("make test", "make tests"))
    with pytest.raises(InputError) as caught:
        form(text)
    assert caught.value.reason == "not-formatted"
