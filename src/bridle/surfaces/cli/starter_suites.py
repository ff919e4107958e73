"""Which test commands a repository might mean, found from its files alone, the likeliest first.

Rules
  1. Python: pytest where it is configured or there are tests, then unittest; whether one works is found out by running it.
  2. pytest is the system's Python's, since the toolchain's sees no package of the system; unittest is tried plain first.
  3. Then what other build files say: package.json, Makefile, go.mod, Cargo.toml.
  4. A command that leaves a JUnit report below `.bridle/reports/` can prove that tests ran; the others cannot.

Pure: it is given the names of the files and a way to read them, and runs nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

SYSTEM_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
PYTEST_MARKS = (
    ("pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("setup.cfg", "[tool:pytest]"),
    ("tox.ini", "[pytest]"),
)
TEST_FILES = ("test*.py", "*_test.py")
TEST_FOLDERS = ("tests", "test")
NPM_PLACEHOLDER = "no test specified"


@dataclass(frozen=True)
class Suite:
    """A way to run tests: `command` as a person would type it, `script` as a pipeline runs it, and why it was chosen."""

    command: str
    script: str
    why: str


@dataclass(frozen=True)
class Tree:
    """The committed files of a repository. `report_runner` is the program that makes JUnit of unittest."""

    files: Sequence[str]
    read: Callable[[str], str]
    report_runner: str

    def has(self, path: str, mark: str = "") -> bool:
        """True when there is such a file, with `mark` in it."""
        return path in self.files and (not mark or mark in self.read(path))


def find_suites(tree: Tree) -> list[Suite]:
    """Return what might run the tests, the likeliest first; empty when nothing is known."""
    return [suite for find in FINDERS for suite in find(tree)]


def given_suite(command: str) -> Suite:
    """Return the suite that somebody named."""
    return Suite(command, f"{command}\n", "it was named")


def _pytest(tree: Tree) -> Iterator[Suite]:
    configured = next((file for file, mark in PYTEST_MARKS if tree.has(file, mark)), "")
    if not configured and not _test_files(tree):
        return
    why = (
        f"{configured} configures pytest" if configured else "there are test files, and pytest reads them all"
    )
    paths = [SYSTEM_PATH, *_source(tree)]
    script = f"export {' '.join(paths)}\npython3 -m pytest -p no:cacheprovider --junitxml=.bridle/reports/tests.xml\n"
    yield Suite(" ".join([*paths, "python3 -m pytest"]), script, why)


def _unittest(tree: Tree) -> Iterator[Suite]:
    if not _test_files(tree):
        return
    start = _start(tree)
    top = "." if tree.has(f"{start}/__init__.py") else start
    where = [*(["-s", start] if start != "." else []), *(["-t", top] if top != start else [])]
    command = shlex.join(["python3", "-m", "unittest", "discover", *where])
    runner = "".join(line for line in tree.report_runner.splitlines(True) if not line.startswith("# ruff:"))
    script = (
        f"mkdir -p .bridle/reports\npython3 - {shlex.quote(start)} {shlex.quote(top)} <<'END'\n{runner}END\n"
    )
    for paths in (_source(tree), [SYSTEM_PATH, *_source(tree)]):
        export = f"export {' '.join(paths)}\n" if paths else ""
        yield Suite(" ".join([*paths, command]), export + script, f"there are test files below {start}")


def _npm(tree: Tree) -> Iterator[Suite]:
    if not tree.has("package.json"):
        return
    try:
        content = json.loads(tree.read("package.json"))
    except ValueError:
        return  # not ours to judge: npm will not read it either
    scripts = content.get("scripts") if isinstance(content, dict) else None
    test = scripts.get("test") if isinstance(scripts, dict) else None
    if isinstance(test, str) and test and NPM_PLACEHOLDER not in test:
        yield Suite("npm test", "npm test\n", f"package.json names a test script: {test}")


def _make(tree: Tree) -> Iterator[Suite]:
    for name in ("Makefile", "makefile", "GNUmakefile"):
        if tree.has(name) and re.search(r"^test\s*:(?!=)", tree.read(name), re.MULTILINE):
            yield Suite("make test", "make test\n", f"{name} has the target test")
            return


def _by_manifest(file: str, command: str) -> Callable[[Tree], Iterator[Suite]]:
    def find(tree: Tree) -> Iterator[Suite]:
        if tree.has(file):
            yield Suite(command, f"{command}\n", f"there is a {file}")

    return find


FINDERS = (
    _pytest,
    _unittest,
    _npm,
    _make,
    _by_manifest("go.mod", "GOCACHE=/tmp/go go test ./..."),
    _by_manifest("Cargo.toml", "CARGO_TARGET_DIR=/tmp/target cargo test --offline"),
)


def _test_files(tree: Tree) -> list[str]:
    return [
        file for file in tree.files if any(fnmatchcase(PurePosixPath(file).name, glob) for glob in TEST_FILES)
    ]


def _start(tree: Tree) -> str:
    """Return the folder where unittest begins to look: `tests`, else where the code lies, else the top."""
    found = _test_files(tree)
    for folder in (*TEST_FOLDERS, "src"):
        if any(file.startswith(f"{folder}/") for file in found):
            return folder
    return "."


def _source(tree: Tree) -> list[str]:
    has_source = any(file.startswith("src/") and file.endswith(".py") for file in tree.files)
    return ["PYTHONPATH=src"] if has_source else []
