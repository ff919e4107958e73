"""`bridle lock`, and what the lock does to `validate`, `plan` and `run`."""

import json
import subprocess

import pytest

from bridle.surfaces.cli.main import run

PIPELINE = "pipeline: {id: p, stages: [{id: s, steps: [{id: u, template: {uses: x@1}}]}]}\n"
STEP = "template: {step: %s}\n"


@pytest.fixture
def top(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))
    (tmp_path / ".git").mkdir()
    (tmp_path / "p.yaml").write_text(PIPELINE)
    put(tmp_path, "1.0.0", "one")
    return tmp_path


def put(top, version, script):
    file = top / "templates" / "x" / f"{version}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STEP % script)


@pytest.fixture
def call(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            run(list(words))
        out = capsys.readouterr().out
        return ended.value.code, out

    return call


def test_a_locked_range_means_the_locked_version_until_it_is_locked_anew(top, call):
    assert call("lock", "p.yaml", "-q")[0] == 0
    put(top, "1.1.0", "two")
    before = json.loads(call("plan", "p.yaml", "--json")[1])["lock"]
    assert call("lock", "p.yaml", "-q")[0] == 0
    after = json.loads(call("plan", "p.yaml", "--json")[1])["lock"]
    assert (list(before), list(after)) == (["x@1.0.0"], ["x@1.1.0"])


@pytest.mark.parametrize("command", ["plan", "validate", "run"])
def test_a_template_that_changed_after_it_was_locked_is_refused_with_its_line(top, call, command):
    call("lock", "p.yaml", "-q")
    put(top, "1.0.0", "other")
    code, out = call(command, "p.yaml", "--json")
    assert code == 2
    assert "template-changed" in out
    assert f"p.yaml:1:{PIPELINE.index('x@1') + 1}" in out
    assert "templates/x/1.0.0.yaml" in out


def test_without_a_lock_it_works_and_the_plan_says_so(top, call):
    code, out = call("plan", "p.yaml")
    assert code == 0
    assert "there is no bridle.lock" in out


def test_a_template_that_the_lock_does_not_name_is_refused(top, call):
    (top / "bridle.lock").write_text('{"format": "bridle/lock/1", "templates": {}}')
    code, out = call("validate", "p.yaml")
    assert (code, "template-not-locked" in out) == (2, True)


@pytest.mark.parametrize("text", ["", "{"])
def test_a_lock_that_cannot_be_read_is_never_taken_for_none(top, call, text):
    (top / "bridle.lock").write_text(text)
    code, out = call("plan", "p.yaml", "--json")
    assert (code, "bad-lock" in out) == (2, True)


def test_a_lock_that_is_a_broken_link_is_never_taken_for_none(top, call):
    (top / "bridle.lock").symlink_to(top / "gone")
    code, out = call("plan", "p.yaml", "--json")
    assert (code, "no-file" in out) == (2, True)


def test_check_writes_nothing_and_says_whether_it_would(top, call):
    assert call("lock", "p.yaml", "--check", "-q")[0] == 2
    assert not (top / "bridle.lock").exists()
    call("lock", "p.yaml", "-q")
    assert call("lock", "p.yaml", "--check", "-q")[0] == 0


def test_json_tells_what_changed(top, call):
    document = json.loads(call("lock", "p.yaml", "--json")[1])
    [change] = document["changes"]
    assert (change["uses"], change["before"], change["after"]["version"], document["written"]) == (
        "x@1",
        None,
        "1.0.0",
        True,
    )


def test_what_other_pipelines_have_locked_stays(top, call):
    call("lock", "p.yaml", "-q")
    (top / "q.yaml").write_text(PIPELINE.replace("x@1", "x@1.0"))
    call("lock", "q.yaml", "-q")
    assert list(json.loads((top / "bridle.lock").read_text())["templates"]) == ["x@1", "x@1.0"]


def test_a_pipeline_that_uses_templates_is_formatted(top, call):
    code, out = call("fmt", "p.yaml")
    assert (code, "template: { uses: x@1 }" in out or "template: {uses: x@1}" in out) == (0, True)


@pytest.fixture
def with_draft(top):
    """A repository whose branch `try` has another text of the template; `p.yaml` uses it."""
    (top / ".git").rmdir()
    for words in (["init", "-q", "-b", "try"], ["add", "templates"], ["commit", "-q", "-m", "draft"]):
        identity = ["-c", "user.name=A", "-c", "user.email=a@b.invalid"]
        subprocess.run(["git", *identity, *words], cwd=top, check=True, capture_output=True)
    (top / "p.yaml").write_text(PIPELINE.replace("uses: x@1", "uses: x@1, gitBranch: try"))
    return top


def test_a_draft_is_named_in_the_plan_and_needs_no_lock(with_draft, call):
    code, out = call("plan", "p.yaml")
    assert (code, "draft x@1.0.0 draft: from a branch" in out, "try:templates/x/1.0.0.yaml" in out) == (
        0,
        True,
        True,
    )
    assert call("lock", "p.yaml", "--check", "-q")[0] == 0


@pytest.mark.parametrize(
    "step",
    [
        "{tool: {uses: git.push, with: {commit: c, branch: b}}}",
        "{agent: {uses: bridle.ci-autofix@1.0.0, with: {report: {}, base: b, branch: b, suite: {}}}}",
    ],
)
def test_a_draft_beside_what_reaches_outside_is_refused(with_draft, call, step):
    text = (with_draft / "p.yaml").read_text()
    (with_draft / "p.yaml").write_text(text.replace("steps: [", f"steps: [{step}, "))
    for command in ("validate", "run"):
        code, out = call(command, "p.yaml", "--json")
        assert (code, "draft-in-production" in out) == (2, True)


ASKS = """pipeline:
  inputs: {branch: {required: true}, count: {type: number, default: 1}}
  stages: [{id: s, steps: [{id: u, template: {uses: x@1}, timeout: <+input>}]}]
"""
PLACE = "pipeline.stages.0.steps.0.timeout"


@pytest.mark.parametrize("command", ["plan", "validate", "lock"])
def test_inputs_are_given_as_to_run(top, call, command):
    (top / "p.yaml").write_text(ASKS)
    (top / "set.yaml").write_text("inputs: {branch: main}\n")
    words = (command, "p.yaml", "--json")
    assert call(*words)[0] == 2
    assert call(*words, "-i", f"{PLACE}=5m")[0] == 0
    assert call(*words, "-i", f"{PLACE}=5m", "--input-set", "set.yaml", "-i", "count=3")[0] == 0


@pytest.mark.parametrize("command", ["plan", "validate", "lock"])
@pytest.mark.parametrize(
    ("given", "reason"),
    [("brnch=main", "unknown-input"), ("count=3", "missing-input"), ("branch", "NAME=VALUE")],
)
def test_inputs_that_run_would_refuse_are_refused(top, call, command, given, reason):
    (top / "p.yaml").write_text(ASKS)
    code, out = call(command, "p.yaml", "--json", "-i", f"{PLACE}=5m", "-i", given)
    assert code == 2
    assert reason in out
