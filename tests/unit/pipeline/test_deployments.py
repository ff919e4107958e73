"""Services and environments of stages: what is read of them, and what they come to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.complaint import Complaint
from bridle.pipeline.deployments import evaluate_deployment
from bridle.pipeline.read import read_pipeline

Complain = Callable[..., tuple[Complaint, ...]]


def deployment(head: str, stage: str) -> object:
    text = f"pipeline: {{id: p, {head} stages: [{{id: s, {stage} steps: [ls]}}]}}"
    return read_pipeline(text, source="p.yaml").stages[0].deployment  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("head", "stage", "found"),
    [
        ("", "", {}),
        ("", "service: shop,", {"service": "shop"}),
        ("service: shop,", "service: {ref: api},", {"service": "api"}),
        ("", "environment: eu,", {"environment": "eu", "type": "production"}),
        ("", "environment: {name: eu, type: NonProduction},", {"environment": "eu", "type": "non-production"}),
        ("service: a, environment: {id: e, type: non-production},", "environment: prod,",
         {"service": "a", "environment": "prod", "type": "production"}),
        ("", "environment: {id: e, deploy-to: [k8s]},",
         {"environment": "e", "type": "production", "infrastructure": "k8s"}),
    ],
)  # fmt: skip
def test_the_nearest_wins_and_an_environment_is_production_unless_it_says_otherwise(
    head: str, stage: str, found: dict[str, str]
) -> None:
    assert deployment(head, stage) == found


@pytest.mark.parametrize(
    ("declared", "most", "stops"),
    [
        ("{items: [a, b]}", 1, True),
        ("{items: [a, b], sequential: true}", 1, True),
        ("{items: [a, b], parallel: true}", None, False),
        ("{items: [a, b], sequential: false}", None, False),
        ("{items: [a, b], parallel: false}", 1, True),
    ],
)
def test_several_are_deployed_one_after_the_other_unless_they_say_otherwise(
    declared: str, most: int | None, stops: bool
) -> None:
    text = f"pipeline: {{id: p, stages: [{{id: s, service: {declared}, steps: [ls]}}]}}"
    strategy = read_pipeline(text, source="p.yaml").stages[0].strategy
    assert strategy is not None
    assert (strategy.axes, strategy.max_parallel, strategy.fail_fast) == (
        (("service", ["a", "b"]),),
        most,
        stops,
    )


@pytest.mark.parametrize(
    ("head", "stage"),
    [("service: [a, b], ", "steps: [ls]"), ("", "service: [a, b], group: {stages: [{steps: [ls]}]}")],
)
def test_only_a_stage_with_work_of_its_own_names_several(complain: Complain, head: str, stage: str) -> None:
    text = f"pipeline: {{{head}stages: [{{id: s, {stage}}}]}}"
    assert [complaint.reason for complaint in complain(text, whole=True)] == ["misplaced-items"]


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("environment: {type: production}", "missing-key:id"),
        ("environment: {id: e, type: test}", "bad-environment-type"),
        ("environment: {filters: []}", "environment-filter"),
        ("environment: {group: {id: g}}", "not-executed-yet:group"),
        ("service: {items: []}", "no-items"),
        ("service: {id: x, items: [a]}", "misplaced-id"),
        ("service: [a, b c]", "bad-id"),
        ("service: {items: [a], parallel: true, sequential: true}", "several-orders"),
        ("service: [a], strategy: {matrix: {x: [1]}}", "several-strategies"),
        ("service: [<+steps.x.output.y>]", "unknown-step"),
        ("environment: {items: [{id: e, deploy-to: a}, f]}", "missing-key:deploy-to"),
        ("environment: {items: [{id: e, filters: []}]}", "unknown-key"),
        ("service: a b", "bad-id"),
        ("service: <+steps.x.output.y>", "unknown-step"),
        ("environment: <+secrets.x>", "secret-outside-env"),
    ],
)
def test_what_cannot_be_told_is_refused(complain: Complain, stage: str, reason: str) -> None:
    text = f"pipeline: {{stages: [{{id: s, {stage}, steps: [ls]}}]}}"
    assert complain(text, whole=True)[0].reason == reason


@pytest.mark.parametrize("value", [None, "", "a b", "<+inputs.x>", 3])
def test_an_environment_that_comes_to_no_id_stops_the_stage(value: object) -> None:
    context = {"inputs": {"env": value}}
    with pytest.raises(InputError, match="came to"):
        evaluate_deployment({"environment": "<+inputs.env>", "type": "production"}, context)  # type: ignore[arg-type]


def test_a_type_that_an_expression_makes_is_one_of_the_two() -> None:
    declared = {"environment": "e", "type": "<+inputs.type>"}
    with pytest.raises(InputError, match="no type of environment"):
        evaluate_deployment(declared, {"inputs": {"type": "harmless"}})


def test_a_name_beside_an_id_is_noted_because_the_id_alone_counts() -> None:
    text = "pipeline: {id: p, stages: [{id: s, environment: {id: eu, name: Europe}, steps: [ls]}]}"
    plan = read_pipeline(text, source="p.yaml")
    assert plan.notes == ("p.yaml:1:64: 'name' of environment beside 'id' has no effect",)
