"""Secrets in a change: found in added lines by place and format, never told, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json

import pytest

from bridle.core.canonical import Json
from bridle.delegate.leaks import MAX_FINDINGS, find_leaks
from bridle.delegate.snapshot import Entry
from bridle.delegate.tree import Kind
from bridle.delegate.workspace import Workspaces
from bridle.trust.redaction import RedactionError, Redactor, token_format
from integration.delegate.bench import Bench

# Put together, so that this file itself holds none.
GITHUB = "ghp_" + "Ab1" * 12
AWS = "AKIA" + "IOSFODNN7EXAMPLE"[:16].replace("1", "2")
KEY = "-----BEGIN PRIVATE" + " KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE" + " KEY-----\n"
KNOWN = "correct horse battery"


def look(workspaces: Workspaces, before: str | None, after: str | None, *, path: str = "p") -> list[Json]:
    def tree(text: str | None) -> dict[str, Entry]:
        return {} if text is None else {path: Entry(Kind.FILE, workspaces.snapshots.put_blob(text.encode()))}

    redactor = Redactor({"deploy": KNOWN})
    return find_leaks(workspaces.snapshots, tree(before), tree(after), [path], redactor=redactor)


@pytest.mark.parametrize(
    ("secret", "format"),
    [
        (GITHUB, "github"),
        (AWS, "aws-key-id"),
        (KEY, "private-key"),
        (KNOWN, "known"),
        (base64.b64encode(KNOWN.encode()).decode(), "known"),
    ],
    ids=["github", "aws", "key", "known", "known-encoded"],
)
def test_a_planted_secret_is_found_by_line_and_format_and_is_not_told(
    workspaces: Workspaces, secret: str, format: str
) -> None:
    found = look(workspaces, "one\n", f"one\ntwo = '{secret}'\n")
    assert found == [{"path": "p", "line": 2, "format": format}]
    assert secret[:12] not in json.dumps(found)


def test_what_stood_there_before_does_not_count(workspaces: Workspaces) -> None:
    line = f"token = '{GITHUB}'\n"
    assert look(workspaces, f"{line}x = 1\n", f"x = 2\n{line}") == []


def test_a_line_that_was_changed_around_its_secret_counts(workspaces: Workspaces) -> None:
    assert look(workspaces, f"a = '{GITHUB}'\n", f"b = '{GITHUB}'\n") == [
        {"path": "p", "line": 1, "format": "github"}
    ]


def test_a_file_that_goes_away_with_its_secret_leaks_nothing(workspaces: Workspaces) -> None:
    assert look(workspaces, f"{GITHUB}\n", None) == []


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "ab" * 32,
        "commit = '" + "0f" * 20 + "'",
        "exe_01jd3kabcdefghjkmnpqrstvwx",
        "password = getpass()",
        'settings = {"password": "changeme-now"}',
        "API_KEY=os.environ['API_KEY']",
        "postgres://user:password@localhost/db",
        "Authorization: Bearer <your token goes here>",
        "sk-learn is a library",
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(workspaces: Workspaces, text: str) -> None:
    assert look(workspaces, "", f"{text}\n") == []


def test_the_name_of_a_new_file_and_the_target_of_a_link_are_looked_at(workspaces: Workspaces) -> None:
    (named,) = look(workspaces, None, "x\n", path=f"a/{GITHUB}")
    assert isinstance(named, dict)
    assert (named["line"], named["format"], GITHUB in str(named["path"])) == (0, "github", False)
    link = {"l": Entry(Kind.LINK, target=GITHUB)}
    assert find_leaks(workspaces.snapshots, {}, link, ["l"], redactor=Redactor()) == [
        {"path": "l", "line": 1, "format": "github"}
    ]


def test_many_findings_are_cut(workspaces: Workspaces) -> None:
    assert len(look(workspaces, "", f"{GITHUB}\n" * (MAX_FINDINGS + 1))) == MAX_FINDINGS


def test_a_search_that_gives_no_answer_is_an_error_and_not_an_all_clear(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_format, "CANARY", "")
    with pytest.raises(RedactionError):
        look(workspaces, "", f"{GITHUB}\n")


async def test_a_verification_says_what_was_found(cloned: Bench) -> None:
    (cloned.folder / "src/calc.py").write_text(f"TOKEN = '{GITHUB}'\n")
    tree = await cloned.worker.snapshot("w")
    report = await cloned.do("workspace.verify", {"tree": tree})
    assert isinstance(report.value, dict)
    assert report.value["secrets"] == [{"path": "src/calc.py", "line": 1, "format": "github"}]
    assert GITHUB not in json.dumps(report.value)
