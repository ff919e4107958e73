"""The commands of docs/evidence.md, run as a stranger would: they accept our evidence and refuse what was changed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from unit.trust.story import CONTROL_PLANE, STRANGER, pack, tell
from unit.trust.test_rotation import NEXT
from unit.trust.test_rotation import pack as pack_over_a_rotation
from unit.trust.test_rotation import tell as tell_over_a_rotation

PAGE = Path(__file__).parents[3] / "docs" / "evidence.md"
STATEMENT, RECORDS = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
BUNDLE = pack(tell())


def check(folder: Path, data: bytes = BUNDLE, *, key: bytes = b"", script: str = STATEMENT) -> bool:
    if shutil.which("openssl") is None:
        pytest.fail("openssl is not installed (apt-get install openssl)")
    (folder / "evidence.json").write_bytes(data)
    (folder / "control-plane.pub").write_bytes(key or CONTROL_PLANE.verifier.to_pem())
    done = subprocess.run(["sh", "-euc", script], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def changed(place: str) -> bytes:
    """The bundle with one bit flipped in the bytes behind a base64 value of the envelope."""
    content = json.loads(BUNDLE)
    holder = content["envelope"] if place == "payload" else content["envelope"]["signatures"][0]
    raw = bytearray(base64.b64decode(holder[place]))
    raw[40] ^= 1
    holder[place] = base64.b64encode(raw).decode()
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def test_the_statement_verifies(tmp_path) -> None:
    assert check(tmp_path)


def test_a_statement_from_after_a_rotation_verifies_with_the_next_key_and_not_with_the_one_before(
    tmp_path,
) -> None:
    data = pack_over_a_rotation(tell_over_a_rotation())
    assert check(tmp_path, data, key=NEXT.verifier.to_pem())
    assert not check(tmp_path, data)


@pytest.mark.parametrize("place", ["payload", "sig"])
def test_a_changed_statement_is_refused(tmp_path, place) -> None:
    assert not check(tmp_path, changed(place))


def test_another_key_is_refused(tmp_path) -> None:
    assert not check(tmp_path, key=STRANGER.verifier.to_pem())


def test_the_records_are_those_the_statement_names(tmp_path) -> None:
    assert check(tmp_path, script=STATEMENT + RECORDS)


def test_a_changed_record_is_not_among_them(tmp_path) -> None:
    content = json.loads(BUNDLE)
    record = content["records"][3]
    record["data"] = base64.b64encode(base64.b64decode(record["data"]).replace(b"exe_1", b"exe_2")).decode()
    data = json.dumps(content, indent=1, ensure_ascii=False).encode()
    assert check(tmp_path, data)
    assert not check(tmp_path, data, script=STATEMENT + RECORDS)
