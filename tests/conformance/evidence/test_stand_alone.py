"""The program that `bridle evidence verifier` prints, run as a stranger would: alone, in an empty folder, isolated from ours."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bridle.surfaces.cli import main
from unit.trust.evidence.test_bundle import BY_TWO
from unit.trust.evidence.test_deployment import PROOF
from unit.trust.story import CONTROL_PLANE, STRANGER, pack, tell_of_two
from unit.trust.story import tell as tell_of_a_change

CHANGE = pack(tell_of_a_change())


@pytest.fixture
def verify(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main.run(["evidence", "verifier"])
    (tmp_path / "verify.py").write_text(capsys.readouterr().out)

    def run(data, *options, key=CONTROL_PLANE):
        (tmp_path / "evidence.json").write_bytes(data)
        (tmp_path / "key.pub").write_bytes(key.verifier.to_pem())
        words = [sys.executable, "-I", "verify.py", "evidence.json", "--key", "key.pub", *options]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[0], done.stderr

    return run


def test_it_accepts_a_deployment_and_a_change(verify):
    assert verify(PROOF, "--requires", "sarif,junit") == (0, "verified", "")
    assert verify(CHANGE) == (0, "verified", "")


def test_it_imports_nothing_of_ours(verify, tmp_path):
    lines = (tmp_path / "verify.py").read_text("utf-8").splitlines()
    assert [line for line in lines if line.lstrip().startswith(("import bridle", "from bridle"))] == []
    assert sum(line.startswith("def verify(") for line in lines) == 1


def test_it_counts_the_people_of_a_quorum(verify):
    assert verify(pack(tell_of_two(), claims=BY_TWO)) == (0, "verified", "")
    code, said, _ = verify(pack(tell_of_two(("ben",)), claims=BY_TWO))
    assert (code, said) == (1, "REFUSED words: 1 of the 2 that it takes")


def test_it_refuses_another_key_and_what_is_not_there(verify):
    assert verify(PROOF, key=STRANGER) == (1, "REFUSED keys: not made with the key you gave", "")
    code, said, _ = verify(PROOF, "--requires", "spdx")
    assert (code, said) == (1, "REFUSED claims: there is no evidence of type spdx")
