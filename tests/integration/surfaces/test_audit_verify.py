"""`bridle audit verify` of an exported file: what no checkpoint covers is not proved, and is not called verified."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.surfaces.cli.main import run
from bridle.trust.keys import Signer


@pytest.fixture
def exported(tmp_path, monkeypatch, capsys):
    """A small journal's export, and how to verify one."""
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            run([*words, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    call("principals", "add", "service:ci", "--purpose", "nightly builds")
    assert call("audit", "export", "j.jsonl")[0] == 0
    return tmp_path / "j.jsonl", lambda: call("audit", "verify", "j.jsonl")


def test_a_whole_export_is_verified(exported):
    _, verify = exported
    assert (verify()[0], verify()[1]["uncovered"]) == (0, 0)


@pytest.mark.parametrize("lost", ["every checkpoint", "the end"])
def test_what_no_checkpoint_covers_is_refused(exported, lost):
    file, verify = exported
    lines = file.read_text("utf-8").splitlines()
    kept = [line for line in lines if '{"checkpoint"' not in line]
    file.write_text("\n".join(kept if lost == "every checkpoint" else kept[:3]) + "\n", "utf-8")
    code, problem = verify()
    assert (code, problem["type"]) == (3, "urn:bridle:problem:not-covered")


def _drop(lines):
    del lines[3]


def _swap(lines):
    lines[2], lines[3] = lines[3], lines[2]


def _cut(lines):
    lines[2] = lines[2][:40]


@pytest.mark.parametrize(
    ("harm", "code", "where", "what", "next_step"),
    [
        (_drop, 3, "journal record 3", "where record 2 has to", "compare with a copy"),
        (_swap, 3, "journal record 2", "where record 1 has to", "compare with a copy"),
        (_cut, 2, "line 3", "not JSON", "cut or changed"),
        (list.clear, 2, "line 1", "empty", "bridle audit export"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_do(exported, harm, code, where, what, next_step):
    file, verify = exported
    lines = file.read_text("utf-8").splitlines()
    harm(lines)
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    ended, problem = verify()
    assert ended == code
    assert problem["instance"].startswith(f"{file.name}: {where}")
    assert what in problem["detail"]
    assert next_step in problem["next"]


def test_the_checkpoint_of_another_installation_is_told_as_such(exported, tmp_path):
    _, verify = exported
    key = Signer(Ed25519PrivateKey.generate()).verifier.to_pem()
    (tmp_path / "config" / "control-plane.pub").write_bytes(key)
    code, problem = verify()
    assert (code, "another installation" in problem["next"]) == (3, True)
