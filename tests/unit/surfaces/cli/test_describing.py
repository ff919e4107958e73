"""What `bridle plan` says that a step does."""

import pytest

from bridle.pipeline.read import read_pipeline
from bridle.surfaces.cli.commands.plan import describe_actions, show_plan


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


def test_a_plan_is_told_with_its_inputs_and_its_cells():
    inputs = "inputs: {tag: {type: string, required: true}, places: {type: array, default: [eu]}}"
    step = "{id: b, if: always(), strategy: {repeat: {items: <+inputs.places>}}, run: x}"
    text = f"pipeline: {{id: p, {inputs}, stages: [{{id: s, steps: [{step}]}}]}}"
    answer = show_plan(read_pipeline(text, source="p.yaml"), {"places": ["eu", "\x1b[2J"]})
    assert list(answer.lines)[1:6] == [
        "  input tag: string (required, and not given)",
        '  input places: array = ["eu", "\\u001b[2J"]',
        "  s",
        "    b            run       command.run in the sandbox  2 cells of its repeat  if always()",
        '      b_0          "eu"  run       command.run in the sandbox  if always()',
    ]
    assert answer.document["unfolded"][3] == {
        "path": "s/b_1",
        "kind": "run",
        "values": "\x1b[2J",
        "condition": "always()",
        "does": "command.run in the sandbox",
    }
