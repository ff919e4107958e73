"""The `permissions` block: what it names, that it only narrows, and what is refused."""

import pytest

from bridle.gate.manifest import builtin_manifests
from bridle.pipeline.permissions import RIGHTS
from bridle.pipeline.read import read_pipeline

READ = ("file:read", "git:clone")


def granted(text):
    """The permissions of the first step of the first stage."""
    node = read_pipeline(text, source="p.yaml").stages[0]
    while hasattr(node, "nodes"):
        node = node.nodes[0]
    return node.permissions


def test_every_permission_that_a_tool_needs_has_a_word():
    words = {right for verbs in RIGHTS.values() for rights in verbs.values() for right in rights}
    assert {manifest.needs for manifest in builtin_manifests().values()} <= words


def test_without_a_block_nothing_is_taken():
    assert granted("pipeline: {id: p, stages: [{id: a, steps: [{run: make}]}]}") is None


@pytest.mark.parametrize(
    ("block", "rights"),
    [
        ("{command: run}", ("command:run",)),
        ("{command: [run], file: [read, edit]}", ("command:run", "file:edit", "file:read")),
        ("{command: run, code_repository: view}", ("command:run", *READ)),
        ("{command: run, codeRepository: view}", ("command:run", *READ)),
        ("{command: run, ai_llm_gateway: access}", ("command:run", "model:call")),
        ("{command: run, pipeline: execute}", ("command:run", "pipeline:continue")),
    ],
)
def test_a_block_is_read_in_both_namings(block, rights):
    text = f"pipeline: {{id: p, stages: [{{id: a, steps: [{{id: b, run: make, permissions: {block}}}]}}]}}"
    assert granted(text) == rights


def test_blocks_around_a_step_hold_together_and_none_widens_another():
    text = """
pipeline:
  id: p
  permissions: {command: run, file: [read, edit]}
  stages:
    - id: a
      permissions: {command: run, file: edit, git: push}
      steps:
        - group: {id: g, steps: [{run: make}]}
          permissions: {command: run, git: push, file: [read, edit]}
"""
    assert granted(text) == ("command:run", "file:edit")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("{comand: run}", "unknown-permission"),
        ("{command: execute}", "unknown-permission"),
        ("{command: {run: true}}", "unknown-permission"),
        ("[command]", "wrong-shape"),
        ("{file: read}", "permission-missing"),
        ("{}", "permission-missing"),
    ],
)
def test_what_is_not_a_permission_or_takes_too_much_is_refused_in_its_line(complain, block, reason):
    (found,) = complain(f"- {{id: b, run: make, permissions: {block}}}")
    assert (found.reason, found.place.line) == (reason, 7)


def test_an_agent_without_its_model_is_refused(complain):
    step = "- {id: b, agent: {uses: a.b@1.0.0}, permissions: {file: read}}"
    assert [found.reason for found in complain(step)] == ["permission-missing"]


def test_a_block_does_not_reach_into_another_pipeline_and_says_so(complain):
    text = """
pipeline:
  id: p
  permissions: {command: run}
  stages: [{id: a, chain: {uses: other@1.0.0}}]
"""
    assert "permissions-around-chain" in {found.reason for found in complain(text, whole=True)}
