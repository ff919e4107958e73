"""The policy's input: one place says its shape, the published copy is that, and what gathers the facts tells of each."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from bridle.gate import facts
from bridle.gate.facts_schema import FACTS, make_facts_schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema" / "policy-input.json"


def test_the_published_schema_is_up_to_date():
    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == make_facts_schema(), "run: bridle schema policy-input > docs/schema/policy-input.json"


def test_the_facts_that_are_told_of_are_those_of_the_schema():
    told = re.findall(r'^      "(\w+)": ', facts.__doc__, re.MULTILINE)
    assert (told, len(set(told))) == (list(FACTS), len(FACTS))


def test_each_name_that_is_told_of_is_in_the_schema():
    told = {name for name in re.findall(r'"([a-z_]+)"', facts.__doc__)}
    assert told - set(_names(make_facts_schema())) == set()


def _names(schema):
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from _names(inner)
    if isinstance(schema.get("items"), dict):
        yield from _names(schema["items"])


@pytest.mark.parametrize("change", [{"principle": None}, {"now": "today"}, {"scope": None}])
def test_what_is_no_facts_document_is_told(change):
    validator = jsonschema.Draft202012Validator(make_facts_schema())
    assert any(
        next(iter(change)) in str(error.message) + error.json_path for error in validator.iter_errors(change)
    )
