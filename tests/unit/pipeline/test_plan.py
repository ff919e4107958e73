"""The plan as data: JSON both ways, and a digest over what runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline


def as_data(plan: Plan) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(plan.to_json()))
    return data


def test_json_gives_back_an_equal_plan(autofix: Plan) -> None:
    assert Plan.from_json(as_data(autofix)) == autofix


def test_digest_does_not_depend_on_name_place_or_comments_of_the_file(
    autofix: Plan, autofix_text: str
) -> None:
    moved = read_pipeline("# moved\n\n" + autofix_text, source="elsewhere.yaml")
    assert moved.digest() == autofix.digest()


def test_digest_does_not_depend_on_notes(autofix: Plan, autofix_text: str) -> None:
    tagged = read_pipeline(
        autofix_text.replace("  id: autofix\n", "  id: autofix\n  tags: [a]\n"), source="autofix.yaml"
    )
    assert tagged.notes != autofix.notes
    assert tagged.digest() == autofix.digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [("30m", "31m"), ("> 0", "> 1"), ("default: main", "default: dev"), ("Ship the", "Drop the")],
)
def test_digest_changes_with_what_runs(autofix: Plan, autofix_text: str, old: str, new: str) -> None:
    assert read_pipeline(autofix_text.replace(old, new), source="autofix.yaml").digest() != autofix.digest()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 1),
        (("id",), 1),
        (("stages",), {}),
        (("stages", 0), "x"),
        (("stages", 0, "nodes", 0, "timeout_s"), True),
        (("stages", 0, "nodes", 0, "env"), {"A": 1}),
        (("inputs", "branch", "required"), "yes"),
    ],
)
def test_data_that_is_no_plan_is_refused(autofix: Plan, path: tuple[Any, ...], value: object) -> None:
    data = as_data(autofix)
    node: Any = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(InputError):
        Plan.from_json(data)


def test_missing_key_is_refused(autofix: Plan) -> None:
    data = as_data(autofix)
    del data["stages"][0]["nodes"][0]["kind"]
    with pytest.raises(InputError, match="kind"):
        Plan.from_json(data)
