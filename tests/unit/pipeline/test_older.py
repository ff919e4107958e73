"""Agent steps of the older generation, among steps of the present one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import Complaint
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import Step

HEAD = "pipeline: {id: p, stages: [{id: s, steps: [%s]}]}"
OLDER = (
    "{step: {type: Agent, identifier: review, name: Review it, timeout: 5m, spec: {agentName: acme.review@1.0.6,"
    " agentSettings: {depth: high}}}}"
)
PRESENT = "{id: review, name: Review it, timeout: 5m, agent: {uses: acme.review@1.0.6, with: {depth: high}}}"


def read(step: str) -> Plan:
    return read_pipeline(HEAD % f"{step}, {{id: x, run: echo <+steps.review.output.said>}}", source="p.yaml")


def test_it_is_the_agent_step_that_it_says() -> None:
    older, present = (read(step).stages[0].nodes[0] for step in (OLDER, PRESENT))  # type: ignore[union-attr]
    assert isinstance(older, Step)
    assert isinstance(present, Step)
    assert (older.id, older.name, older.timeout_s, older.kind, older.with_) == (
        present.id,
        present.name,
        present.timeout_s,
        "agent",
        present.with_,
    )


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("{step: {type: Agent, name: x}}", "missing-key:uses"),
        ("{step: {type: Agent, name: x, spec: {agentName: 'a b'}}}", "bad-uses"),
        ("{step: {type: Agent, name: x, spec: {agentName: a.b@1.0.0, llmConnector: c}}}", "not-executed-yet:llm-connector"),
        ("{step: {type: Agent, name: x, spec: {agentName: a.b@1.0.0, mcpConnectors: [c]}}}", "not-executed-yet:mcp-connectors"),
        ("{step: {type: Agent, name: x, when: {}, spec: {agentName: a.b@1.0.0}}}", "not-executed-yet:when"),
        ("{step: {type: Run, name: x, spec: {}}}", "v0-pipeline"),
        ("{step: {name: x}}", "v0-pipeline"),
    ],
)  # fmt: skip
def test_the_rest_of_that_generation_is_refused_by_name(
    complain: Callable[..., tuple[Complaint, ...]], step: str, reason: str
) -> None:
    assert [complaint.reason for complaint in complain(HEAD % step, whole=True)] == [reason]
