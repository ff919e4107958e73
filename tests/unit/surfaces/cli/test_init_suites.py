"""Which test commands a repository's files speak of, what a trial came to, and how the templates are filled."""

import json

import pytest
from ruamel.yaml import YAML

from bridle.surfaces.cli.starter import fill
from bridle.surfaces.cli.starter_suites import SYSTEM_PATH, Tree, find_suites, given_suite
from bridle.surfaces.cli.starter_trial import judge

RUNNER = "# ruff: noqa\nprint('runner')\n"


def commands(**files):
    contents = {name.replace("__", "/"): text for name, text in files.items()}
    return find(contents)


def find(contents):
    return [suite.command for suite in find_suites(Tree(tuple(contents), contents.__getitem__, RUNNER))]


def test_an_empty_project_has_none():
    assert find({"README.md": "# nothing"}) == []


def test_python_tests_are_tried_with_pytest_then_with_unittest_and_then_with_that_of_the_system():
    first, second, third = find({"tests/test_a.py": ""})
    assert first.endswith("python3 -m pytest")
    assert second == "python3 -m unittest discover -s tests"
    assert third == f"{SYSTEM_PATH} {second}"


def test_pytest_is_named_for_its_configuration():
    contents = {"pyproject.toml": "[tool.pytest.ini_options]\n", "tests/test_a.py": ""}
    suite = find_suites(Tree(tuple(contents), contents.__getitem__, RUNNER))[0]
    assert suite.why == "pyproject.toml configures pytest"


@pytest.mark.parametrize(
    ("files", "where"),
    [
        (["tests/__init__.py", "tests/test_a.py"], " -s tests -t ."),
        (["test/a_test.py"], " -s test"),
        (["src/pkg/tests/test_a.py"], " -s src"),
        (["pkg/test_a.py"], ""),
    ],
)
def test_unittest_begins_where_the_tests_are(files, where):
    assert find(dict.fromkeys(files, ""))[-1].endswith(f"python3 -m unittest discover{where}")


def test_code_below_src_is_on_the_path():
    assert all("PYTHONPATH=src" in command for command in find({"src/pkg/a.py": "", "tests/test_a.py": ""}))


def test_the_report_runner_goes_into_the_script_without_its_note_to_our_linter():
    contents = {"tests/test_a.py": ""}
    script = find_suites(Tree(tuple(contents), contents.__getitem__, RUNNER))[-1].script
    assert "print('runner')\nEND\n" in script
    assert "ruff" not in script


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        ({"package.json": json.dumps({"scripts": {"test": "jest"}})}, ["npm test"]),
        ({"package.json": json.dumps({"scripts": {"test": "echo 'Error: no test specified'"}})}, []),
        ({"package.json": json.dumps({"scripts": []})}, []),
        ({"package.json": "{"}, []),
        ({"Makefile": "all:\n\ntest: all\n\t./check\n"}, ["make test"]),
        ({"Makefile": "test := 1\ncheck:\n"}, []),
        ({"go.mod": ""}, ["GOCACHE=/tmp/go go test ./..."]),
        ({"Cargo.toml": ""}, ["CARGO_TARGET_DIR=/tmp/target cargo test --offline"]),
    ],
)
def test_other_build_files_name_their_commands(contents, wanted):
    assert find(contents) == wanted


def output(exit_code=0, why="exit", report=None, **more):
    return {"exit_code": exit_code, "why": why, "report": report, **more}


def report(tests=3, skipped=0, failing=(), message="no"):
    cases = [{"name": name, "kind": "failure", "message": message} for name in failing]
    return {"tests": tests, "skipped": skipped, "failures": len(cases), "errors": 0, "failing": cases}


def judged(found):
    return judge(given_suite("check"), found, note="exit code 1", execution="exe_1")


def test_a_suite_that_ends_well_with_a_report_is_green():
    trial = judged(output(report=report()))
    assert (trial.green, trial.tests) == (True, 3)


@pytest.mark.parametrize(
    "found",
    [
        output(1, report=report(failing=["a.b"])),
        output(0, report=report(failing=["a.b"])),
        output(1, report=report()),
        output(0, why="wall", report=report()),
        output(0, report=report(tests=0)),
        output(0, report=report(tests=2, skipped=2)),
        output(1),
        output(-1, why="wall"),
        {},
    ],
)
def test_anything_else_is_not(found):
    assert not judged(found).green


@pytest.mark.parametrize(
    ("found", "red"),
    [
        (output(1, report=report(failing=["a.b"])), True),
        (output(1, report=report(failing=["a.b"], message="No module named 'pytest'")), False),
        (output(1), True),
        (output(-1, why="wall"), False),
        (output(0), False),
        (output(0, report=report(tests=0)), False),
    ],
)
def test_red_is_what_ended_by_itself_and_not_well_and_not_for_the_want_of_pytest(found, red):
    assert judged(found).red is red


def test_without_a_report_it_is_green_and_proves_nothing():
    trial = judged(output())
    assert (trial.green, trial.tests) == (True, None)


def test_a_failure_is_told_in_the_last_words_of_the_command():
    assert (
        judged(output(1, stdout="a\n", stderr="No module named pytest\n\n")).said == "No module named pytest"
    )


def test_a_red_report_names_the_first_failing_test():
    assert "first a.b: no" in judged(output(1, report=report(failing=["a.b"]))).said


def test_a_suite_keeps_its_lines_and_its_indent_in_the_yaml():
    suite = "one <<'END'\n  two\n\nEND\n"
    text = fill("a:\n  b: |\n    @SUITE@\n  c: @NAME@\n", {"NAME": '"x: @OTHER@"'}, suite=suite)
    assert YAML(typ="safe").load(text) == {"a": {"b": suite, "c": "x: @OTHER@"}}
