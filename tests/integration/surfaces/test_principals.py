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


@pytest.fixture
def agent_file(tmp_path, monkeypatch):
    folder = tmp_path / "project" / "agents" / "acme.clerk"
    folder.mkdir(parents=True)
    file = folder / "1.0.0.md"
    file.write_text("---\nname: acme.clerk\nversion: 1.0.0\nowner: ana\ntools: [file.read]\n---\nHelp.\n")
    monkeypatch.chdir(tmp_path / "project")
    return file


def test_validate_names_what_an_agent_leaves_unsaid_and_refuses_it_when_strict(run, agent_file):
    code, (found,) = run("validate", agent_file)
    assert (code, found["valid"]) == (0, True)
    (warning,) = found["warnings"]
    assert "boundary.network" in warning
    code, (found,) = run("validate", "--strict", agent_file)
    reasons = {complaint["reason"] for complaint in found["problem"]["complaints"]}
    assert (code, found["valid"], reasons) == (2, False, {"agent-gap"})


def card(capsys, monkeypatch, *words, **environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main.run(["agent", "card", "acme.clerk", *words])
    return ended.value.code, capsys.readouterr().out


def test_a_card_is_signed_for_an_agent_that_may_act_and_for_no_other(run, agent_file, capsys, monkeypatch):
    code, printed = card(capsys, monkeypatch, "--interface", "JSONRPC=https://agents.example.com/a2a")
    assert (code, len(json.loads(printed)["signatures"])) == (0, 1)
    assert card(capsys, monkeypatch, BRIDLE_AGENTS="approved-only")[0] == 3


def test_a_file_is_approved_by_its_digest_before_its_first_use_and_a_changed_one_is_not(
    run, agent_file, capsys, monkeypatch
):
    monkeypatch.setenv("BRIDLE_AGENTS", "approved-only")
    run("principals", "add", "service:ci")  # so that there is a store
    approved = run("principals", "approve", "agent:acme.clerk", "--version", agent_file)[1]
    assert (approved["state"], len(approved["approved"])) == ("approved", 1)
    assert card(capsys, monkeypatch)[0] == 0
    agent_file.write_text(agent_file.read_text() + "And more.\n")
    assert card(capsys, monkeypatch)[0] == 3


def test_a_file_of_another_agent_does_not_approve_this_one(run, agent_file):
    run("principals", "add", "service:ci")
    assert run("principals", "approve", "agent:acme.other", "--version", agent_file)[0] == 2


def test_the_policy_sets_that_are_bound_to_a_principal_are_shown_with_it(run, tmp_path):
    for name in ("service:ci", "service:cd"):
        run("principals", "add", name)
    (tmp_path / "config" / "policies.yaml").write_text(
        "bindings: [{set: 'shipped:four-eyes', scope: {principal: 'service:ci', tool: 'mcp.*'}}]\n"
    )
    assert run("principals", "show", "service:ci")[1]["policies"] == ["four-eyes.rego"]
    assert run("principals", "show", "service:cd")[1]["policies"] == []
