"""Templates put in place, and pipelines that use others: what is read, and what is refused with its line."""

import hashlib
import textwrap

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.library import Library, Volume
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import Block, Step

USE = "pipeline: {id: p, stages: [{id: s, steps: [{id: u, template: {uses: %s}}]}]}"

SETS = {
    "eu": "inputset: {inputs: {tag: eu, n: 1}}",
    "next": "{kind: overlay-input-set, spec: {input_sets: [eu]}}",
    "own": "inputs: {tag: <+inputs.x>}",
    "odd": "inputs: [",
}


class MemoryLibrary(Library):
    """Templates and pipelines by name, as version 1.0.0 and without one."""

    def __init__(self, templates=None, pipelines=None):
        self.templates, self.pipelines = templates or {}, pipelines or {}

    def find(self, uses, *, branch=""):
        name = uses.partition("@")[0]
        if name not in self.templates:
            raise InputError(f"there is no template {name!r}", reason="unknown-template", hint="")
        text = self.templates[name]
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        return Volume(
            name, "1.0.0", text, f"templates/{name}.yaml", digest, bool(branch), text.startswith("---")
        )

    def find_pipeline(self, uses):
        if uses not in self.pipelines:
            return self.find(uses)
        return Volume(uses, "", self.pipelines[uses], f"pipelines/{uses}.yaml", "sha256:" + "1" * 64)

    def find_inputs(self, name):
        return SETS[name] if name in SETS else super().find_inputs(name)


def read(text, templates=None, pipelines=None):
    library = MemoryLibrary(templates, pipelines)
    return read_pipeline(textwrap.dedent(text), source="p.yaml", library=library)


def complaints(text, templates=None, pipelines=None):
    with pytest.raises(PipelineError) as caught:
        read(text, templates, pipelines)
    return [(str(item.place), item.reason) for item in caught.value.complaints]


@pytest.mark.parametrize(
    "body",
    [
        "step: make",
        "step: {run: make}",
        "step: {group: {steps: [make]}}",
        "group: {steps: [make]}",
        "group: [make]",
        "agent: {step: {group: {steps: [make]}}}",
        "agent: {group: {steps: [make]}}",
    ],
)
def test_a_step_may_use_every_kind_of_body_that_is_made_of_steps(body):
    plan = read(USE % "t", {"t": f"template: {{{body}}}"})
    block = plan.find("s/u")
    assert isinstance(block, Block)
    assert [step.with_["script"] for step in block.nodes if isinstance(step, Step)] == ["make"]


SHIP = """template:
  inputs: {tag: {type: string, required: true}, n: {type: number, enum: [1, 2]}, free: {default: z}}
  pipeline: {stages: [{id: s, steps: ['echo <+inputs.tag>']}]}
"""


def test_a_pipeline_that_is_a_template_fixes_what_it_gives_and_leaves_the_rest_open():
    plan = read("pipeline: {id: mine, template: {uses: t, with: {tag: v1}}}", {"t": SHIP})
    assert (plan.id, sorted(plan.lock), plan.inputs["free"].default) == ("mine", ["t@1.0.0"], "z")
    assert (plan.inputs["tag"].enum, plan.inputs["n"].enum) == (("v1",), (1, 2))


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("template: {uses: t, with: {tga: v1}}", "unknown-input"),
        ("template: {uses: t, with: {n: 7}}", "bad-input-value"),
        ("template: {uses: t, with: {tag: <+pipeline.id>}}", "expression-in-with"),
        ("template: {uses: t, git-branch: ''}", "bad-branch"),
        ("template: {uses: t}, timeout: 1h", "beside-template"),
        ("template: {uses: self}", "template-cycle"),
        ("template: {uses: twice}", "inputs-twice"),
    ],
)
def test_what_a_pipeline_that_is_a_template_may_not_say(rest, reason):
    twice = "template: {inputs: {a: }, pipeline: {inputs: {a: }, stages: [{steps: [ls]}]}}"
    templates = {"t": SHIP, "self": "template: {pipeline: {template: {uses: self}}}", "twice": twice}
    assert reason in [found for _, found in complaints(f"pipeline: {{{rest}}}", templates)]


@pytest.mark.parametrize(
    ("with_", "inputs"),
    [
        ("input-sets: [eu]", {"tag": "eu", "n": 1}),
        ("inputSets: next, inputs: {tag: v2}", {"tag": "v2", "n": 1}),
    ],
)
def test_a_chain_takes_values_from_input_sets_and_then_its_own(with_, inputs):
    plan = read(f"pipeline: {{stages: [{{chain: {{uses: t, with: {{{with_}}}}}}}]}}", {"t": SHIP})
    assert plan.stages[0].nodes[0].with_["inputs"] == inputs


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none", "unknown-input-set"), ("own", "expression-in-input"), ("odd", "not-yaml")],
)
def test_an_input_set_of_a_chain_is_there_and_holds_values(name, reason):
    text = f"pipeline: {{stages: [{{chain: {{uses: t, with: {{inputSets: [{name}]}}}}}}]}}"
    assert reason in [found for _, found in complaints(text, {"t": SHIP})]


def test_an_agent_is_used_as_a_template_is():
    plan = read(
        "pipeline: {stages: [{steps: [{id: u, if: Always, template: {uses: acme.fix@1, with: {a: b}}}]}]}",
        {"acme.fix": "---"},
    )
    step = plan.stages[0].nodes[0]
    assert (step.id, step.kind, step.condition, step.with_["uses"], step.with_["with"]) == (
        "u",
        "agent",
        "Always",
        "acme.fix@1.0.0",
        {"a": "b"},
    )
    assert list(plan.lock) == ["acme.fix@1.0.0"]


def test_an_older_agent_body_is_a_step_that_uses_an_agent():
    plan = read(USE % "t", {"t": "template: {agent: {uses: bridle.ci-autofix@1.0.0}}"})
    assert [(step.kind, step.with_["uses"]) for step in plan.find("s/u").nodes] == [
        ("agent", "bridle.ci-autofix@1.0.0")
    ]


def test_a_template_of_one_step_hands_on_what_the_step_declares():
    plan = read(
        USE % "t", {"t": "template: {step: {id: x, run: {script: make, output: [{name: A, alias: b}]}}}"}
    )
    assert plan.find("s/u").outputs == {"b": "<+steps.x.output.b>"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("template: {id: t}", ("templates/t.yaml:1:11", "missing-kind")),
        ("template: {step: make, group: [make]}", ("templates/t.yaml:1:11", "several-kinds")),
        ("template: {id: other, step: make}", ("templates/t.yaml:1:16", "wrong-template")),
        ("template: {version: 2.0.0, step: make}", ("templates/t.yaml:1:21", "wrong-template")),
        ("agent: {step: make}", ("templates/t.yaml:1:1", "not-executed-yet:agent")),
        ("template:\n  step:\n\trun: make\n", ("templates/t.yaml:3:1", "not-yaml")),
        (
            "template: {step: make}\n---\ntemplate: {step: make}",
            ("templates/t.yaml:3:1", "not-executed-yet:many-documents"),
        ),
        ("template: {step: make, outputs: {}}", ("templates/t.yaml:1:24", "unknown-key")),
        (
            "template: {pipeline: {stages: [{steps: [make]}]}}",
            ("templates/t.yaml:1:11", "wrong-template-kind"),
        ),
        ("template: {step: {run: 'echo <+steps.no.output.x>'}}", ("templates/t.yaml:1:32", "unknown-step")),
    ],
)
def test_a_fault_of_a_template_is_told_with_its_own_line(text, fault):
    assert fault in complaints(USE % "t", {"t": text})


def test_a_template_may_say_its_whole_name_or_the_last_part_of_it():
    for id_ in ("acme.t", "t", "Acme.T"):
        assert read(USE % "acme.t", {"acme.t": f"template: {{id: {id_}, step: make}}"}).find("s/u")


def test_a_template_of_more_than_the_reader_takes_is_refused():
    large = "template: {step: make}\n#" + "x" * (1 << 20)
    assert complaints(USE % "t", {"t": large}) == [("templates/t.yaml:1:1", "too-large")]


def test_a_template_with_the_line_ends_of_another_system_reads_the_same():
    text = "template:\n  step:\n    run: |\n      one\n      two\n"
    one, other = (read(USE % "t", {"t": each}).find("s/u") for each in (text, text.replace("\n", "\r\n")))
    assert one == other


def test_small_files_that_use_each_other_do_not_stand_for_a_huge_plan():
    padding = "#" + "x" * 4_000
    templates = {
        f"t{depth}": f"template: {{group: {[{'template': {'uses': f't{depth + 1}'}}] * 40}}}\n{padding}".replace(
            "'", ""
        )
        for depth in range(5)
    }
    found = complaints(USE % "t0", {**templates, "t5": "template: {step: make}"})
    assert found[-1][1] == "too-large"


def test_a_circle_of_templates_is_refused_with_its_names():
    templates = {
        "a": "template: {group: [{template: {uses: b}}]}",
        "b": "template: {group: [{template: {uses: a}}]}",
    }
    with pytest.raises(PipelineError) as caught:
        read(USE % "a", templates)
    assert caught.value.reason == "template-cycle"
    assert "a@1.0.0 → b@1.0.0 → a@1.0.0" in caught.value.what


def test_a_circle_of_pipelines_is_refused_with_its_names():
    chain = "pipeline: {id: %s, stages: [{chain: {uses: %s}}]}"
    with pytest.raises(PipelineError) as caught:
        read(chain % ("p", "a"), pipelines={"a": chain % ("a", "b"), "b": chain % ("b", "a")})
    assert caught.value.reason == "template-cycle"
    assert "a → b → a" in caught.value.what


def test_a_draft_is_in_the_plan_and_noted():
    plan = read(USE % "t, gitBranch: try", {"t": "template: {step: make}"})
    assert plan.drafts == ("t@1.0.0 draft",)
    assert any("draft" in note for note in plan.notes)


def test_a_branch_is_named():
    found = complaints(USE % "t, gitBranch: ''", {"t": "template: {step: make}"})
    assert found == [("p.yaml:1:62", "bad-branch")]


CHILD = "pipeline: {id: child, stages: [{id: s, steps: [{id: x, run: {script: make, output: [k]}}]}]}"
PARENT = """\
pipeline:
  id: parent
  stages:
    - id: call
      chain:
        uses: child
        with:
          outputs:
            - {name: a, value: <+stages.s.steps.x.output.k>}
            - {name: b, value: "%s"}
"""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("<+stages.q.steps.x.output.k>", "unknown-stage"),
        ("<+stages.s.steps.y.output.k>", "unknown-step"),
        ("<+steps.x.output.k>", "unknown-step"),
        ("<+inputs.no>", "unknown-input"),
        ("<+stages.s.steps.x.output.k", "unclosed"),
    ],
)
def test_what_a_chain_wants_is_judged_in_the_other_pipeline_with_the_line_here(value, reason):
    [(place, found)] = complaints(PARENT % value, pipelines={"child": CHILD})
    assert (place.rpartition(":")[0], found) == ("p.yaml:10", reason)


def test_what_a_chain_wants_and_the_other_has_is_in_the_plan():
    plan = read(PARENT % "text", pipelines={"child": CHILD})
    assert plan.find("call/chain").with_["plan"]["outputs"] == {
        "a": "${{ stages.s.steps.x.output.k }}",
        "b": "text",
    }


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("{agent: {task: do it, container: {image: x}}}", "no-runtime:container"),
        ("{agent: {task: do it, with: {a: 1}}}", "inline-agent-inputs"),
    ],
)
def test_draft_forms_of_an_agent_step_are_refused_by_name(step, reason):
    text = f"pipeline: {{id: p, stages: [{{id: s, steps: [{step}]}}]}}"
    assert reason in [item[1] for item in complaints(text)]
