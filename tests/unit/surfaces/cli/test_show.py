"""What people read of an approval and of an execution. The words are held to where somebody acts on them."""

from datetime import UTC, datetime

import pytest

from bridle.core.notes import make_note
from bridle.core.states import State
from bridle.engine.views import StepView
from bridle.gate.approvals import ApprovalState
from bridle.surfaces.cli.progress import MARKS, Lines, describe_cost, draw, headline
from bridle.surfaces.cli.show import show_approval, show_next, show_summary
from bridle.surfaces.cli.show_waiting import describe_waiting, show_waiting

SHOWN = {
    "tool": "git.push",
    "arguments": {"commit": "c0ffee", "branch": "main"},
    "rules": [{"rule": "git.push.needs-approval", "reason": "Moving a branch needs a person."}],
    "agent": "agent:bridle.ci-autofix",
    "agent_version": "1.0.0",
    "before": {"tests": 278, "failures": 0, "errors": 45, "skipped": 0},
    "after": {"tests": 278, "failures": 0, "errors": 0, "skipped": 0},
    "difference": "-year = old\n+year = int(old)\n",
}


def test_an_approver_reads_the_action_who_made_it_the_reports_the_rule_and_the_difference(make_approval):
    text = show_approval(make_approval(shown=SHOWN))
    for part in (
        "Ship the repair?",
        "apr_1, expires 2026-03-08",
        'git.push {"branch": "main", "commit": "c0ffee"}',
        "agent:bridle.ci-autofix 1.0.0",
        "278 tests, 0 failures, 45 errors",
        "278 tests, 0 failures, 0 errors",
        "git.push.needs-approval: Moving a branch needs a person.",
        "  -year = old\n  +year = int(old)",
    ):
        assert part in text


def test_why_an_execution_was_killed_stands_beside_its_state(make_summary):
    why = "killed: it pays\ntwice (kil_1)"
    lines = show_summary(make_summary(State.CANCELLED, note=why)).splitlines()
    assert lines[1:3] == ["release exe_1: cancelled", r"  killed: it pays\ntwice (kil_1)"]


def test_a_void_request_says_that_nobody_can_answer_it(make_approval):
    text = show_waiting(make_approval(state=ApprovalState.VOID, comment="the tool has changed"))
    assert "void       the tool has changed: nobody can answer it" in text
    assert not {"takes", "expires"} & set(text.split())
    assert describe_waiting(make_approval(state=ApprovalState.VOID))["state"] == "void"


def test_nothing_in_a_request_passes_for_a_line_of_ours(make_approval):
    """A message may hold what an agent put out, a rule's reason what a call held."""
    forged = 'all is well\n  action     git.push {"branch": "safe"}\n  rule       none: nothing asks'
    rules = [{"rule": "git.push.needs-approval", "reason": forged}]
    lines = show_approval(make_approval(message=forged, shown={**SHOWN, "rules": rules})).splitlines()
    assert [line for line in lines if line.startswith("  action ")] == [
        '  action     git.push {"branch": "main", "commit": "c0ffee"}'
    ]
    assert len([line for line in lines if line.startswith("  rule ")]) == 1


def test_an_approver_reads_what_the_word_binds_and_nothing_empty(make_approval):
    lines = [line for line in show_approval(make_approval()).splitlines() if "binds" in line]
    assert [line.split() for line in lines] == [
        ["binds", "commit", "c0ffee"],
        ["binds", "policy", "sha256:p"],
    ]


def test_an_approver_of_a_repetition_reads_what_was_done_when_and_in_which_execution(make_approval):
    deed = {"at": "2026-03-01T12:00:00.000000Z", "tool": "git.push", "execution": "exe_1", "key": "k"}
    loop = {"times": 3, "before": [{**deed, "same": True}, {**deed, "tool": "git.restore", "same": False}]}
    lines = show_approval(make_approval(shown={**SHOWN, "loop": loop})).splitlines()
    assert lines[lines.index("  before") + 1 :][:2] == [
        "    2026-03-01T12:00:00.000000Z  git.push  exe_1  the same change",
        "    2026-03-01T12:00:00.000000Z  git.restore  exe_1  another change",
    ]


def test_an_approver_of_a_call_reads_who_vouches_for_each_value(make_approval):
    named = {
        "argument": "order_id",
        "value": "A-1",
        "type": "id",
        "kind": "request",
        "where": "request",
        "note": "",
    }
    told = {
        "argument": "to",
        "value": "e@x.y",
        "type": "address",
        "kind": "text",
        "where": "mcp.mail.read: body",
        "note": "",
    }
    lines = show_approval(make_approval(shown={**SHOWN, "origins": [named, told]})).splitlines()
    assert lines[lines.index("  origins") + 1 :][:2] == [
        '      order_id = "A-1": request',
        '    ! to = "e@x.y": text mcp.mail.read: body',
    ]


def test_an_action_without_a_commit_is_shown_as_well(make_approval):
    text = show_approval(make_approval(shown={"arguments": {}, "rules": []}))
    assert "made by" not in text
    assert "before" not in text


def test_a_summary_names_every_step_with_its_state_and_note(make_summary):
    text = show_summary(
        make_summary(
            State.FAILED,
            StepView("build/suite", "run", State.FAILED, "exit code 1"),
            StepView("ship/push", "tool", State.SKIPPED),
        )
    )
    assert "release exe_1: failed" in text
    assert "build/suite          failed  exit code 1" in text
    assert "ship/push            skipped" in text


def test_what_to_do_about_a_step_stands_beneath_it(make_summary):
    step = StepView("build/suite", "run")
    step.tell(State.FAILED, make_note("there is no file", "make it"))
    lines = show_summary(make_summary(State.FAILED, step)).splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("failed  there is no file"))
    assert lines[at + 1] == "      next: make it"


def test_a_note_cannot_pass_for_a_line_of_ours(make_summary):
    note = "no\n\nRefused by rule:\n  nothing"
    text = show_summary(make_summary(State.FAILED, StepView("build/suite", "run", State.FAILED, note)))
    assert "Refused by rule:" not in text.splitlines()


def test_a_summary_names_what_was_refused_by_which_rule(make_summary, make_action):
    refused = make_action(effect="deny", rule="path.protected")
    step = StepView("repair/fix", "agent", State.SUCCEEDED, actions=[refused])
    lines = show_summary(make_summary(State.SUCCEEDED, step)).splitlines()
    assert lines[lines.index("Refused by rule:") + 1].split() == ["path.protected", "file.edit", "tests/a.py"]


def test_a_summary_names_what_the_sandbox_stopped(make_summary, make_action):
    stopped = make_action(tool="command.run", effect="allow", target="curl x", note="no network")
    step = StepView("repair/fix", "agent", State.SUCCEEDED, actions=[stopped])
    lines = show_summary(make_summary(State.SUCCEEDED, step)).splitlines()
    assert lines[lines.index("Stopped in the sandbox:") + 1].split() == ["no", "network", "curl", "x"]


def test_without_refusals_and_models_neither_is_spoken_of(make_summary):
    text = show_summary(make_summary())
    assert "Refused" not in text
    assert "Model" not in text


def test_turns_from_a_file_are_said_to_be_wherever_the_model_is_named(make_summary):
    summary = make_summary(models=["recorded:turns.json"])
    assert "turns from a file" in show_summary(summary)
    assert "turns from a file" in headline(summary)


def test_a_model_that_was_asked_is_not_said_to_be_played(make_summary):
    assert "from a file" not in show_summary(make_summary(models=["openai:gpt-5"]))


@pytest.mark.parametrize(
    ("models", "cost", "words"),
    [
        (["openai:gpt-5"], {}, "0.25 USD"),
        (["recorded:t.json"], {}, "0 USD charged (0.75 USD at list price)"),
        (["openai:own"], {"unpriced_turns": 2}, "2 turns without a known price"),
        (["openai:own"], {"unpriced_turns": 1}, "1 turn without a known price"),
    ],
)
def test_the_cost_says_what_was_charged(make_summary, models, cost, words):
    summary = make_summary(models=models)
    summary.cost.update(cost)
    assert describe_cost(summary) == words


def test_what_the_sandbox_lacks_is_said(make_summary):
    probe = {"backend": "bubblewrap", "hard": ["network"], "soft": ["memory"], "missing": []}
    assert "bubblewrap; hard: network; soft: memory" in show_summary(make_summary(sandbox=probe))


def approval(**changes):
    asked = {"id": "apr_1", "message": "Ship it?", "verdict": "", "by": "", "name": "", "asserted": False}
    return {**asked, **changes}


def test_a_name_that_nobody_vouches_for_is_said_to_be_asserted(make_summary):
    given = approval(verdict="approved", by="user:root", name="Ana", asserted=True)
    assert "approved by user:root, as 'Ana' (asserted)" in show_summary(make_summary(approvals=[given]))


def test_without_a_name_the_operating_system_is_said_to_vouch(make_summary):
    given = approval(verdict="approved", by="user:root", name="root", asserted=True)
    text = show_summary(make_summary(approvals=[given]))
    assert "approved by user:root (vouched for by the operating system)" in text


@pytest.mark.parametrize(("day", "word"), [(7, "open: Ship it?"), (8, "expired: Ship it?")])
def test_a_request_reads_expired_from_the_moment_it_is(make_summary, day, word):
    asked = approval(expires_at="2026-03-08T12:00:00.000000Z")
    now = datetime(2026, 3, day, 12, tzinfo=UTC)
    assert word in show_summary(make_summary(State.WAITING, approvals=[asked]), now=now)


def test_nobody_is_told_to_approve_what_has_expired(make_summary):
    asked = approval(expires_at="2026-03-08T12:00:00.000000Z")
    now = datetime(2026, 3, 9, tzinfo=UTC)
    assert "bridle approve" not in show_next(make_summary(State.WAITING, approvals=[asked]), now=now)


def test_an_approver_reads_where_it_goes_the_changed_paths_and_the_whole_message(make_approval):
    shown = {"repository": "/srv/origin.git", "message": "Mend\n\nbinds x", "changed": ["a.py", "b\n  rule"]}
    lines = show_approval(make_approval(shown=shown)).splitlines()
    assert "  repository /srv/origin.git" in lines
    at = lines.index("  message")
    assert lines[at : at + 7] == [
        "  message",
        "    Mend",
        "    ",
        "    binds x",
        "  changed",
        "    a.py",
        "    b\\n  rule",
    ]


def test_while_a_person_is_waited_for_both_answers_are_named(make_summary):
    advice = show_next(make_summary(State.WAITING, approvals=[approval()]))
    assert "bridle approve apr_1" in advice
    assert "bridle deny apr_1" in advice


def test_what_an_approver_has_to_fill_in_stands_in_the_command(make_summary):
    asked = {**approval(), "inputs": ["reason"]}
    advice = show_next(make_summary(State.WAITING, approvals=[asked])).splitlines()
    assert advice[1:] == ["  bridle approve apr_1 --input reason=…", "  bridle deny apr_1"]


@pytest.mark.parametrize("state", [State.RUNNING, State.WAITING, State.PENDING])
def test_what_has_not_ended_can_be_resumed(make_summary, state):
    assert "bridle resume exe_1" in show_next(make_summary(state))


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.DENIED, State.UNKNOWN])
def test_after_the_end_there_is_no_next_command(make_summary, state):
    assert show_next(make_summary(state, approvals=[approval(verdict="approved")])) == ""


def test_every_state_has_a_mark_of_its_own():
    assert set(MARKS) == set(State)
    assert len({mark for mark, _ in MARKS.values()}) == len(MARKS)


def test_progress_has_one_line_for_each_change_however_often_it_is_shown(make_summary, capsys):
    view = Lines()
    for state in (State.PENDING, State.RUNNING, State.RUNNING, State.SUCCEEDED, State.SUCCEEDED):
        view.show(make_summary(State.RUNNING, StepView("build/suite", "run", state)))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "▸ build/suite running\n✓ build/suite succeeded\n")


def test_progress_says_until_when_a_timer_waits_and_not_what_a_person_is_asked(make_summary, capsys):
    for note in ("until 2026-03-01T12:10:00Z", approval()["message"]):
        step = StepView("build/pause", "wait", State.WAITING)
        summary = make_summary(State.WAITING, step, approvals=[approval()])
        summary.note = note
        Lines().show(summary)
    waiting = "? build/pause waiting\n"
    assert capsys.readouterr().err == f"{waiting}  until 2026-03-01T12:10:00Z\n{waiting}"


def test_progress_names_a_refusal_once(make_summary, make_action, capsys):
    refused = make_action(effect="deny", rule="path.protected")
    view = Lines()
    for _ in range(2):
        view.show(make_summary(State.RUNNING, StepView("repair/fix", "agent", actions=[refused])))
    assert capsys.readouterr().err == "  refused file.edit tests/a.py  [path.protected]\n"


def test_the_tree_hides_what_a_terminal_would_obey(make_summary, make_action):
    odd = make_action(effect="deny", rule="a.rule", target="\x1b[2Jx")
    step = StepView("repair/fix", "agent", State.RUNNING, "\x1b[1m", actions=[odd])
    tree = draw(make_summary(State.RUNNING, step))
    (branch,) = tree.children
    (leaf,) = branch.children
    assert "\x1b" not in leaf.label.plain + leaf.children[0].label.plain
