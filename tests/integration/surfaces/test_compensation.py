"""A stage that pushed and then failed is rolled back: the push is undone at the origin, in an execution of its own."""

import json
import subprocess

import pytest

AGENT = """---
name: acme.fixer
version: 1.0.0
description: Fixes.
owner: acme
purpose: repair
tools: [file.edit, git.commit]
boundary:
  write: ["src/**"]
  push: ["fix/**"]
  network: off
  suite:
    script: "mkdir -p .bridle && echo '<testsuite><testcase name=\\"t\\"/></testsuite>' > .bridle/r.xml"
    report: .bridle/r.xml
limits: {max_turns: 5}
---
Fix.
"""
TURNS = {
    "format": "bridle/script/1",
    "turns": [
        {
            "text": "",
            "calls": [{"tool": "file.edit", "arguments": {"path": "src/a", "old": "bad", "new": "good"}}],
        },
        {"text": "", "calls": [{"tool": "git.commit", "arguments": {"branch": "fix/a", "message": "Fix"}}]},
        {"text": "Done.", "calls": []},
    ],
}
PIPELINE = """
pipeline:
  id: ship
  stages:
    - id: repair
      steps:
        - {id: clone, clone: {repo: ORIGIN, ref: {type: branch, name: main}}}
        - {id: fix, agent: {uses: acme.fixer@1.0.0}}
    - id: ship
      steps:
        - {id: push, tool: {uses: git.push, with: {commit: <+stages.repair.steps.fix.output.commit>, branch: main}}}
        - id: check
          run: {script: exit 1}
          on-failure:
            errors: all
            action: {manual-intervention: {timeout: 7d, available-actions: [stage-rollback]}}
"""


class Origin:
    def __init__(self, path):
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)

    def commit(self, content, *, clone):
        """Push a commit from a clone, as somebody else would."""
        if not clone.exists():
            subprocess.run(
                ["git", "clone", "-q", str(self.path), str(clone)], check=True, capture_output=True
            )
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(clone)]
        subprocess.run([*git, "pull", "-q", "origin", "main"], capture_output=True)
        (clone / "src").mkdir(exist_ok=True)
        (clone / "src" / "a").write_text(content)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "work"], check=True)
        subprocess.run([*git, "push", "-q", "origin", "HEAD:main"], check=True, capture_output=True)
        return self.tip

    def reset(self, commit):
        """Put main back, as somebody does who has the rights to."""
        subprocess.run(["git", "-C", str(self.path), "update-ref", "refs/heads/main", commit], check=True)

    @property
    def tip(self):
        run = ["git", "-C", str(self.path), "rev-parse", "main"]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def shipped(home):
    """The execution that has pushed and waits for a decision, the origin, and its tip before."""
    origin = Origin(home.root / "origin.git")
    before = origin.commit("bad\n", clone=home.root / "clone")
    folder = home.root / "agents" / "acme.fixer"
    folder.mkdir(parents=True)
    (folder / "1.0.0.md").write_text(AGENT)
    (home.root / "turns.yaml").write_text(json.dumps(TURNS))
    (home.root / "pipeline.yaml").write_text(PIPELINE.replace("ORIGIN", str(origin.path)))
    words = ("--model", "scripted:turns.yaml", "--approve-as", "ana")
    code, found = home.bridle_json("run", "pipeline.yaml", *words)
    assert (code, origin.tip != before) == (6, True), found
    return found["execution"], origin, before


def decide(home, execution):
    """Have what the execution shipped rolled back; return the rollback, the newest there is."""
    home.bridle("decide", execution, "ship/check", "stage-rollback")
    listed = home.bridle_json("executions")[1]
    rollback = next(row["execution"] for row in listed if row["pipeline"] == "ship.rollback")
    return home.bridle_json("executions", rollback)[1]


def test_the_push_is_undone_in_an_execution_of_its_own_and_nothing_else_is(home, shipped):
    execution, origin, before = shipped
    rollback = decide(home, execution)
    assert (rollback["state"], origin.tip) == ("succeeded", before), rollback
    done = [
        action["tool"]
        for steps in rollback["stages"].values()
        for step in steps
        for action in step["actions"]
    ]
    assert done == ["git.restore"]
    assert home.bridle("audit", "verify").returncode == 0


def test_what_somebody_pushed_on_top_stays_and_the_rollback_says_so(home, shipped):
    execution, origin, _ = shipped
    theirs = origin.commit("theirs\n", clone=home.root / "clone")
    rollback = decide(home, execution)
    assert (rollback["state"], origin.tip) == ("failed", theirs)
    assert "has moved on since the push" in json.dumps(rollback)


def test_a_push_that_no_rollback_is_about_is_not_put_back(home, shipped):
    execution, origin, before = shipped
    pushed = origin.tip
    undo = {
        "push": f"{execution}/ship/push#0.0",
        "repository": str(origin.path),
        "workspace": execution,
        "branch": "main",
        "commit": pushed,
        "previous": before,
    }
    stage = {"id": "s", "steps": [{"id": "back", "tool": {"uses": "git.restore", "with": undo}}]}
    (home.root / "other.yaml").write_text(json.dumps({"pipeline": {"id": "other", "stages": [stage]}}))
    code, found = home.bridle_json("run", "other.yaml")
    assert (code, found["state"], origin.tip) == (3, "denied", pushed)
    assert "git.unknown-push" in json.dumps(found)
