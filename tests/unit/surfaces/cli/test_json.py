"""With --json there is one document on standard output, whatever a command found."""

import json

import pytest

from bridle.app import open_store
from bridle.core.settings import load_settings
from bridle.surfaces.cli import main

PIPELINE = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: make}]}]}\n"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call a command in folders of its own; return exit code and the one document."""
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.delenv("BRIDLE_STORE", raising=False)
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("pipeline: {id: p, stagez: []}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main.run([*words, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    return run


def test_a_plan_is_told_with_its_digest(call):
    code, document = call("plan", "p.yaml")
    assert (code, document["id"], document["digest"][:7]) == (0, "p", "sha256:")


def test_a_fault_in_a_pipeline_is_a_problem_with_its_place(call):
    code, problem = call("plan", "bad.yaml")
    assert (code, problem["status"]) == (2, 400)
    assert "bad.yaml:1:" in json.dumps(problem)


def test_every_file_is_validated_and_one_fault_is_bad_input(call):
    code, results = call("validate", "p.yaml", "bad.yaml", "missing.yaml")
    assert (code, [result["valid"] for result in results]) == (2, [True, False, False])


def test_validate_tells_a_tool_that_is_not_there_with_its_place(call, tmp_path):
    (tmp_path / "t.yaml").write_text(PIPELINE.replace("run: make", "tool: {uses: git.pull}"), "utf-8")
    code, (result,) = call("validate", "t.yaml")
    assert (code, result["problem"]["complaints"][0]["instance"][:9]) == (2, "t.yaml:1:")


@pytest.mark.parametrize("words", [("run", "p.yaml"), ("demo",)])
def test_a_model_that_does_not_exist_is_refused_before_anything_is_made(call, tmp_path, words):
    code, problem = call(*words, "--model", "nobody:x")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:unknown-model")
    assert not (tmp_path / "data").exists()


def test_a_plan_that_cannot_run_is_refused_before_anything_is_made(call, tmp_path):
    (tmp_path / "t.yaml").write_text(PIPELINE.replace("run: make", "agent: {uses: no.body}"), "utf-8")
    code, problem = call("run", "t.yaml")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:no-agent")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ((), (2, "no-model")),
        (("--model", "recorded:none.json"), (2, "bad-input")),
        (("--model", "scripted:bad.yaml"), (2, "bad-input")),
        (("--model", "anthropic:m"), (5, "secret-missing")),
    ],
    ids=lambda value: str(value),
)
def test_a_model_that_cannot_answer_is_found_before_anything_is_made(
    call, tmp_path, monkeypatch, named, told
):
    for name in ("ANTHROPIC_API_KEY", "BRIDLE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "t.yaml").write_text(PIPELINE.replace("run: make", "agent: {task: look}"), "utf-8")
    code, problem = call("run", "t.yaml", *named)
    assert (code, problem["type"].rpartition(":")[2], (tmp_path / "data").exists()) == (*told, False)


def test_a_pipeline_that_does_not_exist_is_not_run(call):
    code, problem = call("run", "missing.yaml")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:no-file")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store in the folders of `call`."""
    monkeypatch.setenv("BRIDLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BRIDLE_CONFIG_DIR", str(tmp_path / "config"))
    with open_store(load_settings()):
        pass


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("words", [("executions",), ("audit", "list"), ("evidence", "list")])
def test_an_empty_store_has_no_executions_no_records_and_no_evidence(call, words):
    assert call(*words) == (0, [])


@pytest.mark.usefixtures("store")
def test_an_empty_journal_is_not_called_verified(call):
    code, problem = call("audit", "verify")
    assert (code, problem["detail"]) == (2, "nothing to verify")


def test_an_empty_export_is_not_called_verified(call, tmp_path, store):
    (tmp_path / "j.jsonl").write_text('{"format": "bridle/journal/1"}\n', "utf-8")
    code, problem = call("audit", "verify", "j.jsonl")
    assert (code, problem["detail"]) == (2, "nothing to verify")


@pytest.mark.parametrize(
    "words",
    [
        ("executions",),
        ("executions", "exe_9"),
        ("logs", "exe_9"),
        ("audit", "list"),
        ("audit", "export", "j"),
        ("approve",),
        ("approve", "apr_9"),
        ("deny", "apr_9"),
        ("resume",),
        ("resume", "exe_9"),
        ("cancel", "exe_9"),
        ("pause", "exe_9"),
        ("retention", "--older-than", "1d"),
        ("retention", "--older-than", "1d", "--dry-run"),
    ],
)
def test_a_store_that_is_not_there_is_refused_by_all_that_need_one_and_not_made(call, tmp_path, words):
    code, problem = call(*words)
    assert (code, problem["type"]) == (2, "urn:bridle:problem:no-store")
    assert not [name for name in ("data", "config", "work") if (tmp_path / name).exists()]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("words", [("executions", "exe_9"), ("logs", "exe_9")])
def test_an_execution_that_does_not_exist_is_a_problem(call, words):
    code, problem = call(*words)
    assert (code, "exe_9" in problem["detail"]) == (2, True)


@pytest.mark.parametrize(
    ("content", "code", "reason"), [("not json", 3, "bad-encoding"), ('{"a": 1}', 2, "no-evidence")]
)
def test_what_is_no_evidence_is_not_extracted(call, tmp_path, content, code, reason):
    (tmp_path / "e.json").write_text(content, encoding="utf-8")
    assert call("evidence", "extract", "e.json", "--out", "out")[0] == code
    assert call("evidence", "extract", "e.json", "--out", "out")[1]["type"].endswith(reason)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("store")
def test_an_export_into_nowhere_is_a_problem(call, tmp_path):
    code, problem = call("audit", "export", str(tmp_path / "p.yaml" / "journal.jsonl"))
    assert (code, problem["type"]) == (2, "urn:bridle:problem:not-written")


def test_an_address_that_is_no_store_is_a_problem(call):
    code, problem = call("executions", "--store", "nonsense")
    assert (code, problem["title"]) == (2, "InputError")
