"""`bridle audit verify` of an exported file: what no checkpoint covers is not proved, and is not called verified."""

import json

import pytest

from bridle.surfaces.cli.main import run


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
