"""Which clone a stage begins with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import Complaint
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import Block, Step

NAMED = "repo: {connector: acme, name: shop}"


def repository(head: str, stage: str) -> str | None:
    text = f"pipeline: {{id: p, {head}, stages: [{{id: s, {stage}steps: [ls]}}]}}"
    block = read_pipeline(text, source="p.yaml").stages[0]
    assert isinstance(block, Block)
    first = block.nodes[0]
    assert isinstance(first, Step)
    return str(first.with_["repo"]) if first.kind == "clone" else None


@pytest.mark.parametrize(
    ("head", "stage", "cloned"),
    [
        (NAMED, "", None),
        (NAMED, "clone: true, ", "connector:acme/shop"),
        (NAMED, "clone: {enabled: true}, ", "connector:acme/shop"),
        (NAMED, "clone: {repo: /srv/other}, ", "/srv/other"),
        (NAMED, "clone: {connector: shelf}, ", "connector:shelf/shop"),
        (f"{NAMED}, clone: true", "", "connector:acme/shop"),
        (f"{NAMED}, clone: {{depth: 1}}", "clone: false, ", None),
        (f"{NAMED}, clone: {{depth: 1}}", "clone: {disabled: true}, ", None),
        (f"{NAMED}, clone: {{disabled: true}}", "", None),
        ("repo: /srv/shop, clone: true", "", "/srv/shop"),
        ("clone: {repo: /srv/shop}", "", "/srv/shop"),
    ],
)
def test_the_nearest_wins_and_no_is_no(head: str, stage: str, cloned: str | None) -> None:
    assert repository(head, stage) == cloned


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("clone: true", "missing-key:repo"),
        ("repo: {nam: shop}", "unknown-key"),
        ("repo: {connector: acme}, clone: true", "missing-key:repo"),
        ("repo: {connector: A B, name: shop}, clone: true", "bad-connector"),
    ],
)
def test_a_clone_of_nothing_is_refused(
    complain: Callable[..., tuple[Complaint, ...]], head: str, reason: str
) -> None:
    text = f"pipeline: {{id: p, {head}, stages: [{{id: s, steps: [ls]}}]}}"
    assert [complaint.reason for complaint in complain(text, whole=True)] == [reason]
