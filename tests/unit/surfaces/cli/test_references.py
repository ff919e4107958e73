"""What a plan refers to is looked up before anything starts, and every fault has its place and its next step."""

import pytest

from bridle.core.errors import InputError
from bridle.core.settings import load_settings
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.read import read_pipeline
from bridle.surfaces.cli.models import check_model, check_models
from bridle.surfaces.cli.references import check_references, read_referring, warn_of_approvers
from bridle.trust.people import Person

AGENT = """---
description: Helps.
purpose: repair
tools: [file.read]
inputs:
  branch: {type: string, required: true}
  depth: {type: integer, default: 1}
---
Help on ${{ inputs.branch }}.
"""


@pytest.fixture
def roots(tmp_path):
    folder = tmp_path / "agents" / "test.helper"
    folder.mkdir(parents=True)
    (folder / "1.0.0.md").write_text(AGENT, encoding="utf-8")
    return (tmp_path / "agents",)


@pytest.fixture
def faults(roots):
    """Return (place, reason) of every complaint about these steps, each on a line of its own from line 5."""

    def check(*steps):
        lines = "".join(f"      - {{id: s{number}, {step}}}\n" for number, step in enumerate(steps))
        text = f"pipeline:\n  id: p\n  stages:\n  - id: a\n    steps:\n{lines}"
        try:
            check_references(read_pipeline(text, source="p.yaml"), roots=roots)
        except PipelineError as error:
            return [(item.place.line, item.reason if item.hint else "no hint") for item in error.complaints]
        return []

    return check


@pytest.mark.parametrize(
    "step",
    [
        "agent: {uses: test.helper@1.0.0, with: {branch: main}}",
        "approval: {uses: harness, with: {message: m, auto-approve: true, deadline: '2999-03-01 10:00'}}",
        "agent: {uses: test.helper, with: {branch: main}, model: <+stages.a.steps.s0.status>}",
        "agent: {uses: test.helper, with: {branch: main}, model: openai:gpt-5}",
        "agent: {uses: test.helper, with: {branch: <+stages.a.steps.s0.status>, protect: [docs]}}",
        "tool: {uses: git.push, with: {commit: <+stages.a.steps.s0.status>, branch: main}}",
        "tool: {uses: git.clone, with: {repository: /srv/x, branch: main}}",
    ],
)
def test_what_fits_by_name_is_let_through_whatever_its_value(faults, step):
    assert faults("run: {script: make}", step) == []


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("agent: {uses: test.nobody@1.0.0}", "no-agent"),
        ("approval: {uses: harness, with: {message: m, deadline: '2020-03-01 10:00'}}", "deadline-over"),
        ("agent: {uses: test.helper@2.0.0, with: {branch: main}}", "no-agent"),
        ("agent: {uses: test.helper@1.0.0}", "missing-input"),
        ("agent: {uses: test.helper@1.0.0, with: {branch: main, brunch: x}}", "unknown-input"),
        ("agent: {uses: test.helper, with: {branch: main}, model: gpt-5}", "unknown-model"),
        ("tool: {uses: git.pull, with: {}}", "unknown-tool"),
        ("tool: {uses: model.call, with: {}}", "harness-tool"),
        ("tool: {uses: workspace.verify, with: {tree: x}}", "harness-tool"),
        ("tool: {uses: git.push, with: {branch: main}}", "missing-argument"),
        ("tool: {uses: git.push, with: {commit: c, branch: main, force: true}}", "unknown-argument"),
    ],
)
def test_what_is_not_there_or_does_not_fit_is_refused_with_its_line(faults, step, reason):
    assert faults("run: {script: make}", step) == [(7, reason)]


def test_all_faults_are_told_at_once(faults):
    found = faults("tool: {uses: git.pull}", "agent: {uses: test.nobody}", "tool: {uses: model.call}")
    assert found == [(6, "unknown-tool"), (7, "no-agent"), (8, "harness-tool")]


def test_faults_of_a_file_and_of_what_it_refers_to_are_told_at_once(roots, tmp_path):
    path = tmp_path / "p.yaml"
    steps = [
        "tool: {uses: git.pull}",
        "run: {scirpt: ls}",
        "tool: {}",
        "agent: {uses: test.nobody}",
        "wait: {}",
    ]
    lines = "".join(f"      - {{id: s{number}, {step}}}\n" for number, step in enumerate(steps))
    path.write_text(f"pipeline:\n  id: p\n  stages:\n  - id: a\n    steps:\n{lines}", "utf-8")
    with pytest.raises(PipelineError) as refused:
        read_referring(path, path.read_text("utf-8"), given=(), roots=roots)
    found = [(item.place.line, item.reason) for item in refused.value.complaints]
    assert found == [
        (6, "unknown-tool"),
        (7, "unknown-key"),
        (8, "missing-key:uses"),
        (9, "no-agent"),
        (10, "missing-key:duration"),
    ]


def test_a_fault_in_an_agents_own_file_is_told_with_its_place(roots):
    (roots[0] / "test.helper" / "1.0.0.md").write_text(AGENT.replace("file.read", "file.reed"), "utf-8")
    text = "pipeline: {id: p, stages: [{id: a, steps: [{id: s, agent: {uses: test.helper}}]}]}"
    with pytest.raises(PipelineError, match=r"1\.0\.0\.md:\d+.*file\.reed"):
        check_references(read_pipeline(text, source="p.yaml"), roots=roots)


@pytest.mark.parametrize("name", ["", "openai:gpt-5", "openai:mine@http://127.0.0.1:1", "recorded:t.json"])
def test_a_models_name_of_a_known_form_is_not_tried(name):
    check_model(name)


@pytest.mark.parametrize("name", ["gpt-5", "openai:", "nobody:x"])
def test_a_name_that_no_model_has_is_refused(name):
    with pytest.raises(InputError):
        check_model(name)


@pytest.mark.parametrize(
    ("chosen", "account", "where"), [("gpt-5", "", "--model"), ("", "gpt-5", "BRIDLE_MODEL")]
)
def test_a_name_that_no_model_has_is_refused_with_where_it_was_given(chosen, account, where):
    plan = read_pipeline(WITH_AGENT, source="p.yaml")
    with pytest.raises(InputError) as refused:
        check_models(plan, chosen=chosen, settings=load_settings({"BRIDLE_MODEL": account}))
    assert (refused.value.where, refused.value.reason) == (where, "unknown-model")


def test_the_accounts_model_is_no_matter_of_a_plan_without_agents():
    plan = read_pipeline(WITH_AGENT.replace("agent: {uses: test.helper}", "run: make"), source="p.yaml")
    check_models(plan, chosen="", settings=load_settings({"BRIDLE_MODEL": "gpt-5"}))


MAYBE = """pipeline:
  id: p
  inputs: {a: {default: b}}
  stages:
    - id: s
      if: <+inputs.a> == "c"
      steps: [{agent: {task: t}}]
"""


def test_of_a_model_that_may_not_be_asked_is_only_warned():
    plan = read_pipeline(MAYBE, source="p.yaml")
    (warning,) = check_models(plan, chosen="", settings=load_settings({}))
    assert "no model is named" in warning


def test_the_model_in_an_agents_own_file_is_checked_with_the_step_that_uses_it(faults, roots):
    named = AGENT.replace("purpose:", "model: gpt-5\npurpose:")
    (roots[0] / "test.helper" / "1.0.0.md").write_text(named, "utf-8")
    assert faults("agent: {uses: test.helper, with: {branch: main}}") == [(6, "unknown-model")]


WITH_AGENT = "pipeline: {id: p, stages: [{id: a, steps: [{id: s, agent: {uses: test.helper}}]}]}"


PEOPLE = [Person("ana", "ana", ("sre",), (), "00"), Person("ben", "ben", ("sre",), ("oncall",), "01")]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("groups: [nogroup]", ["no group 'nogroup' is known", "1 have to approve, and 0 known"]),
        ("users: [cy], groups: [sre]", ["no user 'cy' is known"]),
        ("groups: [sre], min-count: 99999", ["99999 have to approve, and 2 known"]),
        ("groups: [sre], attributes: [oncall], min-count: 2", ["2 have to approve, and 1 known"]),
        ("groups: [sre], min-count: 2", []),
        ("groups: [<+inputs.g>], min-count: 9", []),
    ],
)
def test_an_approval_that_nobody_known_could_give_is_warned_of(keys, told):
    text = (
        "pipeline: {id: p, inputs: {g: {type: string}},"
        f" stages: [{{steps: [{{approval: {{with: {{message: m, {keys}}}}}}}]}}]}}"
    )
    plan = read_pipeline(text, source="p.yaml")
    found = warn_of_approvers(plan, PEOPLE)
    assert [part in line for part, line in zip(told, found, strict=True)] == [True] * len(told)
    assert warn_of_approvers(plan, []) == []
