"""The published JSON Schema: made from the tables of the reader, and no looser about keys than the reader is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bridle.core.canonical import Json
from bridle.pipeline.document import read_documents
from bridle.pipeline.nodes import to_json
from bridle.pipeline.schema import make_pipeline_schema
from bridle.pipeline.shapes import TABLES, list_nouns

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs" / "schema" / "pipeline.json"
FILES = sorted([*ROOT.glob("samples/*/pipeline.yaml"), *ROOT.glob("tests/scenarios/*.yaml")])


@pytest.fixture(scope="module")
def schema() -> Any:
    made = make_pipeline_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def read_json(text: str | bytes) -> Json:
    return to_json(read_documents(text, source="p.yaml")[0])


def complain(schema: Any, text: str | bytes) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in schema.iter_errors(read_json(text))]


def test_every_key_of_the_vocabulary_has_a_shape() -> None:
    nouns = list_nouns().values()
    assert [
        (one.name, key) for one in nouns for key in one.marks if key not in TABLES.get(one.name, {})
    ] == []


def test_published_schema_is_up_to_date() -> None:
    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == make_pipeline_schema(), "run: bridle schema pipeline > docs/schema/pipeline.json"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_sample_is_valid(schema: Any, file: Path) -> None:
    assert complain(schema, file.read_bytes()) == []


@pytest.mark.parametrize(
    "text",
    [
        "pipeline: {stages: [{steps: [ls]}]}",
        "pipeline: {stages: {steps: ls}}",
        "pipeline: {identifier: a, stages: [{name: b, steps: [{run: {script: [a, b], outputs: [A, {name: B}]}}]}]}",
        "pipeline: {stages: [{steps: [{run: ls, on_failure: ignore}, {run: ls, onFailure: [{error: all, action: fail}]}]}]}",
        "pipeline: {stages: [{steps: [{wait: 10m}, {wait: {duration: 5}}, {wait: {duration: <+inputs.d>}}]}]}",
        "jobs: {build: {steps: [ls]}, test: {needs: [build], steps: [ls]}}",
        "{name: p, env: {A: 1}, jobs: {build: {steps: [ls]}}}",
        "template: {pipeline: {stages: [{steps: [ls]}]}}",
        "pipeline: {inputs: {a: }, stages: [{steps: [{agent: , uses: a.b}]}]}",
    ],
)
def test_form_that_the_reader_takes_is_valid(schema: Any, text: str) -> None:
    assert complain(schema, text) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("pipelin: {}", "pipelin"),
        ("pipeline: {stage: []}", "stage"),
        ("pipeline: {stages: [{step: []}]}", "step"),
        ("pipeline: {stages: [{steps: [{run: {scrpt: ls}}]}]}", "scrpt"),
        ("pipeline: {stages: [{steps: [{approval: {with: {mesage: hi}}}]}]}", "mesage"),
        ("pipeline: {inputs: {a: {typ: string}}, stages: [{steps: [ls]}]}", "typ"),
        ("pipeline: {stages: [{steps: [{wait: soon}]}]}", "soon"),
        ("pipeline: {stages: [{steps: [{run: ls, env: [a]}]}]}", "env"),
        ("version: 1", "version"),
        ("jobs: {build: {stpes: [ls]}}", "stpes"),
    ],
)
def test_what_the_reader_refuses_is_not_valid(schema: Any, text: str, key: str) -> None:
    assert key in " ".join(complain(schema, text))
