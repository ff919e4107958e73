"""`bridle principals` over a real store: added, listed, stopped, and proved by the audit."""

import getpass
import json

import pytest

from bridle.surfaces.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main.run([*map(str, words), "--json"])
        said = capsys.readouterr().out
        return ended.value.code, json.loads(said) if said else None

    return call


def states(run):
    return {principal["id"]: principal["state"] for principal in run("principals", "list")[1]}


def test_a_service_account_lives_from_draft_to_the_end(run):
    assert run("principals", "add", "service:ci", "--draft", "--may", "mcp:crm.*")[1]["state"] == "draft"
    assert run("principals", "activate", "service:ci")[0] == 2
    for change, state in (
        ("approve", "approved"),
        ("activate", "active"),
        ("suspend", "suspended"),
        ("activate", "active"),
        ("retire", "retired"),
    ):
        assert run("principals", change, "service:ci")[1]["state"] == state
    assert run("principals", "activate", "service:ci")[0] == 2
    _, shown = run("principals", "show", "service:ci")
    assert [line["change"] for line in shown["history"]] == [
        "add", "approve", "activate", "suspend", "activate", "retire",
    ]  # fmt: skip
    assert run("audit", "verify")[0] == 0


def test_opening_the_system_again_brings_nobody_back_who_was_suspended(run):
    run("principals", "add", "service:ci")
    run("principals", "suspend", "delegate:local")
    run("principals", "suspend", "service:ci")
    found = states(run)
    assert (found["delegate:local"], found["service:ci"]) == ("suspended", "suspended")


@pytest.mark.parametrize(
    "words",
    [
        ("agent:x",),
        ("delegate:x",),
        ("nobody",),
        ("service:",),
        ("service:a b",),
        ("service:x", "--may", "mcp:*.get"),
        ("user:ben", "--may", "file:read"),
        ("service:x", "--owner", "ben"),
    ],
)
def test_what_is_no_user_and_no_service_account_is_not_added(run, words):
    assert run("principals", "add", *words)[0] == 2


def test_who_is_not_there_is_not_made_by_looking(run, tmp_path):
    assert run("principals", "suspend", "service:x")[0] == 2
    assert not (tmp_path / "data" / "bridle.db").exists()


def test_a_key_is_printed_once_and_its_end_is_shown(run):
    run("principals", "add", "service:ci")
    made = run("principals", "key", "service:ci", "--expires", "30d")[1]
    assert made["key"].startswith("brk_")
    run("principals", "revoke-key", made["id"])
    _, shown = run("principals", "show", "service:ci")
    assert made["key"] not in json.dumps(shown)
    assert shown["keys"][0]["revoked_at"] is not None
    assert [line["change"] for line in shown["history"]] == ["add", "issue-key", "revoke-key"]
    assert run("audit", "verify")[0] == 0


def test_a_check_says_why_somebody_may_and_exits_3_when_they_may_not(run, tmp_path):
    run("principals", "add", "user:ben")
    folder = tmp_path / "config"
    (folder / "roles.yaml").write_text(
        "resource_groups: {production: {types: [production]}}\n"
        f"bindings: [{{principal: 'user:{getpass.getuser()}', role: owner}},"
        " {principal: user:ben, role: operator, resource_group: production}]\n"
    )
    (folder / "roles.yaml").chmod(0o600)
    code, found = run("roles", "check", "user:ben", "git:push", "--environment", "eu")
    assert (code, found["grants"][0]["permission"]) == (0, "git:*")
    assert run("roles", "check", "user:ben", "git:push")[0] == 3
    run("principals", "suspend", "user:ben")
    assert run("roles", "check", "user:ben", "git:push", "--environment", "eu")[0] == 3
