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
    ("stage", "reason"),
    [
        ("environment: {type: production}", "missing-key:id"),
        ("environment: {id: e, type: test}", "bad-environment-type"),
        ("environment: {id: e, deploy-to: [a, b]}", "not-executed-yet:deploy-to-many"),
        ("environment: {filters: []}", "environment-filter"),
        ("environment: {group: {id: g}}", "not-executed-yet:group"),
        ("service: {items: [a, b]}", "not-executed-yet:items"),
        ("service: a b", "bad-id"),
        ("service: <+steps.x.output.y>", "unknown-step"),
        ("environment: <+secrets.x>", "secret-outside-env"),
    ],
)
def test_what_would_be_several_or_nothing_is_refused(complain: Complain, stage: str, reason: str) -> None:
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
