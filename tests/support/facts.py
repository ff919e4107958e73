"""Holds every facts document that a test's gate gathers to the published schema."""

import json

import jsonschema
import pytest

from bridle.gate.facts import FactSource
from bridle.gate.facts_schema import make_facts_schema

VALIDATOR = jsonschema.Draft202012Validator(make_facts_schema())


def complain_of_facts(document):
    """Return where a facts document is not what the schema says; what is gathered has tuples, which are lists to the policy."""
    told = json.loads(json.dumps(document, default=dict))
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(told)]


@pytest.fixture(autouse=True)
def facts_fit_the_schema(monkeypatch):
    """Let each gathering fail whose document the schema does not know."""
    gather = FactSource.gather

    async def gather_and_check(self, *args, **named):
        document, standing = await gather(self, *args, **named)
        complaints = complain_of_facts(document)
        assert complaints == [], complaints
        return document, standing

    monkeypatch.setattr(FactSource, "gather", gather_and_check)
