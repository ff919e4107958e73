"""With --json there is one document on standard output, whatever a command found."""

import json

import pytest

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


def test_a_pipeline_that_does_not_exist_is_not_run(call):
    code, problem = call("run", "missing.yaml")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:no-file")


def test_an_empty_store_has_no_executions_no_records_and_no_evidence(call):
    for words in (("executions",), ("audit", "list"), ("evidence", "list")):
        assert call(*words) == (0, [])


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


def test_an_export_into_nowhere_is_a_problem(call, tmp_path):
    code, problem = call("audit", "export", str(tmp_path / "p.yaml" / "journal.jsonl"))
    assert (code, problem["type"]) == (2, "urn:bridle:problem:not-written")


def test_an_address_that_is_no_store_is_a_problem(call):
    code, problem = call("executions", "--store", "nonsense")
    assert (code, problem["title"]) == (2, "InputError")
