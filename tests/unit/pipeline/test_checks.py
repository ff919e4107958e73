"""Expressions that lead nowhere are found before anything runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import Complaint
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline

Complain = Callable[..., tuple[Complaint, ...]]

TWO_STAGES = """\
pipeline:
  id: p
  inputs: {{branch: {{type: string}}}}
  stages:
    - id: one
      steps:
        - {{id: a, run: ls}}
        - {{id: b, run: ls, env: {{X: '{value}'}}}}
        - {{id: c, run: ls}}
    - id: two
      if: {condition}
      steps: [{{id: d, run: ls}}]
"""


def write(value: str = "x", condition: str = "true") -> str:
    return TWO_STAGES.format(value=value, condition=condition)


@pytest.mark.parametrize(
    "value",
    [
        "<+inputs.branch>",
        "<+steps.a.output.K>",
        "<+a.output.K>",
        "<+stages.one.steps.a.status>",
        "<+pipeline.stages.one.spec.execution.steps.a.output.outputVariables.K>",
        "<+pipeline.executionId>",
        "<+env.ANY>",
    ],
)
def test_expression_that_leads_somewhere_is_accepted(value: str) -> None:
    assert read_pipeline(write(value), source="p.yaml").id == "p"


@pytest.mark.parametrize(
    ("value", "column", "reason"),
    [
        ("<+inputs.brnch>", 40, "unknown-input"),
        ("<+secrets>", 40, "bad-secret-name"),
        ("x <+steps.z.output>", 42, "unknown-step"),
        ("<+steps.b.output>", 40, "later-step"),
        ("<+steps.c.output>", 40, "later-step"),
        ("<+stages.three.status>", 40, "unknown-stage"),
        ("<+stages.two.status>", 40, "later-stage"),
        ("<+stages.one.status>", 40, "later-stage"),
        ("<+stages.one.steps.c.output.K>", 40, "later-step"),
        ("<+steps.a.outptu.K>", 40, "unknown-member"),
        ("<+pipeline.nam>", 40, "unknown-member"),
        ("<+pipeline.executionUrl>", 40, "not-executed-yet:pipeline.execution_url"),
        ("<+stepGroup.id>", 40, "no-group"),
        ("<+matrix.x>", 40, "no-strategy"),
        ("<+manifests.x>", 40, "no-manifest-source"),
        ("<+branch>", 40, "unknown-reference"),
        ("<+Always>", 40, "status-outside-condition"),
        ("<+inputs.branch", 38, "unclosed"),
    ],
)
def test_expression_that_leads_nowhere_is_refused_where_it_stands(
    complain: Complain, value: str, column: int, reason: str
) -> None:
    (complaint,) = complain(write(value), whole=True)
    assert (complaint.place.line, complaint.place.column, complaint.reason) == (8, column, reason)
    assert complaint.hint


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("<+stages.one.status> == Success", "unknown-reference"),
        ("<+steps.d.status> == 'Failed'", "unknown-step"),
        ("<+stages.two.steps.d.status> == 'Failed'", "later-stage"),
        ("<+secrets.key> == 'x'", "secret-in-expression"),
        ("<+stages.two.output.K> == 'x'", "later-stage"),
        ("lowr('x') == 'x'", "unknown-function"),
    ],
)
def test_condition_that_cannot_be_judged_is_refused(complain: Complain, condition: str, reason: str) -> None:
    (complaint,) = complain(write(condition=condition), whole=True)
    assert (complaint.place.line, complaint.reason) == (11, reason)


def test_nearest_step_is_named(complain: Complain) -> None:
    (complaint,) = complain("- {id: suite, run: ls}\n- {run: ls, env: {X: <+steps.siute.output>}}")
    assert complaint.hint == "did you mean 'suite'?"


def test_env_of_the_pipeline_knows_no_steps(complain: Complain) -> None:
    (complaint,) = complain("- {id: a, run: ls}", head="env: {X: <+stages.one.steps.a.output>}")
    assert complaint.reason == "later-stage"


def test_line_inside_a_script_is_named(complain: Complain) -> None:
    (complaint,) = complain("- run: |\n    ls\n    echo <+inputs.x>\n")
    assert (complaint.place.line, complaint.place.column) == (9, 8)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("for: ship.push", "for: shop.push", "unknown-stage"),
        ("for: ship.push", "for: ship", "unknown-stage"),
        ("for: ship.push", "for: ship.psh", "unknown-step"),
        ("for: ship.push", "for: build.suite", "approval-too-late"),
        ("for: ship.push", "for: approval.release", "approval-too-late"),
        (
            "tool: {uses: git.push, with: {commit",
            "agent: {uses: a.b@1.0.0, with: {commit",
            "bad-approval-target",
        ),
    ],
)
def test_approval_for_no_later_action_is_refused(
    complain: Complain, autofix_text: str, old: str, new: str, reason: str
) -> None:
    assert old in autofix_text
    (complaint,) = complain(autofix_text.replace(old, new), whole=True)
    assert (complaint.place.line, complaint.reason) == (31, reason)


@pytest.mark.parametrize("value", ["<+steps.look.output.x>", "<+stages.ship.steps.look.output.x>"])
def test_approved_action_must_be_known_when_it_is_approved(
    complain: Complain, autofix_text: str, value: str
) -> None:
    text = autofix_text.replace("        - id: push", "        - {id: look, run: ls}\n        - id: push")
    (complaint,) = complain(
        text.replace("branch: <+inputs.branch>}}\n", f"branch: {value}}}}}\n").replace(
            f"name: {value}", "name: main"
        ),
        whole=True,
    )
    assert (complaint.place.line, complaint.reason) == (37, "approval-before-value")


def test_plan_may_name_a_derived_id_with_underscores() -> None:
    text = "pipeline: {stages: [{steps: [{name: Feature Agent, run: ls}, 'echo ${{ steps.feature_agent.output.x }}']}]}"
    plan: Plan = read_pipeline(text, source="p")
    assert plan.stages[0].nodes[0].id == "featureagent"


def test_step_of_the_same_name_before_the_approval_does_not_make_the_action_known(
    complain: Complain, autofix_text: str
) -> None:
    text = autofix_text.replace("        - id: push", "        - {id: look, run: ls}\n        - id: push")
    text = text.replace("        - id: release", "        - {id: look, run: ls}\n        - id: release")
    (complaint,) = complain(
        text.replace(
            "fix.output.commit>, branch: <+inputs.branch>", "fix.output.commit>, x: <+steps.look.output.x>"
        ),
        whole=True,
    )
    assert complaint.reason == "approval-before-value"


GUARDED = """\
pipeline:
  id: p
  env: {{A: '<+secrets.one>'}}
  inputs: {{token: {{type: secret, default: two}}}}
  stages:
    - id: s
      env: {{B: '<+inputs.token>'}}
      steps:
        - id: a
          env: {{C: 'Bearer <+secrets.getValue("account.x")>'}}
          run: {{script: ls, env: {{D: '<+inputs.token>'}}}}
        - {step}
"""


def test_a_secret_may_stand_in_the_environment_of_a_command() -> None:
    assert read_pipeline(GUARDED.format(step="ls"), source="p.yaml").inputs["token"].type == "secret"


@pytest.mark.parametrize("secret", ["<+secrets.one>", "<+inputs.token>"])
@pytest.mark.parametrize(
    "step",
    [
        "run: 'echo {}'",
        "run: {{script: 'echo {}'}}",
        "agent: {{uses: a.b@1, with: {{task: '{}'}}}}",
        "approval: {{uses: harness, with: {{message: '{}'}}}}",
        "tool: {{uses: git.push, with: {{commit: '{}', branch: main}}}}",
        "queue: {{key: '{}'}}",
        "group: {{output: [{{K: '{}'}}], steps: [ls]}}",
        "{{run: ls, strategy: {{matrix: {{x: ['{}']}}}}}}",
    ],
)
def test_a_secret_anywhere_else_is_refused(complain: Complain, step: str, secret: str) -> None:
    body = step.format(secret)
    body = body if body.startswith("{") else f"{{{body}}}"
    (complaint,) = complain(GUARDED.format(step=body), whole=True)
    assert (complaint.place.line, complaint.reason) == (12, "secret-outside-env")


@pytest.mark.parametrize("secret", ["<+secrets.one> == 'x'", "<+inputs.token> == 'x'"])
def test_no_condition_looks_at_a_secret(complain: Complain, secret: str) -> None:
    (complaint,) = complain(GUARDED.format(step=f'{{run: ls, if: "{secret}"}}'), whole=True)
    assert complaint.reason == "secret-in-expression"


@pytest.mark.parametrize(
    ("text", "circles"),
    [
        (
            "pipeline: {stages: [{id: a, needs: [b], steps: [ls]}, {id: b, needs: [a], steps: [ls]}]}",
            ["a → b → a"],
        ),
        (
            "jobs: {a: {needs: [b], steps: [ls]}, b: {needs: [c], steps: [ls]}, c: {needs: [b], steps: [ls]},"
            " d: {needs: [e], steps: [ls]}, e: {needs: [d], steps: [ls]}, f: {needs: [e], steps: [ls]}}",
            ["b → c → b", "d → e → d"],
        ),
        (
            "pipeline: {stages: [{steps: [{parallel: [{id: a, run: echo <+steps.b.status>}, {id: b, needs: a, run: ls}]}]}]}",
            ["a → b → a"],
        ),
    ],
)
def test_those_that_wait_for_each_other_are_named_in_their_order(
    complain: Complain, text: str, circles: list[str]
) -> None:
    found = complain(text, whole=True)
    assert [(one.reason, one.what.rpartition(": ")[2]) for one in found] == [
        ("dependency-cycle", circle) for circle in circles
    ]
