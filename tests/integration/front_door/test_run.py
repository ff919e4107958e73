"""The front door on machines that lack something: it says what, how to get it, and leaves with the right code.

Each test runs the real script with a PATH of its own, in which single programs are missing or are fakes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEEDED = (
    "sh",
    "dirname",
    "date",
    "cat",
    "uname",
    "mktemp",
    "rm",
    "id",
    "sed",
    "tail",
    "head",
    "env",
    "python3",
    "bwrap",
)
NEEDED += ("git", "openssl", "apt-get", "readlink", "cksum", "true")


class Machine:
    """A checkout without an environment, a home, and a folder of programs that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home, self.checkout = folder / "bin", folder / "home", folder / "checkout"
        for path in (self.bin, self.home, self.checkout):
            path.mkdir()
        for name in NEEDED:
            if found := shutil.which(name, path="/usr/bin:/bin"):
                (self.bin / name).symlink_to(found)
        self.fake("uv", "exit 0")  # with uv there, nobody needs python3-venv
        shutil.copy(ROOT / "run", self.checkout / "run")
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src/bridle/core", self.checkout / "src/bridle/core", ignore=ignore)

    def fake(self, name: str, text: str) -> None:
        self.lose(name)
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def lose(self, name: str) -> None:
        (self.bin / name).unlink(missing_ok=True)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.checkout / "run"), *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.home), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_alone_it_shows_its_commands(machine: Machine) -> None:
    answer = machine.run()
    assert answer.returncode == 0
    assert "demo" in answer.stdout
    assert "clean" in answer.stdout


def test_an_unknown_command_is_a_wrong_request(machine: Machine) -> None:
    answer = machine.run("dmeo")
    assert answer.returncode == 2
    assert "no command 'dmeo'" in answer.stderr


def test_elsewhere_than_on_linux_it_says_so(machine: Machine) -> None:
    machine.fake("uname", "echo Darwin")
    answer = machine.run("demo")
    assert answer.returncode == 5
    assert "Linux only" in answer.stderr


def test_a_python_that_is_too_old_is_named(machine: Machine) -> None:
    machine.fake("python3", 'case "$2" in *exit*) exit 1 ;; *) echo "3.8 /usr/bin/python3" ;; esac')
    answer = machine.run("demo", BRIDLE_PYTHON="python3")
    assert answer.returncode == 5
    assert "python3=3.8" in answer.stderr


def test_the_python_that_made_the_environment_is_kept_when_the_path_finds_another(machine: Machine) -> None:
    python, environment = machine.home / "python3", machine.checkout / ".venv"
    python.symlink_to("/usr/bin/python3")
    environment.mkdir()
    machine.fake("cksum", "exit 0")
    (environment / ".made-by").write_text(f"{python}\n")
    assert f"Python packages for {python}" in machine.run("demo").stderr


def test_without_any_python_it_is_one_of_the_packages(machine: Machine) -> None:
    for name in ("python3", *(f"python3.{minor}" for minor in range(11, 15))):
        machine.lose(name)
    seen = machine.checkout / "run"
    seen.write_text(seen.read_text().replace("/usr/bin/python3", "/nowhere/python3"))
    machine.fake("id", "echo 1000")
    machine.fake("sudo", "exit 1")
    answer = machine.run("demo")
    assert answer.returncode == 5
    assert "apt-get install -y --no-install-recommends python3\n" in answer.stderr


def test_without_rights_the_exact_command_is_printed(machine: Machine) -> None:
    machine.fake("id", "echo 1000")
    machine.fake("sudo", "exit 1")
    machine.lose("bwrap")
    answer = machine.run("demo")
    assert answer.returncode == 5
    assert "apt-get install -y --no-install-recommends bubblewrap\n" in answer.stderr


def test_with_rights_only_what_is_missing_is_installed(machine: Machine) -> None:
    machine.fake("id", "echo 0")
    machine.fake("apt-get", f'echo "$*" >>{machine.home}/apt.log')
    machine.lose("git")
    assert machine.run("system").returncode == 0
    assert (machine.home / "apt.log").read_text().splitlines()[1] == "install -y --no-install-recommends git"


def test_when_nothing_is_missing_apt_is_not_called(machine: Machine) -> None:
    machine.fake("apt-get", f"touch {machine.home}/called")
    assert machine.run("system").returncode == 0
    assert not (machine.home / "called").exists()


def test_a_failed_installation_shows_its_output(machine: Machine) -> None:
    machine.fake("id", "echo 0")
    machine.fake("apt-get", "echo 'no space left'; exit 100")
    machine.lose("git")
    answer = machine.run("system")
    assert answer.returncode == 5
    assert "no space left" in answer.stderr


def test_clean_asks_and_takes_silence_for_no(machine: Machine) -> None:
    data = machine.home / ".local/share/bridle"
    data.mkdir(parents=True)
    assert machine.run("clean").returncode == 2
    assert data.is_dir()


def test_clean_removes_environment_data_and_work_but_not_keys(machine: Machine) -> None:
    data, keys = machine.home / "bridle", machine.home / ".config/bridle"
    for folder in (data / "work", keys, machine.checkout / ".venv"):
        folder.mkdir(parents=True)
    answer = machine.run("clean", "--yes", BRIDLE_DATA_DIR=str(data), BRIDLE_WORK_DIR=str(data / "work"))
    assert answer.returncode == 0, answer.stderr
    assert (data.exists(), (machine.checkout / ".venv").exists(), keys.exists()) == (False, False, True)


def test_clean_leaves_a_folder_that_may_hold_other_things(machine: Machine) -> None:
    documents = machine.home / "documents"
    documents.mkdir()
    work = {"BRIDLE_WORK_DIR": str(machine.home / "bridle/work")}
    answer = machine.run("clean", "--yes", BRIDLE_DATA_DIR=str(documents), **work)
    removed, left = answer.stderr.split("Left alone")
    assert (documents.is_dir(), str(documents) in left, str(documents) in removed) == (True, True, False)


def test_requirement_files_name_no_index_and_lock_every_package() -> None:
    for name in ("build", "runtime", "test", "toolchain"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        entries = [
            entry
            for entry in text.replace("\\\n", " ").splitlines()
            if entry and not entry.lstrip().startswith("#")
        ]
        assert "://" not in text
        assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_name_that_nobody_owns_on_the_index_is_not_required() -> None:
    for path in (ROOT / "requirements").iterdir():
        names = [line.split("=")[0].strip() for line in path.read_text().splitlines()]
        assert "regorus" not in names, path.name


def test_the_scripts_can_be_started() -> None:
    assert os.access(ROOT / "run", os.X_OK)
    assert os.access(ROOT / ".ci/run", os.X_OK)
