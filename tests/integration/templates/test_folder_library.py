"""Templates as files: the layouts, which one is meant, and what is refused."""

import json
import os
import subprocess

import pytest

from bridle.app import open_library
from bridle.core.errors import InputError

STEP = "template: {step: %s}\n"


@pytest.fixture
def top(tmp_path):
    (tmp_path / ".git").mkdir()
    return tmp_path


def put(top, path, text=STEP % "make"):
    file = top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def reason_of(call):
    with pytest.raises(InputError) as caught:
        call()
    return caught.value.reason


def test_a_plain_folder_holds_one_file_for_each_version(top):
    for version in ("1.1.0", "1.9.0", "1.10.0", "2.0.0"):
        put(top, f"templates/acme.review/{version}.yaml")
    find = open_library(top / "pipelines").find
    found = [find(f"acme.review{version}").version for version in ("", "@1", "@1.1", "@1.10", "@1.9.0")]
    assert found == ["2.0.0", "1.10.0", "1.1.0", "1.10.0", "1.9.0"]


def test_a_folder_in_kebab_case_has_the_version_of_its_metadata(top):
    put(top, "templates/pr-writer/metadata.json", json.dumps({"name": "PR writer", "version": "1.10"}))
    put(top, "templates/pr-writer/pipeline.yaml")
    found = open_library(top).find("account.pr_writer")
    assert (found.version, found.source) == ("1.10", "templates/pr-writer/pipeline.yaml")


def test_a_harness_folder_names_its_stable_version(top):
    put(top, ".harness/review/config.yaml", "stable: 1.10\nversions: [1.9, 1.10, 2.0.0]\n")
    for version in ("1.9", "1.10", "2.0.0", "3.0.0"):
        put(top, f".harness/review/{version}/template.yaml")
    library = open_library(top)
    assert [library.find(uses).version for uses in ("review", "review@2", "review@1.9")] == [
        "1.10",
        "2.0.0",
        "1.9",
    ]
    assert reason_of(lambda: library.find("review@3.0.0")) == "unknown-version"


def test_a_name_of_the_project_hides_the_one_that_ships(top):
    put(top, "templates/pr_body_writer/0.1.0.yaml")
    library = open_library(top)
    assert library.find("pr_body_writer").source == "templates/pr_body_writer/0.1.0.yaml"
    assert reason_of(lambda: library.find("pr_body_writer@1.0.0")) == "unknown-version"


def test_an_agent_is_found_as_one_unless_a_template_has_its_name(top):
    find = open_library(top).find
    assert (find("bridle.ci-autofix@1").agent, find("pr_body_writer").agent) == (True, False)
    put(top, "templates/bridle.ci-autofix/1.0.0.yaml")
    assert not find("bridle.ci-autofix").agent


def test_an_input_set_is_a_file_of_the_repository(top):
    put(top, ".bridle/input-sets/eu.yaml", "inputs: {place: eu}")
    library = open_library(top / "pipelines")
    assert library.find_inputs("eu") == "inputs: {place: eu}"
    assert [
        reason_of(lambda name=name: library.find_inputs(name)) for name in ("us", "../input-sets/eu")
    ] == ["unknown-input-set"] * 2


def test_what_ships_is_found_from_anywhere(top):
    assert open_library(top).find("pr_body_writer").source == "shipped:templates/pr_body_writer/1.0.0.yaml"


def test_an_unknown_name_is_answered_with_the_nearest(top):
    with pytest.raises(InputError) as caught:
        open_library(top).find("pr_body_writr@1.0.0")
    assert (caught.value.reason, caught.value.hint) == ("unknown-template", "did you mean 'pr_body_writer'?")


def test_an_unknown_pipeline_is_answered_with_the_nearest(top):
    put(top, "pipelines/release.yaml")
    with pytest.raises(InputError) as caught:
        open_library(top).find_pipeline("relaese")
    assert caught.value.hint.startswith("did you mean 'release'? pipelines are looked for in pipelines/ and")


def test_a_pipeline_that_is_not_where_pipelines_are_is_told_the_place_and_no_template_is_suggested(top):
    put(top, "templates/build/1.0.0.yaml")
    put(top, "bild.yaml")
    with pytest.raises(InputError) as caught:
        open_library(top).find_pipeline("bild")
    hint = caught.value.hint
    assert (hint.startswith("pipelines are looked for in "), hint.endswith("pipelines/bild.yaml")) == (
        True,
        True,
    )


def test_pipelines_of_the_repository_come_before_templates(top):
    put(top, "templates/ship/1.0.0.yaml")
    library = open_library(top)
    assert library.find_pipeline("ship").version == "1.0.0"
    put(top, ".bridle/pipelines/ship.yml")
    assert library.find_pipeline("ship").source == ".bridle/pipelines/ship.yml"


@pytest.mark.parametrize("linked", ["templates", "templates/x", "templates/x/1.0.0.yaml"])
def test_what_leads_out_of_the_repository_is_refused(tmp_path, linked):
    outside, top = tmp_path / "outside", tmp_path / "top"
    put(outside, "x/1.0.0.yaml")
    target = {0: outside, 1: outside / "x", 2: outside / "x" / "1.0.0.yaml"}[linked.count("/")]
    (top / ".git").mkdir(parents=True)
    (top / linked).parent.mkdir(parents=True, exist_ok=True)
    (top / linked).symlink_to(target)
    assert reason_of(lambda: open_library(top).find("x@1.0.0")) == "template-outside"


def test_a_file_that_is_larger_than_the_reader_takes_is_refused(top):
    put(top, "templates/x/1.0.0.yaml", "#" * ((1 << 20) + 1))
    assert reason_of(lambda: open_library(top).find("x")) == "too-large"


def test_a_pipe_is_no_template(top):
    (top / "templates/x").mkdir(parents=True)
    os.mkfifo(top / "templates/x/1.0.0.yaml")
    assert reason_of(lambda: open_library(top).find("x")) == "unknown-version"


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": "latest"}', "[" * 100_000])
def test_metadata_without_a_version_are_refused(top, text):
    put(top, "templates/x/metadata.json", text)
    assert reason_of(lambda: open_library(top).find("x")) == "bad-template-folder"


def git(top, *words):
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.invalid", "-C", str(top), *words],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    put(tmp_path, "templates/x/1.0.0.yaml", STEP % "old")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "checkout", "-q", "-b", "try/new")
    put(tmp_path, "templates/x/1.0.0.yaml", STEP % "new")
    (tmp_path / "templates/x/2.0.0.yaml").symlink_to("/etc/passwd")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "two")
    git(tmp_path, "checkout", "-q", "main")
    return tmp_path


def test_a_version_of_a_branch_is_a_draft_with_the_text_of_that_branch(repository):
    library = open_library(repository)
    draft, approved = library.find("x", branch="try/new"), library.find("x")
    assert (draft.draft, draft.text, draft.source) == (
        True,
        b"template: {step: new}\n",
        "try/new:templates/x/1.0.0.yaml",
    )
    assert (approved.draft, approved.text) == (False, b"template: {step: old}\n")
    assert draft.pin != approved.pin


@pytest.mark.parametrize(
    ("branch", "reason"),
    [
        ("gone", "no-branch"),
        ("../main", "bad-branch"),
        ("a..b", "bad-branch"),
        ("-x", "bad-branch"),
        ("main:x", "bad-branch"),
    ],
)
def test_a_branch_that_is_none_is_refused(repository, branch, reason):
    assert reason_of(lambda: open_library(repository).find("x", branch=branch)) == reason


def test_a_link_on_a_branch_is_no_template(repository):
    assert reason_of(lambda: open_library(repository).find("x@2", branch="try/new")) == "unknown-version"


def test_what_ships_is_not_sought_on_a_branch(repository):
    assert (
        reason_of(lambda: open_library(repository).find("pr_body_writer", branch="try/new"))
        == "unknown-template"
    )
