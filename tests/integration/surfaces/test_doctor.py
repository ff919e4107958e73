"""The doctor on a real machine: what it finds, and that it finds each thing we break."""

import os
import sqlite3
from pathlib import Path

import pytest

from bridle.core.settings import load_settings
from bridle.surfaces.cli import checks_parts
from bridle.surfaces.cli.checks import State


@pytest.fixture
def home(new_home):
    return new_home


@pytest.fixture
def used(home):
    """A home in which something has run."""
    pipeline = home.root / "pipeline.yaml"
    pipeline.write_text("pipeline: {id: one, stages: [{id: a, steps: [{id: b, run: 'true'}]}]}\n")
    assert home.bridle("run", str(pipeline), "--quiet").returncode == 0
    return home


def examine(home, *words, **options):
    code, document = home.bridle_json("doctor", *words, **options)
    return code, {check["name"]: check for check in document["checks"]}


def test_on_a_fresh_machine_nothing_fails_and_nothing_is_made(home):
    code, checks = examine(home)
    assert (code, [name for name, check in checks.items() if check["state"] == "fail"]) == (0, [])
    assert "none yet" in checks["store"]["found"]
    assert sorted(path.name for path in home.root.iterdir()) == ["home"]


def test_after_a_run_the_store_and_the_journal_verify(used):
    code, checks = examine(used)
    assert code == 0
    states = {name: checks[name]["state"] for name in ("keys", "store", "store clock", "journal", "policy")}
    assert set(states.values()) == {"ok"}, checks


def test_a_key_that_others_can_read_fails_with_the_command_that_repairs_it(used):
    key = used.root / "config" / "delegate.key"
    key.chmod(0o644)
    code, checks = examine(used)
    assert (code, checks["keys"]["state"], checks["keys"]["fix"]) == (5, "fail", f"chmod 600 {key}")


def test_a_lost_key_fails_and_no_new_one_is_made(used):
    key = used.root / "config" / "control-plane.key"
    key.unlink()
    code, checks = examine(used)
    assert (code, checks["keys"]["state"], key.exists()) == (5, "fail", False)


def test_a_changed_record_fails(used):
    with sqlite3.connect(used.root / "data" / "bridle.db") as connection:
        connection.execute("UPDATE journal SET data = replace(data, 'user:', 'User:') WHERE seq = 3")
    code, checks = examine(used)
    assert (code, checks["journal"]["state"], checks["store"]["state"]) == (5, "fail", "ok")


def test_removed_records_fail(used):
    with sqlite3.connect(used.root / "data" / "bridle.db") as connection:
        connection.execute("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)")
    code, checks = examine(used)
    assert (code, checks["journal"]["state"]) == (5, "fail")


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_the_end_of_the_journal_is_tied_to_the_record_before_it(used, monkeypatch, count):
    monkeypatch.setattr(checks_parts, "VERIFIED_RECORDS", count)
    (check,) = checks_parts.check_journal(load_settings(used.environ))
    assert check.state is State.OK
    assert check.found.startswith("the newest")


def test_a_store_out_of_reach_fails_and_the_other_checks_are_told(used):
    code, checks = examine(used, "--store", "postgresql://nobody@127.0.0.1:9/none")
    assert (code, checks["store"]["state"], checks["policy"]["state"]) == (5, "fail", "ok")


def test_without_bubblewrap_and_git_both_are_named_with_their_packages(used):
    programs = used.root / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to("/usr/bin/python3")
    code, checks = examine(used, PATH=str(programs))
    assert code == 5
    assert "apt-get install bubblewrap" in checks["sandbox"]["fix"]
    assert checks["git"]["fix"] == "apt-get install -y git"


def test_a_file_in_the_place_of_the_data_folder_fails(home):
    (home.root / "data").write_text("")
    code, checks = examine(home)
    assert (code, checks["data"]["state"]) == (5, "fail")


def test_a_work_folder_that_the_sandbox_cannot_reach_fails(home):
    closed = home.root / "closed"
    closed.mkdir(mode=0o700)
    _, checks = examine(home, BRIDLE_WORK_DIR=str(closed / "work"))
    works_as_another_user = os.geteuid() == 0  # anybody else's sandbox runs as themselves
    assert checks["work"]["state"] == ("fail" if works_as_another_user else "ok")
    assert str(closed) in checks["work"]["found"]


def test_a_toolchain_of_another_python_fails(home):
    programs = home.root / "work" / "toolchain" / "bin"
    programs.mkdir(parents=True)
    elsewhere = home.root / "python"
    elsewhere.write_text("")
    (programs / "python").symlink_to(elsewhere)
    code, checks = examine(home)
    assert (code, checks["toolchain"]["state"]) == (5, "fail")


def test_a_key_of_a_model_is_never_printed(home):
    done = home.bridle("doctor", BRIDLE_MODEL="openai:gpt-5", OPENAI_API_KEY="sk-planted-4711")
    assert "env:OPENAI_API_KEY" in done.stdout
    assert "planted" not in done.stdout + done.stderr


def test_people_get_a_line_for_each_check_and_a_count(home):
    lines = home.bridle("doctor", BRIDLE_MODEL="gpt-5").stdout.splitlines()
    assert any(line.startswith("fail model") for line in lines)
    assert lines[-1].endswith("1 fail")
    assert Path(lines[1].split()[2].rstrip(";,")).is_absolute()


def test_the_demo_begins_nothing_where_its_suite_could_not_run(home):
    done = home.bridle("demo", "--approve-as", "ana")
    assert (done.returncode, "the sandbox has no toolchain" in done.stderr) == (5, True)
    assert not (home.root / "data").exists()
