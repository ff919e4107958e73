"""What a person reads of an execution: each step, what it did and printed, what was refused, and how it ended."""

import pytest

from bridle.surfaces.cli.logs import SHOWN_LINES, select, tell
from bridle.trust.journal import GENESIS, Entry, Kind, seal

EXECUTION = "exe_1"


class Story:
    """Writes records with the bodies that the gate and the worker give them."""

    def __init__(self):
        self.records = []

    def write(self, kind, subject, **body):
        entry = Entry(kind, EXECUTION, subject, body)
        place = len(self.records)
        at = f"2026-03-01T12:00:{place:02d}.000000Z"
        self.records.append(
            seal(seq=place, record_id=f"rec_{place}", at=at, entry=entry, raw={}, previous=GENESIS)
        )

    def decide(self, step, tool, *, effect="allow", by="user:ana", **arguments):
        request = {"tool": tool, "arguments": arguments, "principal": by}
        rules = [{"rule": "some.rule", "reason": "Because."}]
        self.write(Kind.DECIDED, f"{EXECUTION}/{step}#0.0", request=request, effect=effect, rules=rules)

    def act(self, step, tool, value, *, status="succeeded", **arguments):
        self.decide(step, tool, **arguments)
        self.write(Kind.INTENDED, f"{EXECUTION}/{step}#0.0", tool=tool)
        self.write(Kind.OUTCOME, f"{EXECUTION}/{step}#0.0", status=status, value=value)

    def end(self, step, state="succeeded", note=""):
        self.write(Kind.STEP_ENDED, step, state=state, note=note)

    @property
    def lines(self):
        return list(tell(self.records))


@pytest.fixture
def story():
    return Story()


def test_a_step_is_told_with_what_it_printed_and_how_it_ended(story):
    story.write(Kind.STEP_STARTED, "build/suite")
    value = {"stdout": "one\ntwo\n", "stderr": "oops\n", "exit_code": 2, "why": "exit", "outputs": {}}
    story.act("build/suite", "command.run", value, status="failed", script="make test")
    story.end("build/suite", "failed", "exit code 2")
    assert story.lines == [
        "",
        "12:00:00 build/suite",
        "  command.run make test",
        "    | one",
        "    | two",
        "    | oops",
        "    failed, exit code 2",
        "12:00:04 build/suite ✗ failed: exit code 2",
    ]


def test_what_steps_did_beside_each_other_stands_under_the_heading_of_each(story):
    for step in ("one/f_0", "one/f_1"):
        story.write(Kind.STEP_STARTED, step)
    for step in ("one/f_1", "one/f_0"):
        story.decide(step, "command.run", script=f"echo {step}")
    story.write(Kind.APPROVAL_REQUESTED, "apr_1", topic="one/f_0", message="Ship it?", expires_at="then")
    story.write(Kind.APPROVAL_VERDICT, "apr_1", verdict="approved", by="user:ana")
    for step in ("one/f_1", "one/f_0"):
        story.write(
            Kind.OUTCOME, f"{EXECUTION}/{step}#0.0", status="succeeded", value={"stdout": f"{step}\n"}
        )
        story.end(step)
    outlines = [line for line in story.lines if line.startswith("12:") or "|" in line]
    assert outlines == [
        "12:00:00 one/f_0",
        "12:00:05 approved by user:ana",
        "    | one/f_0",
        "12:00:09 one/f_0 ✓ succeeded",
        "12:00:01 one/f_1",
        "    | one/f_1",
        "12:00:07 one/f_1 ✓ succeeded",
    ]


def test_what_was_printed_cannot_pass_for_a_line_of_ours(story):
    printed = "12:00:09 build/suite ✓ succeeded\n"
    story.act("build/suite", "command.run", {"stdout": printed}, script="make")
    assert printed.strip() not in story.lines
    assert f"    | {printed.strip()}" in story.lines


def test_of_much_the_end_is_shown_and_the_rest_is_counted(story):
    story.act(
        "a/b", "command.run", {"stdout": "".join(f"{n}\n" for n in range(SHOWN_LINES + 5))}, script="seq"
    )
    assert "    … 5 lines before these; --json has them all" in story.lines
    assert (f"    | {SHOWN_LINES + 4}" in story.lines, "    | 4" in story.lines) == (True, False)


def test_a_report_is_told_in_counts_and_its_failures_by_name_once(story):
    case = {"name": "test_a", "kind": "error", "message": "no\nway"}
    report = {"tests": 3, "failures": 0, "errors": 2, "failing": [case, case]}
    story.act("a/b", "command.run", {"exit_code": 1, "report": report}, status="failed", script="t")
    assert story.lines[1:] == ["    | test_a: no way", "    failed, exit code 1, 3 tests 0 failures 2 errors"]


def test_a_refusal_names_its_rule_and_who_tried(story):
    story.decide("repair/fix", "git.push", effect="deny", by="agent:fixer", branch="main")
    assert story.lines == ["  git.push main  (agent:fixer)", "    refused by some.rule: Because."]


def test_what_was_begun_and_has_no_outcome_is_said(story):
    story.decide("ship/push", "git.push", branch="main")
    story.write(Kind.INTENDED, f"{EXECUTION}/ship/push#0.0", tool="git.push")
    assert story.lines == ["  git.push main", "    begun, and no outcome is recorded"]


def test_what_was_stopped_has_no_exit_code(story):
    story.act("a/b", "command.run", {"exit_code": -1, "why": "output"}, status="failed", script="t")
    assert story.lines[-1] == "    failed, stopped: output"


def test_a_failure_is_told_with_its_next_step(story):
    story.act("a/b", "git.clone", {"error": "no such branch", "next": "push it"}, status="failed", branch="x")
    assert story.lines[-1] == "    failed, no such branch, push it"


def test_a_kind_of_record_without_words_of_its_own_is_named(story):
    story.write(Kind.EXECUTION_PAUSED, EXECUTION)
    assert story.lines == ["12:00:00 execution.paused exe_1"]


def test_one_step_is_told_with_the_verdict_on_what_it_asked(story):
    story.write(Kind.STEP_STARTED, "build/suite")
    story.write(Kind.APPROVAL_REQUESTED, "apr_1", topic="approval/ask", message="Ship it?", expires_at="then")
    story.write(Kind.APPROVAL_VERDICT, "apr_1", verdict="approved", by="user:ana", comment="fine")
    told = list(tell(select(story.records, step="approval/ask")))
    assert told == [
        "  waits for a person: Ship it?  (apr_1, until then)",
        "12:00:02 approved by user:ana: fine",
    ]


def test_without_a_step_everything_is_told(story):
    story.end("build/suite")
    assert select(story.records, step="") == story.records


def test_a_verdict_is_told_by_the_person_who_signed_it_not_by_the_account_it_came_from(story):
    story.write(Kind.APPROVAL_VERDICT, "apr_1", verdict="approved", by="user:root", person={"name": "ana"})
    story.write(Kind.APPROVAL_VERDICT, "apr_1", verdict="denied", by="user:root", person=None)
    assert story.lines == ["12:00:00 approved by person:ana", "12:00:01 denied by user:root"]
