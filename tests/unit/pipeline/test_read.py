"""A pipeline file to a plan, and every complaint that a file can earn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import MOST_COMPLAINTS, Complaint, PipelineError
from bridle.pipeline.failure import FailureAction, FailureRule
from bridle.pipeline.plan import InputSpec, Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import walk

Complain = Callable[..., tuple[Complaint, ...]]
ReadSteps = Callable[..., Plan]


def test_whole_example_becomes_a_plan(autofix: Plan) -> None:
    assert [(stage.id, [(step.id, step.kind) for step in stage.nodes]) for stage in autofix.stages] == [
        ("build", [("clone", "clone"), ("suite", "run")]),
        ("repair", [("fix", "agent")]),
        ("approval", [("release", "approval")]),
        ("ship", [("push", "tool")]),
    ]
    assert autofix.inputs == {
        "repository": InputSpec("string", required=True),
        "branch": InputSpec("string", default="main"),
    }
    assert autofix.notes == ()


def test_bodies_are_normalised(autofix: Plan) -> None:
    clone, suite = autofix.stages[0].nodes
    release = autofix.stages[2].nodes[0]
    assert clone.with_ == {
        "repo": "${{ inputs.repository }}",
        "ref": {"type": "branch", "name": "${{ inputs.branch }}"},
    }
    assert suite.with_["report"] == {"type": "junit", "path": ".bridle/reports/*.xml"}
    assert suite.on_failure == (FailureRule(("all",), FailureAction("ignore")),)
    assert release.with_["with"] == {
        "message": "Ship the repair?",
        "for": "ship.push",
        "groups": [],
        "users": [],
        "attributes": [],
        "timeout_s": 604_800,
        "deadline": None,
        "min_count": 1,
        "block_executor": False,
        "inputs": {},
        "auto_approve": False,
        "auto_reject": False,
        "comments": "",
    }


def test_steps_and_stages_know_their_place(autofix: Plan) -> None:
    assert autofix.stages[1].place == "autofix.yaml:18:7"
    assert autofix.stages[1].nodes[0].place == "autofix.yaml:21:11"


def test_conditions_stay_text_in_the_one_wrapper(autofix: Plan) -> None:
    assert autofix.stages[2].condition == '${{ stages.repair.status }} == "succeeded"'


def test_bare_text_is_a_run_step_named_by_position(read_steps: ReadSteps) -> None:
    (step,) = read_steps("- make test").stages[0].nodes
    assert (step.id, step.kind, step.with_["script"], step.with_["shell"]) == (
        "step_1",
        "run",
        "make test",
        "sh",
    )


@pytest.mark.parametrize(
    ("names", "id_"),
    [
        ("name: Feature Agent, ", "featureagent"),
        ("identifier: x_y, ", "x_y"),
        ("", "step_1"),
        ("name: '+++', ", "step_1"),
    ],
)
def test_id_is_derived(read_steps: ReadSteps, names: str, id_: str) -> None:
    assert read_steps(f"- {{{names}run: ls}}").stages[0].nodes[0].id == id_


@pytest.mark.parametrize("key", ["on-failure", "on_failure", "onFailure"])
def test_key_is_read_in_every_spelling(read_steps: ReadSteps, key: str) -> None:
    assert read_steps(f"- {{run: ls, {key}: abort}}").stages[0].nodes[0].on_failure == (
        FailureRule(("all",), FailureAction("abort")),
    )


@pytest.mark.parametrize("body", ["{script: [a, b], shell: bash}", "[a, b]"])
def test_script_may_be_a_list_of_lines(read_steps: ReadSteps, body: str) -> None:
    assert read_steps(f"- run: {body}").stages[0].nodes[0].with_["script"] == "a\nb"


@pytest.mark.parametrize(
    "rule",
    [
        "{action: retry, retry: {count: 2, backoff: fixed}}",
        "{action: {retry: {attempts: 2}}}",
        "{retry: {attempts: 2}}",
    ],
)
def test_the_details_of_an_action_stand_in_it_or_beside_it(read_steps: ReadSteps, rule: str) -> None:
    (found,) = read_steps(f"- {{run: ls, on-failure: {rule}}}").stages[0].nodes[0].on_failure
    assert found == FailureRule(("all",), FailureAction("retry", attempts=2))


def test_rollback_steps_in_an_action_of_a_stage_are_its_rollback() -> None:
    rule = "{errors: all, action: {retry-step-group: {failure-action: {rollback: {steps: [undo]}}}}}"
    stage = read_pipeline(f"pipeline: {{stages: [{{steps: [ls], on-failure: {rule}}}]}}", source="p").stages[
        0
    ]
    assert [step.with_["script"] for step in stage.rollback] == ["undo"]


def test_env_of_the_stage_holds_for_its_steps_and_theirs_wins() -> None:
    text = "pipeline: {id: p, stages: [{env: {A: 1, B: 1.10}, steps: [{run: ls, env: {A: two}}]}]}"
    assert read_pipeline(text, source="p").stages[0].nodes[0].env == {"A": "two", "B": "1.10"}


@pytest.mark.parametrize(
    ("written", "errors"),
    [
        ("all", ("all",)),
        ("[timeout, connectivity]", ("timeout", "connectivity")),
        (
            "[Timeout, PolicyEvaluationFailure, AuthenticationError]",
            ("timeout", "policy-evaluation", "authentication"),
        ),
        ("InfrastructureFailure", ("unknown",)),
    ],
)
def test_errors_of_a_failure_rule_have_one_spelling(
    read_steps: ReadSteps, written: str, errors: tuple[str, ...]
) -> None:
    plan = read_steps(f"- {{run: ls, on-failure: {{errors: {written}, action: ignore}}}}")
    assert plan.stages[0].nodes[0].on_failure == (FailureRule(errors, FailureAction("ignore")),)


@pytest.mark.parametrize(
    "details",
    [
        "user-groups: [ops], approvers-min-count: 2, block-executor: true",
        "groups: ops, min-approvers: 2, self-approval: false",
        "approvers: {groups: [ops], minimum: 2}, block_executor: 'true'",
        "approvers: {userGroups: [ops], minimumCount: 2, disallowPipelineExecutor: true}",
    ],
)
def test_approval_is_read_in_its_four_forms(read_steps: ReadSteps, details: str) -> None:
    plan = read_steps(f"- approval: {{with: {{message: ok, {details}}}}}")
    body = plan.stages[0].nodes[0].with_["with"]
    assert isinstance(body, dict)
    assert (body["groups"], body["min_count"], body["block_executor"]) == (["ops"], 2, True)


def test_misplaced_uses_is_read_and_noted(read_steps: ReadSteps) -> None:
    plan = read_steps("- agent:\n  uses: a.b@1.0.0\n  with: {x: 1}")
    assert plan.stages[0].nodes[0].with_ == {"uses": "a.b@1.0.0", "with": {"x": 1}, "model": None}
    assert plan.notes[0].startswith("p.yaml:8:11: misplaced-uses")


@pytest.mark.parametrize(
    ("step", "note"),
    [
        ("{agent: {uses: a.b}}", "stable"),
        ("{run: ls, on-failure: {errors: PluginImageFailure, action: fail}}", "'unknown'"),
    ],
)
def test_what_a_reader_should_know_is_noted(read_steps: ReadSteps, step: str, note: str) -> None:
    (found,) = read_steps(f"- {step}").notes
    assert note in found


def test_output_in_a_script_is_noted(read_steps: ReadSteps) -> None:
    (note,) = read_steps("- {id: a, run: ls}\n- run: echo <+steps.a.output.X>").notes
    assert note.startswith("p.yaml:8:16: ")


@pytest.mark.parametrize("text", ["10m", "1h30m", "600", "2w", "1d 2h"])
def test_duration_is_read(read_steps: ReadSteps, text: str) -> None:
    seconds = {"10m": 600, "1h30m": 5400, "600": 600, "2w": 1_209_600, "1d 2h": 93_600}[text]
    step = read_steps(f"- {{wait: {{duration: {text}}}, timeout: {text}}}").stages[0].nodes[0]
    assert (step.with_["duration_s"], step.timeout_s) == (seconds, seconds)


@pytest.mark.parametrize(
    ("step", "place", "reason"),
    [
        ("{rnu: ls}", "7:12", "unknown-key"),
        ("{run: ls, run: pwd}", "7:21", "duplicate-key"),
        ("{run: ls, onFailure: fail, on-failure: fail}", "7:38", "duplicate-key"),
        ("{id: a}", "7:11", "missing-kind"),
        ("{run: ls, wait: 1m}", "7:11", "several-kinds"),
        ("{run: {shell: bash}}", "7:17", "missing-key:script"),
        ("{run: [[a]]}", "7:17", "wrong-shape"),
        ("{run: {script: ls, shell: fish}}", "7:17", "unknown-shell"),
        ("{run: {script: ls, shell: pwsh}}", "7:17", "not-executed-yet:shell-pwsh"),
        ("{run: {script: ls, container: alpine}}", "7:30", "no-runtime:container"),
        ("{run: {script: ls, download: {source: a}}}", "7:40", "unpinned-download"),
        ("{run: {script: ls, download: [{source: a, checksum: b}]}}", "7:41", "not-executed-yet:download"),
        ("{run: {script: ls, with: {a b: 1}}}", "7:36", "bad-plugin-name"),
        ("{run: {script: ls, report: {type: cobertura, path: x}}}", "7:38", "unsupported-report:cobertura"),
        ("{run: {script: ls, output: [a-b]}}", "7:39", "bad-output-name"),
        ("{run: {script: ls, output: [{name: a, mask: maybe}]}}", "7:55", "wrong-shape"),
        ("{run: {script: ls, output-alias: {key: a.b}}}", "7:44", "bad-output-key"),
        ("{run: {script: ls, output-alias: {scope: Stage}}}", "7:44", "missing-key:key"),
        ("{run: {script: ls, output-alias: {key: k, scope: world}}}", "7:44", "bad-scope"),
        ("{run: {script: ls, output-alias: {key: k, scope: StepGroup}}}", "7:11", "no-group"),
        ("{run: ls, timeout: soon}", "7:30", "bad-duration"),
        ("{run: ls, timeout: 0}", "7:30", "bad-duration"),
        ("{wait: 54w}", "7:18", "bad-duration"),
        ("{run: ls, id: a b}", "7:25", "bad-id"),
        ("{agent: {uses: <+inputs.x>}}", "7:19", "bad-uses"),
        ("{agent: {uses: a.b@latest}}", "7:19", "bad-uses"),
        ("{tool: {uses: push}}", "7:18", "bad-uses"),
        ("{clone: {repo: r, persist-credentials: true}}", "7:50", "credentials-in-workspace"),
        ("{clone: {repo: r, ref: {type: pull-request}}}", "7:34", "missing-key:number"),
        ("{clone: {repo: r, ref: {type: pull-request, number: one}}}", "7:34", "bad-number"),
        ("{clone: {repo: r, ref: {type: pull-request, number: 1, name: base}}}", "7:34", "unknown-ref"),
        ("{clone: {repo: r, sparse-checkout: ['src/*']}}", "7:19", "sparse-pattern"),
        ("{clone: {repo: r, sparse-checkout: [../x]}}", "7:19", "sparse-pattern"),
        ("{clone: {repo: r, submodules: some}}", "7:19", "wrong-shape"),
        (
            "{clone: {repo: r, submodules: true, ref: {type: pull-request, number: 1}}}",
            "7:19",
            "submodules-of-a-proposal",
        ),
        ("{clone: {repo: r, ref: {type: sha, name: abc1234}}}", "7:34", "bad-commit"),
        ("{clone: {repo: r, ref: {type: head, name: v1}}}", "7:34", "unknown-ref"),
        ("{clone: {repo: r, depth: 0}}", "7:36", "wrong-shape"),
        ("{clone: {repo: r, disabled: true}}", "7:19", "misplaced-disabled"),
        ("{approval: {uses: jira, with: {message: m}}}", "7:22", "no-connector:jira"),
        ("{approval: {with: {message: m, callback: {}}}}", "7:42", "approval-callback"),
        ("{uses: actions/checkout@v4}", "7:11", "foreign-action"),
        ("{parallel: {steps: []}}", "7:22", "missing-key:steps"),
        ("{group: {output: [{A: b}]}}", "7:19", "missing-key:steps"),
        ("{run: ls, strategy: {}}", "7:31", "missing-strategy"),
        ("{run: ls, strategy: {matrix: {a: [1]}, for: 2}}", "7:31", "several-strategies"),
        ("{run: ls, strategy: {while: {condition: 'true'}}}", "7:39", "unbounded-loop"),
        ("{run: ls, strategy: {repeat: {iterations: 9, start: 3}}}", "7:63", "no-items"),
        ("{run: ls, strategy: {for: 1001}}", "7:31", "too-many-cells"),
        ("{run: ls, strategy: {for: many}}", "7:31", "bad-count"),
        ("{run: ls, strategy: {matrix: {a: x}}}", "7:31", "bad-strategy"),
        ("{run: ls, strategy: {matrix: {a: []}}}", "7:31", "no-cells"),
        ("{run: ls, strategy: {matrix: {}}}", "7:31", "no-cells"),
        ("{run: ls, strategy: {repeat: {items: []}}}", "7:31", "no-cells"),
        ("{run: ls, strategy: {for: {iterations: -1}}}", "7:31", "bad-count"),
        ("{run: ls, strategy: {for: {iterations: 99999999999999}}}", "7:31", "too-many-cells"),
        ("{run: ls, strategy: {for: {iterations: 2}, max-parallel: 0}}", "7:31", "bad-count"),
        ("{run: ls, strategy: {for: {iterations: 2, max-parallel: 0}}}", "7:31", "bad-count"),
        ("{template: {uses: actions/checkout@v4}}", "7:29", "foreign-action"),
        ("{group: {on-failure: ignore, steps: [ls]}}", "7:20", "unknown-key"),
        ("{run: ls, needs: [nobody]}", "7:11", "unknown-needs"),
        ("{run: ls, outputs: [A]}", "7:30", "misplaced-outputs"),
        ("{parallel: [ls], outputs: [{A: b}]}", "7:37", "misplaced-outputs"),
        ("{verify: {steps: [ls]}}", "7:20", "missing-key:window"),
        ("{verify: {window: 100000s, interval: 1s, steps: [ls]}}", "7:29", "too-many-rounds"),
        ("{barrier: {name: ready}}", "7:11", "unknown-barrier"),
        ("{run: ls, on-failure: {action: {manual-intervention: {approvers: {}}}}}", "7:76", "no-approvers"),
        ("{clone: {connector: <+inputs.x>, repo: a}}", "7:19", "bad-connector"),
        ("{clone: {connector: acme, repo: ../a}}", "7:19", "bad-repository"),
        ("{queue: {key: k, scope: world}}", "7:19", "bad-scope"),
        ("{background: {script: ls, container: redis}}", "7:37", "no-runtime:container"),
        ("{background: {script: ls, output: [A]}}", "7:37", "unsupported-key:output"),
        ("{template: {uses: nothing@1.0.0}}", "7:29", "unknown-template"),
        ("{run-test: {}}", "7:12", "test-intelligence"),
        ("{run: ls, on-failure: {action: {retry: {attempts: 200}}}}", "7:50", "too-many-attempts"),
        ("{run: ls, on-failure: {action: {retry: {attempts: 2, interval: soon}}}}", "7:74", "bad-duration"),
        (
            "{run: ls, on-failure: {action: StepGroupRollback}}",
            "7:42",
            "unsupported-action:StepGroupRollback",
        ),
        ("{run: ls, on-failure: {errors: exitcode, action: fail}}", "7:42", "exitcode-matcher"),
        ("{run: ls, on-failure: {errors: [{exit-code: 137}], action: fail}}", "7:43", "exitcode-matcher"),
        ("{run: ls, on-failure: {errors: [], action: fail}}", "7:33", "no-errors"),
        ("{run: ls, on-failure: explode}", "7:33", "unknown-action"),
        ("{run: ls, on-failure: {action: ignore, retry: {count: 2}}}", "7:57", "several-actions"),
        ("{run: ls, on-failure: {retry: {backoff: cubic}}}", "7:41", "unknown-backoff"),
        ("{run: ls, on-failure: {action: {abort: , fail-all: yes}}}", "7:62", "wrong-shape"),
        ("{run: ls, on-failure: {action: {rollback: {steps: [ls]}}}}", "7:53", "misplaced-rollback"),
        ("{run: ls, env: {A: [1]}}", "7:30", "wrong-shape"),
    ],
)
def test_complaint_about_a_step(complain: Complain, step: str, place: str, reason: str) -> None:
    first = complain(f"- {step}")[0]
    assert (str(first.place), first.reason) == (f"p.yaml:{place}", reason)
    assert first.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty-file"),
        ("hello", "no-pipeline"),
        ("- run: ls", "fragment-without-root"),
        ("parallel: {steps: [ls]}", "fragment-without-root"),
        ("version: 2\npipeline: {stages: [{steps: [ls]}]}", "unsupported-version"),
        ("version: 1", "missing-key:pipeline"),
        ("pipeline:", "missing-key:stages"),
        ("pipeline: []", "wrong-shape"),
        ("pipelin: {}", "unknown-key"),
        ("trigger: {}", "not-executed-yet:trigger"),
        ("env: {A: b}\npipeline: {stages: [{steps: [ls]}]}", "misplaced-env"),
        ("permissions: {}\npipeline: {stages: [{steps: [ls]}]}", "misplaced-permissions"),
        ("pipeline: {stages: []}", "missing-key:stages"),
        ("pipeline: {generate: x, stages: [{steps: [ls]}]}", "dynamic-pipeline"),
        ("pipeline: {stages: [{stage: {type: CI}}]}", "v0-pipeline"),
        ("pipeline: {stages: [{steps: [ls]}]}\n---\na: 1", "not-executed-yet:many-documents"),
        ("pipeline: {stages: [" + "{steps: [ls]}, " * 257 + "]}", "too-many-stages"),
        ("pipeline: {stages: [{id: a, steps: [ls]}, {id: a, steps: [ls]}]}", "duplicate-id"),
        ("pipeline: {stages: [{approval: {with: {}}}]}", "missing-key:message"),
        ("pipeline: {stages: [{steps: [ls], approval: {with: {message: m}}}]}", "several-kinds"),
        ("pipeline: {stages: [{steps: [ls], runtime: kubernetes}]}", "no-runtime:kubernetes"),
        ("pipeline: {stages: [{steps: [ls], platform: {os: windows}}]}", "no-runtime:windows"),
        ("pipeline: {stages: [{steps: [ls], uses: a@1}]}", "misplaced-uses"),
        ("pipeline: {stages: [{steps: [ls], concurrency: 2}]}", "concurrency-above-one"),
        ("pipeline: {stages: [{steps: [ls], concurrency: {cancelInProgress: true}}]}", "cancel-in-progress"),
        ("pipeline: {stages: [{parallel: [{steps: [ls]}], concurrency: 1}]}", "misplaced-concurrency"),
        ("pipeline: {concurrency: {group: g}, stages: [{steps: [ls]}]}", "concurrency-group"),
        ("pipeline: {concurrency: {cancelInProgress: true}, stages: [{steps: [ls]}]}", "cancel-in-progress"),
        ("pipeline: {stages: [{steps: [ls], with: {a: b}}]}", "misplaced-with"),
        ("pipeline: {stages: [{group: [{steps: [ls]}], rollback: [ls]}]}", "misplaced-rollback"),
        ("pipeline: {stages: [{approval: {with: {message: m}}, clone: {repo: r}}]}", "misplaced-clone"),
        ("pipeline: {stages: [{steps: [ls], platform: {arch: sparc}}]}", "no-runtime:sparc"),
        ("pipeline: {stages: [{steps: [ls], runtime: {type: Cloud}}]}", "no-runtime:cloud"),
        ("pipeline: {stages: [{steps: [ls]}]}\njobs: {a: {steps: [ls]}}", "several-kinds"),
        (
            "pipeline: {stages: [{steps: [ls], rollback: [ls],"
            " on-failure: {action: {rollback: {steps: [ls]}}}}]}",
            "misplaced-rollback",
        ),
        ("pipeline: {inputs: {a: {enum: []}}, stages: [{steps: [ls]}]}", "empty-enum"),
        ("pipeline: {stages: [{chain: {uses: nothing}}]}", "unknown-template"),
        ("pipeline: {inputs: {a: {type: text}}, stages: [{steps: [ls]}]}", "unknown-input-type"),
        ("pipeline: {inputs: {a: {type: number, default: x}}, stages: [{steps: [ls]}]}", "bad-default"),
        (
            "pipeline: {inputs: {a: {default: <+inputs.b>}}, stages: [{steps: [ls]}]}",
            "not-executed-yet:expression-in-default",
        ),
    ],
)
def test_complaint_about_a_file(complain: Complain, text: str, reason: str) -> None:
    assert complain(text, whole=True)[0].reason == reason


def test_unknown_key_is_answered_with_the_nearest(complain: Complain) -> None:
    (complaint,) = complain("- {run: ls, timout: 1m}")
    assert complaint.hint == "did you mean 'timeout'?"


@pytest.mark.parametrize(
    "text",
    [
        "pipeline: {stage: [{steps: [ls]}]}",
        "pipeline: {stages: [{stpes: [ls]}]}",
        "pipeline: {stages: [{steps: [{run: {scirpt: ls}}]}]}",
        "pipeline: {stages: [{steps: [{wait: {durration: 1m}}]}]}",
    ],
)
def test_a_misspelt_key_is_not_missing_as_well(complain: Complain, text: str) -> None:
    assert [complaint.reason for complaint in complain(text, whole=True)] == ["unknown-key"]


def test_what_is_no_duration_is_quoted(complain: Complain) -> None:
    (complaint,) = complain("- {wait: 2026-02-30}")
    assert complaint.what == "'duration' is how long, and '2026-02-30' is no duration"


def test_all_faults_are_reported_at_once_in_order(complain: Complain) -> None:
    complaints = complain("- {rnu: ls}\n- {id: a, run: ls}\n- {id: a, run: <+inputs.x>}\n- {wait: soon}")
    assert [(item.place.line, item.reason) for item in complaints] == [
        (7, "unknown-key"),
        (9, "duplicate-id"),
        (9, "unknown-input"),
        (10, "bad-duration"),
    ]


def test_error_prints_every_complaint_with_place_and_next_step() -> None:
    with pytest.raises(PipelineError) as caught:
        read_pipeline("pipeline: {stages: [{steps: [{rnu: ls}, {wait: soon}]}]}", source="p.yaml")
    text = str(caught.value)
    assert text.count("p.yaml:1:") == 2
    assert text.count("next: ") == 2
    assert caught.value.exit_code == 2


def test_reading_stops_after_too_many_faults(complain: Complain) -> None:
    complaints = complain("\n".join("- {rnu: ls}" for _ in range(MOST_COMPLAINTS * 3)))
    assert len(complaints) == MOST_COMPLAINTS + 1
    assert complaints[-1].reason == "too-many-complaints"


def test_tags_are_noted_and_have_no_effect() -> None:
    plan = read_pipeline("pipeline: {tags: [a], stages: [{steps: [ls]}]}", source="dir/My File.yaml")
    assert plan.id == "myfile"
    assert "no effect" in plan.notes[0]


def test_text_that_forges_a_secret_is_refused(complain: Complain) -> None:
    assert complain("- {run: 'echo <+inputs.x> <<secret:a>>'}")[0].reason == "forged-placeholder"


def test_every_fault_of_a_file_is_told_at_once_in_its_order(complain: Complain) -> None:
    text = """\
pipeline:
  colour: red
  inputs: {a: {type: text}}
  stages:
    - id: one
      steps:
        - {id: x, rum: ls}
        - {id: x, run: echo <+inputs.b>, timeout: soon}
        - {id: z, run: echo <+steps.x.output.k> <+lowr('A')>, on-failure: hope}
        - {id: w, if: <+steps.gone.status> == 1, wait: 10 parsecs}
    - {id: one, steps: [{run: ls, shell: sh}]}
"""
    told = [(complaint.place.line, complaint.reason) for complaint in complain(text, whole=True)]
    assert told == sorted(told, key=lambda pair: pair[0])
    assert {
        (2, "unknown-key"),
        (3, "unknown-input-type"),
        (7, "unknown-key"),
        (8, "duplicate-id"),
        (8, "unknown-input"),
        (8, "bad-duration"),
        (9, "unknown-function"),
        (9, "unknown-action"),
        (10, "unknown-step"),
        (10, "bad-duration"),
        (11, "duplicate-id"),
        (11, "unknown-key"),
    } <= set(told)
    assert all(complaint.hint for complaint in complain(text, whole=True))


@pytest.mark.parametrize(
    "stages",
    [
        "[{steps: [{barrier: r}]}, {steps: [{barrier: r}]}]",
        "[{steps: [{parallel: [{barrier: r}, {group: {steps: [ls, {barrier: r}, {barrier: r}]}}]}]}]",
        "[{steps: [{parallel: [{id: a, barrier: r}, {id: b, needs: [m], barrier: r}, {id: m, needs: [a], run: ls}]}]}]",
    ],
)
def test_a_barrier_whose_places_never_stand_there_together_is_refused(
    complain: Complain, stages: str
) -> None:
    (complaint,) = complain(f"pipeline: {{barriers: [r], stages: {stages}}}", whole=True)
    assert complaint.reason == "bad-barrier"
    assert "would never open" in complaint.what


def test_a_barrier_in_a_rollback_is_refused(complain: Complain) -> None:
    text = "pipeline: {barriers: [r], stages: [{steps: [ls], rollback: [{barrier: r}]}]}"
    assert [complaint.reason for complaint in complain(text, whole=True)] == ["bad-barrier"]


def test_a_barrier_reached_side_by_side_is_fine() -> None:
    text = (
        "pipeline: {barriers: [r], stages: [{parallel: {stages: [{id: a, steps: [{barrier: r}]},"
        " {id: b, steps: [ls, {parallel: [{barrier: r}, {strategy: {repeat: 2}, barrier: r}]}]}]}}]}"
    )
    plan = read_pipeline(text, source="p.yaml")
    assert [node.with_["of"] for _, node in walk(plan.stages) if node.kind == "barrier"] == [4, 4, 4]


@pytest.mark.parametrize(
    ("concurrency", "key"),
    [
        ("1", "${{ pipeline.id }}/${{ stage.id }}"),
        ("production", "production"),
        ("{group: g-<+inputs.x>, cancel-in-progress: false}", "g-${{ inputs.x }}"),
    ],
)
@pytest.mark.parametrize("kind", ["steps: [ls], clone: {repo: r}", "approval: {with: {message: m}}"])
def test_a_stage_with_concurrency_begins_by_standing_in_line(concurrency: str, key: str, kind: str) -> None:
    stage = f"{{id: s, concurrency: {concurrency}, {kind}}}"
    text = f"pipeline: {{id: p, inputs: {{x: {{type: string}}}}, stages: [{stage}]}}"
    first = read_pipeline(text, source="p.yaml").find("s").nodes[0]
    assert (first.id, first.with_) == ("concurrency", {"key": key, "scope": "stage"})


def test_a_name_with_an_expression_is_noted_because_it_is_not_evaluated() -> None:
    text = "pipeline: {id: p, stages: [{id: s, name: 'to <+pipeline.id>', steps: [ls]}]}"
    assert "p.yaml:1:42: 'name' is shown as it is written" in read_pipeline(text, source="p.yaml").notes[0]


def test_what_stands_beside_jobs_holds_for_the_pipeline_that_they_are() -> None:
    beside = "concurrency: 2\npermissions: {command: run}\nenv: {A: b}"
    plan = read_pipeline(f"{beside}\njobs: {{a: {{steps: [ls]}}}}", source="p.yaml")
    step = plan.find("a").nodes[0]
    assert (plan.concurrency, plan.env, step.permissions is not None) == (2, {"A": "b"}, True)
