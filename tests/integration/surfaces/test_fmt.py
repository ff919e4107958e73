"""`bridle fmt` over real files: printed, checked, written, and left alone when there is a fault."""

import io
import json

import pytest

from bridle.surfaces.cli import main

BEFORE = "pipeline:\n  stages:\n    - steps: [ls]  # lists\n  id: p\n"
AFTER = "pipeline:\n  id: p\n  stages:\n    - steps: [ls]  # lists\n"


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main.run(["fmt", *map(str, words)])
    return ended.value.code


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(BEFORE)
    path.chmod(0o640)
    return path


def test_the_form_is_printed_and_the_file_left_alone(file, capsys):
    assert run(file) == 0
    assert (capsys.readouterr().out, file.read_text()) == (AFTER, BEFORE)


def test_standard_input_is_read(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BEFORE.encode())))
    assert run("-") == 0
    assert capsys.readouterr().out == AFTER


def test_check_tells_what_is_not_in_this_form(file, capsys):
    assert run("--check", file) == 2
    assert capsys.readouterr().out == f"{file}: changed\n"
    file.write_text(AFTER)
    assert run("--check", file) == 0


def test_write_replaces_the_file_and_keeps_its_mode(file, tmp_path):
    assert run("--write", file) == 0
    assert (file.read_text(), file.stat().st_mode & 0o777) == (AFTER, 0o640)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]


def test_nothing_is_written_when_one_of_the_files_is_standard_input(file):
    assert run("--write", file, "-") == 2
    assert file.read_text() == BEFORE


def test_json_tells_every_file_with_its_faults(file, tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text("pipeline: {stages: [{steps: [{rum: ls}]}], colour: red}")
    assert run("--json", "--write", file, bad) == 2
    good, refused = json.loads(capsys.readouterr().out)
    assert good == {"file": str(file), "changed": True}
    assert [item["reason"] for item in refused["problem"]["complaints"]] == ["unknown-key", "unknown-key"]
    assert bad.read_text().startswith("pipeline: {stages")
