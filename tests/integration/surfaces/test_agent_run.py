"""One agent without a pipeline, from the command line, with turns from a file."""

import json
import subprocess

import pytest

AGENT = """---
name: acme.reader
version: 1.0.0
description: Reads.
owner: acme
purpose: review
tools: [file.read, file.edit]
boundary: {write: ["notes/**"], network: off}
limits: {max_turns: 5}
inputs:
  task: {type: string, required: true}
  rules: {type: object, required: false}
---
Read.
"""
TURNS = {
    "format": "bridle/script/1",
    "turns": [
        {"text": "", "calls": [{"tool": "file.read", "arguments": {"path": "README"}}]},
        {
            "text": "",
            "calls": [{"tool": "file.edit", "arguments": {"path": "README", "old": "hello", "new": "bye"}}],
        },
        {"text": "It says hello.", "calls": []},
    ],
}


@pytest.fixture
def home(new_home):
    return new_home


@pytest.fixture
def project(home):
    """A folder with an agent and a model's turns, and the path of a repository."""
    folder = home.root / "agents" / "acme.reader"
    folder.mkdir(parents=True)
    (folder / "1.0.0.md").write_text(AGENT)
    (home.root / "turns.yaml").write_text(json.dumps(TURNS))
    origin = home.root / "origin"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(origin)]
    subprocess.run(["git", "init", "-q", "-b", "main", str(origin)], check=True)
    (origin / "README").write_text("hello\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    return str(origin)


def test_an_agent_runs_alone_under_the_same_rules(home, project):
    code, found = home.bridle_json(
        "agent", "run", "acme.reader@1", "--repository", project, "--branch", "main", "--task", "Read.",
        "--with", 'rules={"short": true}', "--model", "scripted:turns.yaml",
    )  # fmt: skip
    clone, step = found["stages"]["agent"]
    assert (code, clone["state"], step["state"]) == (0, "succeeded", "succeeded"), found
    assert [action["effect"] for action in step["actions"] if action["tool"] == "file.edit"] == ["deny"]
    assert home.bridle("audit", "verify").returncode == 0


def test_a_dry_run_shows_the_plan_and_runs_nothing(home, project):
    done = home.bridle("agent", "run", "acme.reader", "--repository", project, "--task", "x", "--dry-run")
    assert (done.returncode, "model.call and the tools of acme.reader@1.0.0" in done.stdout) == (0, True), (
        done
    )
    assert not (home.root / "data" / "bridle.db").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("acme.reader",), "missing-input"),
        (("acme.nobody",), "no-agent"),
        (("acme.reader", "--task", "x", "--with", "colour=red"), "unknown-input"),
        (("acme.reader", "--task", "x", "--with", "rules=red"), "bad-input"),
        (("acme.reader", "--task", "x", "--branch", "main"), "usage"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(home, project, words, reason):
    code, problem = home.bridle_json("agent", "run", *words)
    assert (code, reason in json.dumps(problem)) == (2, True), problem
