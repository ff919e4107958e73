"""The main job against the recorded turns: what it came to, what was refused by which rule, and whether all of it verifies."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from bridle.trust.evidence.verify_evidence import verify
from e2e.conftest import Demo
from support.room import git

REFUSED = {
    ("file.edit", "path.protected"),
    ("file.read", "path.outside-workspace"),
    ("git.commit", "commit.suite-not-green"),
    ("git.push", "git.branch"),
    ("git.push", "git.push.before-approval"),
}


def test_it_ends_well(demo: Demo) -> None:
    assert (demo.done.code, demo.summary["state"]) == (0, "succeeded"), demo.done.said


def test_its_document_says_that_the_turns_are_recorded(demo: Demo) -> None:
    assert (demo.summary["recorded"], demo.summary["cost"]["charged_usd"]) == (True, "0")


def test_main_of_the_origin_is_exactly_the_commit_that_was_approved(demo: Demo) -> None:
    (asked,) = demo.bridle.records("approval.requested")
    approved = asked["body"]["rests_on"]["commit"]
    assert (demo.bridle.room.main(), demo.commit) == (approved, approved)


def test_only_the_repaired_file_differs_from_what_was_released(demo: Demo) -> None:
    changed = git(demo.bridle.room.origin, "diff", "--name-only", "main~1", "main")
    assert changed.splitlines() == ["src/isodate/duration.py"]


def test_nothing_else_was_pushed(demo: Demo) -> None:
    branches = git(demo.bridle.room.origin, "for-each-ref", "--format=%(refname)")
    assert branches.splitlines() == ["refs/heads/main"]


def test_every_refusal_is_in_the_audit_with_its_rule(demo: Demo) -> None:
    denials = [
        record["body"]
        for record in demo.bridle.records("action.decided")
        if record["body"]["effect"] == "deny"
    ]
    assert {(body["request"]["tool"], body["rules"][0]["rule"]) for body in denials} == REFUSED


def test_a_refused_action_was_never_begun(demo: Demo) -> None:
    denied = {
        record["subject"]
        for record in demo.bridle.records("action.decided")
        if record["body"]["effect"] == "deny"
    }
    assert denied.isdisjoint(record["subject"] for record in demo.bridle.records("action.intended"))


@pytest.mark.parametrize(("what", "stopped"), [("test_duration.py", "EROFS"), ("192.0.2.1", "ENETUNREACH")])
def test_the_sandbox_stops_what_a_command_may_not(demo: Demo, what: str, stopped: str) -> None:
    outcomes = {record["subject"]: record["body"] for record in demo.bridle.records("action.outcome")}
    (key,) = (
        record["subject"]
        for record in demo.bridle.records("action.decided")
        if what in str(record["body"]["request"]["arguments"].get("script", ""))
    )
    assert (outcomes[key]["status"], stopped in outcomes[key]["value"]["stderr"]) == ("failed", True)


def test_the_journal_verifies_with_nothing_left_open(demo: Demo) -> None:
    verified = demo.bridle("audit", "verify", "--json").json
    assert (verified["verified"], verified["uncovered"], verified["open_intents"]) == (True, 0, [])


def test_the_evidence_verifies_with_a_key_from_outside(demo: Demo) -> None:
    bundle = demo.summary["verified"]["file"]
    done = demo.bridle("evidence", "verify", bundle, "--key", str(demo.bridle.room.key), "--json")
    assert (done.code, done.json["statement"]["predicate"]["commit"]) == (0, demo.commit)


def test_the_evidence_of_ones_own_execution_is_found_by_its_id(demo: Demo) -> None:
    done = demo.bridle("evidence", "verify", demo.summary["execution"], "--json")
    assert (done.code, done.json["statement"]["predicate"]["commit"]) == (0, demo.commit), done.said


def test_of_an_execution_that_pushed_nothing_it_says_that_there_is_no_evidence(demo: Demo) -> None:
    done = demo.bridle("evidence", "verify", "exe_other")
    assert (done.code, "there is no evidence of exe_other" in done.err) == (2, True), done.said


def test_the_facts_of_a_decision_can_be_asked_about_again(demo: Demo, tmp_path: Path) -> None:
    facts = demo.bridle("policy", "facts", f"{demo.summary['execution']}/ship/push", "--json").json
    (tmp_path / "facts.json").write_text(json.dumps({**facts, "approval": None}))
    asked = demo.bridle("policy", "eval", str(tmp_path / "facts.json"), "--json")
    assert (asked.code, [rule["rule"] for rule in asked.json["rules"]]) == (6, ["git.push.needs-approval"])


def test_openssl_accepts_the_statement_with_the_command_that_extract_prints(
    demo: Demo, tmp_path: Path
) -> None:
    extracted = demo.bridle(
        "evidence", "extract", demo.summary["verified"]["file"], "--out", str(tmp_path), "--json"
    )
    command = shlex.split(extracted.json["command"].replace("PUB", str(demo.bridle.room.key)))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully"), done.stderr


def test_what_was_pushed_is_proved_with_the_tests_of_its_tree_and_the_controls_it_ran_under(
    demo: Demo, tmp_path: Path
) -> None:
    file, key = tmp_path / "proof.json", demo.bridle.room.key
    made = demo.bridle("evidence", "prove", demo.commit, "--requires", "junit", "--out", str(file), "--json")
    assert (made.code, made.json["predicate"]["controls"]) == (0, "controls"), made.said
    assert demo.bridle("evidence", "verify", str(file), "--key", str(key)).code == 0
    alone = verify(file.read_bytes(), key.read_bytes(), ["junit"], subject=f"commit:{demo.commit}")
    assert [item["type"] for item in alone["predicate"]["evidence"]] == ["junit"]
    change = Path(demo.summary["verified"]["file"])
    assert verify(change.read_bytes(), key.read_bytes(), [])["predicate"]["commit"] == demo.commit


def test_what_nobody_scanned_is_not_proved_to_be_scanned(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "proof.json"
    made = demo.bridle("evidence", "prove", demo.commit, "--requires", "sarif", "--out", str(out), "--json")
    assert (made.code, made.json["type"], out.exists()) == (2, "urn:bridle:problem:evidence-missing", False)


def test_a_verified_journal_is_said_to_need_a_checkpoint_elsewhere(demo: Demo) -> None:
    assert "Keep a checkpoint elsewhere" in demo.bridle("audit", "verify").err


def test_no_token_is_left(demo: Demo) -> None:
    minted = {record["body"]["step"] for record in demo.bridle.records("token.minted")}
    deleted = {record["body"]["step"] for record in demo.bridle.records("token.deleted")}
    assert minted == deleted


@pytest.mark.parametrize(
    "arguments",
    [
        ["executions"],
        ["executions", "{execution}"],
        ["logs", "{execution}"],
        ["audit", "list"],
        ["audit", "verify"],
        ["audit", "export", "{folder}/journal.jsonl"],
        ["evidence", "list"],
        ["doctor"],
        ["plan", "{pipeline}"],
        ["validate", "{pipeline}"],
        ["resume", "exe_of_nobody"],
        ["approve", "apr_of_nobody"],
    ],
    ids=" ".join,
)
def test_json_is_one_document(demo: Demo, tmp_path: Path, arguments: list[str]) -> None:
    pipeline = Path(__file__).parents[2] / "samples" / "autofix" / "pipeline.yaml"
    names = {"execution": demo.execution, "folder": tmp_path, "pipeline": pipeline}
    done = demo.bridle(*(argument.format(**names) for argument in arguments), "--json")
    assert done.json, done.err
