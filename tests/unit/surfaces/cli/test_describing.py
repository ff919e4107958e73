"""What `bridle plan` says that a step does."""

import pytest

from bridle.pipeline.read import read_pipeline
from bridle.surfaces.cli.commands.plan import describe_actions


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{run: make}", "command.run in the sandbox"),
        ("{agent: {uses: a.b@1.0.0}}", "model.call and the tools of a.b@1.0.0"),
        ("{agent: {task: look, tools: {grep: true}}}", "model.call, file.search"),
        ("{tool: {uses: git.push}}", "git.push, which asks a person"),
    ],
)
def test_a_step_is_described_by_its_actions(step, said):
    text = f"pipeline: {{id: p, stages: [{{id: s, steps: [{step}]}}]}}"
    assert describe_actions(read_pipeline(text, source="p.yaml").stages[0].nodes[0]) == said
