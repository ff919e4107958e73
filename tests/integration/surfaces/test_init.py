"""`bridle init` as a stranger meets it: in a repository of their own, and then the pipeline that it wrote."""

import subprocess

import pytest

CODE = "def add(a, b):\n    return a + b\n"
TESTS = """\
import unittest

from calc import add


class Adds(unittest.TestCase):
    def test_two(self):
        self.assertEqual(add(1, 1), 2)
"""
PYTHON = {"README.md": "# calc\n", "calc/__init__.py": CODE, "tests/test_calc.py": TESTS}
REPAIR = """\
format: bridle/script/1
priced_as: anthropic:claude-sonnet-5-5
turns:
  - {text: The test first., calls: [{tool: file.edit, arguments: {path: tests/test_calc.py, old: "1, 1", new: "1, 0"}}]}
  - {text: The source., calls: [{tool: file.edit, arguments: {path: calc/__init__.py, old: "a - b", new: "a + b"}}]}
  - {text: Commit., calls: [{tool: git.commit, arguments: {branch: bridle/repair, message: Add}}]}
  - text: Repaired.
"""
WRITTEN = ["bridle/agents/starter.notes/1.0.0.md", "bridle/pipeline.yaml", "bridle/turns.yaml"]


@pytest.fixture
def project(home):
    """Makes a repository with these files, committed on `main`."""
    root = home.root / "project"

    def make(files):
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        git(root, "init", "-q", "-b", "main")
        git(root, "add", ".")
        git(root, "-c", "user.name=ana", "-c", "user.email=ana@example.invalid", "commit", "-qm", "first")
        return root

    return make


def git(root, *words):
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


def files_below(folder):
    return sorted(str(path.relative_to(folder.parent)) for path in folder.rglob("*") if path.is_file())


def test_it_writes_a_pipeline_that_runs_at_once_and_pushes_what_a_person_approved(home, project):
    root = project(PYTHON)
    main = git(root, "rev-parse", "main")
    code, made = home.bridle_json("init", cwd=root)
    assert (code, made["suite"]["tests"], made["commits"]) == (0, 1, True)
    assert files_below(root / "bridle") == WRITTEN == sorted(made["files"])

    code, waiting = home.bridle_json("run", "bridle/pipeline.yaml", "--no-input", cwd=root)
    assert (code, waiting["state"]) == (6, "waiting")
    assert git(root, "branch", "--list", "bridle/notes") == ""

    code, ended = home.bridle_json("approve", cwd=root)
    assert (code, ended["state"]) == (0, "succeeded")
    assert {item["rule"] for item in ended["refused"]} == {"path.not-writable", "git.branch"}
    assert git(root, "diff", "--name-only", "main", "bridle/notes").split() == ["bridle-notes.md"]
    assert "exit code 0" in git(root, "show", "bridle/notes:bridle-notes.md")
    assert git(root, "rev-parse", "main") == main
    assert git(root, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/bridle/notes",
        "refs/heads/main",
    ]
    assert git(root, "status", "--porcelain").split() == ["??", "bridle/"]


def test_the_starter_runs_from_any_folder_of_the_repository_and_the_evidence_of_its_push_verifies(
    home, project
):
    root = project(PYTHON)
    assert home.bridle("init", cwd=root).returncode == 0
    code, ended = home.bridle_json("run", "../bridle/pipeline.yaml", "--approve-as", "ana", cwd=root / "calc")
    assert (code, ended["state"], ended["recorded"]) == (0, "succeeded", True)
    bundle = home.root / "data" / "evidence" / f"{ended['execution']}.json"
    key = home.root / "config" / "control-plane.pub"
    assert home.bridle("evidence", "verify", str(bundle), "--key", str(key)).returncode == 0


def test_a_denied_push_moves_nothing(home, project):
    root = project(PYTHON)
    assert home.bridle("init", cwd=root).returncode == 0
    home.bridle_json("run", "bridle/pipeline.yaml", "--no-input", cwd=root)
    code, ended = home.bridle_json("deny", cwd=root)
    assert (code, ended["state"]) == (3, "denied")
    assert git(root, "branch", "--list", "bridle/notes") == ""


def test_a_suite_that_has_become_red_stops_before_the_agent(home, project):
    root = project(PYTHON)
    assert home.bridle("init", cwd=root).returncode == 0
    (root / "calc/__init__.py").write_text(CODE.replace("+", "-"))
    git(root, "-c", "user.name=ana", "-c", "user.email=ana@example.invalid", "commit", "-qam", "break")
    code, ended = home.bridle_json("run", "bridle/pipeline.yaml", "--approve-as", "ana", cwd=root)
    assert (code, ended["state"], ended["models"]) == (4, "failed", [])


def test_files_that_are_there_are_kept(home, project):
    root = project(PYTHON)
    (root / "bridle").mkdir()
    (root / "bridle/turns.yaml").write_text("mine")
    code, problem = home.bridle_json("init", cwd=root)
    assert (code, problem["type"]) == (2, "urn:bridle:problem:file-exists")
    assert files_below(root / "bridle") == ["bridle/turns.yaml"]
    assert (root / "bridle/turns.yaml").read_text() == "mine"
    assert home.bridle("init", "--force", cwd=root).returncode == 0
    assert (root / "bridle/turns.yaml").read_text() != "mine"


def test_code_below_src_and_tests_in_a_package_are_found(home, project):
    files = {f"src/{name}" if name.startswith("calc") else name: text for name, text in PYTHON.items()}
    root = project({**files, "tests/__init__.py": ""})
    code, made = home.bridle_json("init", str(root / "src"), cwd=home.root)
    assert (code, made["suite"]["tests"]) == (0, 1)


@pytest.mark.parametrize(("recipe", "green"), [("@echo fine", True), ("@echo wrong; exit 3", False)])
def test_a_command_without_a_report_gets_a_pipeline_that_asks_and_makes_no_commit(
    home, project, recipe, green
):
    root = project({"Makefile": f"test:\n\t{recipe}\n", "notes.txt": "x"})
    code, made = home.bridle_json("init", cwd=root)
    assert (code, made["suite"]["command"], made["suite"]["green"], made["commits"]) == (
        0,
        "make test",
        green,
        False,
    )
    code, waiting = home.bridle_json("run", "bridle/pipeline.yaml", "--no-input", cwd=root)
    assert (code, waiting["state"]) == (6, "waiting")
    assert {item["rule"] for item in waiting["refused"]} == {"path.not-writable"}
    code, ended = home.bridle_json("approve", cwd=root)
    assert (code, ended["state"], list(ended["stages"])) == (0, "succeeded", ["test", "notes", "ask"])
    assert git(root, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


def test_any_command_that_leaves_a_report_earns_the_commit(home, project):
    check = "mkdir -p .bridle/reports\necho '<testsuite><testcase name=\"it\"/></testsuite>' > .bridle/reports/a.xml\n"
    root = project({"check.sh": check})
    code, made = home.bridle_json("init", "--test-command", "sh check.sh", cwd=root)
    assert (code, made["suite"]["tests"], made["commits"]) == (0, 1, True)
    assert home.bridle("run", "bridle/pipeline.yaml", "--approve-as", "ana", cwd=root).returncode == 0
    assert git(root, "diff", "--name-only", "main", "bridle/notes").split() == ["bridle-notes.md"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python3 -c 'import no_such_package_here'", "No module named 'no_such_package_here'"),
        ("echo changed >> check.sh", "check.sh"),
    ],
)
def test_what_fails_in_the_sandbox_is_told_with_its_last_words(home, project, command, said):
    root = project({"check.sh": "true\n"})
    code, made = home.bridle_json("init", "--test-command", command, cwd=root)
    assert (code, made["suite"]["green"], files_below(root / "bridle")) == (0, False, sorted(made["files"]))
    assert said in made["suite"]["said"]


def test_a_command_that_runs_no_test_is_refused_and_nothing_is_written(home, project):
    root = project({"check.sh": "true\n"})
    command = "mkdir -p .bridle/reports; echo '<testsuite/>' > .bridle/reports/a.xml"
    code, problem = home.bridle_json("init", "--test-command", command, cwd=root)
    assert (code, problem["type"]) == (4, "urn:bridle:problem:suite-not-green")
    assert ("no test ran" in problem["detail"], "--test-command" in problem["next"]) == (True, True)
    assert not (root / "bridle").exists()


def test_a_red_suite_is_named_with_its_first_failure_and_gets_a_pipeline_that_asks_at_once(home, project):
    root = project({**PYTHON, "calc/__init__.py": CODE.replace("+", "-")})
    code, made = home.bridle_json("init", cwd=root)
    assert (code, made["suite"]["green"], made["run"]) == (0, False, "bridle run bridle/pipeline.yaml")
    assert "1 tests, 1 failures, 0 errors; first test_calc.Adds.test_two" in made["suite"]["said"]
    assert files_below(root / "bridle") == sorted(made["files"])
    code, waiting = home.bridle_json("run", "bridle/pipeline.yaml", "--no-input", cwd=root)
    assert (code, waiting["state"]) == (6, "waiting")
    assert "the agent made no commit" in waiting["note"]
    told = home.bridle("init", "--force", cwd=root).stdout
    assert ("Red in the sandbox" in told, "--model anthropic:" in told) == (True, True)


def test_the_pipeline_of_a_red_suite_repairs_it_and_pushes_what_a_person_approved(home, project):
    root = project({**PYTHON, "calc/__init__.py": CODE.replace("+", "-")})
    assert home.bridle("init", cwd=root).returncode == 0
    (root / "bridle" / "turns.yaml").write_text(REPAIR)
    run = ("run", "bridle/pipeline.yaml", "--model", "scripted:bridle/turns.yaml", "--approve-as", "ana")
    code, ended = home.bridle_json(*run, cwd=root)
    assert (code, ended["state"], {item["rule"] for item in ended["refused"]}) == (
        0,
        "succeeded",
        {"path.protected"},
    )
    assert git(root, "show", "bridle/repair:calc/__init__.py") == CODE


def test_the_pipeline_of_a_red_suite_has_nothing_to_do_once_it_is_green(home, project):
    root = project({**PYTHON, "calc/__init__.py": CODE.replace("+", "-")})
    assert home.bridle("init", cwd=root).returncode == 0
    (root / "calc/__init__.py").write_text(CODE)
    git(root, "-c", "user.name=ana", "-c", "user.email=ana@example.invalid", "commit", "-qam", "repair")
    code, ended = home.bridle_json("run", "bridle/pipeline.yaml", cwd=root)
    assert (code, ended["state"], ended["models"]) == (0, "succeeded", [])


def test_without_a_hint_it_asks_for_the_command(home, project):
    code, problem = home.bridle_json("init", cwd=project({"README.md": "# nothing\n"}))
    assert (code, problem["type"]) == (2, "urn:bridle:problem:no-test-command")
    assert "--test-command" in problem["next"]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ([], "no git repository"),
        ([["init", "-q", "-b", "main"]], "nothing is committed"),
    ],
)
def test_a_folder_that_is_not_ready_is_refused_with_the_next_step(home, prepare, said):
    root = home.root / "project"
    root.mkdir()
    for words in prepare:
        git(root, *words)
    code, problem = home.bridle_json("init", cwd=root, GIT_CEILING_DIRECTORIES=str(home.root))
    assert code == 2
    assert said in problem["detail"]
    assert "git" in problem["next"]


def test_a_commit_without_a_branch_is_refused(home, project):
    root = project(PYTHON)
    git(root, "switch", "-q", "--detach")
    code, problem = home.bridle_json("init", cwd=root)
    assert (code, problem["detail"]) == (2, "no branch is checked out")


def test_a_machine_without_a_sandbox_is_told_so_and_nothing_is_written(home, project):
    root = project(PYTHON)
    programs = home.root / "programs"
    programs.mkdir()
    (programs / "git").symlink_to("/usr/bin/git")
    code, problem = home.bridle_json("init", cwd=root, PATH=str(programs))
    assert code == 5
    assert "bwrap" in problem["detail"] or "sandbox" in problem["detail"]
    assert not (root / "bridle").exists()
