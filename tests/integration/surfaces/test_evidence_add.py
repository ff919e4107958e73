"""`bridle evidence add`: what is recorded, and what is refused; in one process."""

import json

import pytest

from bridle.surfaces.cli import main
from support import exhibits as files

SUBJECT = f"sha256:{files.DIGEST}"


@pytest.fixture
def add(monkeypatch, capsys, tmp_path):
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))

    def run(content, type_, *words, subject=SUBJECT):
        file = tmp_path / f"evidence.{type_}"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        code = call("evidence", "add", file, "--type", type_, "--subject", subject, "--json", *words)
        return code, json.loads(capsys.readouterr().out)

    return run


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main.run(list(map(str, words)))
    return ended.value.code


def test_evidence_is_recorded_with_who_handed_it_in_published_and_the_journal_verifies(
    add, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("BRIDLE_CHECKPOINTS", str(tmp_path / "published"))
    code, added = add(files.cyclonedx(), "cyclonedx")
    assert (code, added["exhibit"]["summary"]["highest"]) == (0, "high")
    assert added["signer"].startswith("user:")
    assert call("audit", "verify", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    assert call("audit", "verify", "--from", tmp_path / "published", "--json") == 0
    assert added["record"] in (tmp_path / "published" / "records" / "000000.jsonl").read_text()


def test_a_provenance_counts_for_the_keys_of_the_account(add, tmp_path):
    assert add(files.provenance(), "slsa")[1]["detail"].endswith("no known key signed it; 0 are known here")
    (tmp_path / "config" / "attestors").mkdir(parents=True)
    (tmp_path / "config" / "attestors" / "ci.pub").write_bytes(files.PEM)
    assert add(files.provenance(), "slsa")[1]["exhibit"]["summary"]["signers"] == ["ci"]


def test_evidence_about_something_else_is_refused_and_the_refusal_recorded(add, capsys):
    code, problem = add(files.cyclonedx("f" * 64), "cyclonedx")
    assert (code, problem["type"]) == (4, "urn:bridle:problem:wrong-subject")
    assert call("audit", "list", "--json") == 0
    (refused,) = (one for one in json.loads(capsys.readouterr().out) if one["kind"] == "evidence.refused")
    assert (
        refused["body"].items()
        >= {"type": "cyclonedx", "subject": SUBJECT, "reason": "wrong-subject"}.items()
    )
    assert (refused["body"]["file"]["name"], refused["body"]["by"][:5]) == ("evidence.cyclonedx", "user:")
