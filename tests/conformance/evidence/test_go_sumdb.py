"""Our checkpoints and proofs under Go's sumdb packages: accepted as they are, refused when one bit differs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bridle.core.errors import TrustError
from bridle.trust.journal import Kind
from bridle.trust.log.checkpoint import read_checkpoint, sign_checkpoint, verifier_key
from bridle.trust.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from bridle.trust.log.tiles import TileWriter
from support.merkle_reference import consistency_proof, inclusion_proof, tree_root
from unit.trust.story import CONTROL_PLANE, ORIGIN, tell
from unit.trust.test_rotation import NEXT, signed
from unit.trust.test_rotation import tell as tell_over_a_rotation

GO_MOD = Path("/usr/share/gocode/src/golang.org/x/mod")
PACKAGE = "golang-golang-x-mod-dev"
STORY = tell()
KEY = verifier_key(CONTROL_PLANE.verifier, ORIGIN)
SIZES = range(1, len(STORY.records) + 1)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled Go program; without the Debian package it cannot be built, which in CI is a failure."""
    if not GO_MOD.is_dir():
        missing = f"Go's sumdb packages are not installed (apt-get install {PACKAGE})"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("verifier")
    shutil.copy(Path(__file__).parent / "verifier" / "main.go", folder)
    replaced = f"require golang.org/x/mod v0.7.0\nreplace golang.org/x/mod => {GO_MOD}\n"
    (folder / "go.mod").write_text(f"module verifier\n\ngo 1.20\n\n{replaced}")
    offline = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    go = str(Path(sys.executable).with_name("go"))
    subprocess.run([go, "build", "-o", "verifier", "."], cwd=folder, env=os.environ | offline, check=True)
    return folder / "verifier"


def judge(verifier: Path, cases: Sequence[dict[str, Any]]) -> list[str]:
    done = subprocess.run([verifier], input=json.dumps(cases).encode(), capture_output=True, check=True)
    verdicts: list[str] = json.loads(done.stdout)
    assert len(verdicts) == len(cases)
    return verdicts


def shown(index: int, size: int) -> dict[str, Any]:
    """A record with its proof under the checkpoint of a size."""
    return {
        "key": KEY,
        "checkpoint": STORY.checkpoint(size),
        "index": index,
        "data": _code(STORY.records[index].data),
        "inclusion": [_code(step) for step in inclusion_proof(STORY.leaves[:size], index)],
    }


def grown(old: int, size: int) -> dict[str, Any]:
    """A checkpoint with the proof that an older one is its beginning."""
    return {
        "key": KEY,
        "checkpoint": STORY.checkpoint(size),
        "older": STORY.checkpoint(old),
        "consistency": [_code(step) for step in consistency_proof(STORY.leaves[:size], old)],
    }


def test_every_record_is_shown_under_every_checkpoint(verifier) -> None:
    cases = [shown(index, size) for size in SIZES for index in range(size)]
    assert set(judge(verifier, cases)) == {""}


def test_every_checkpoint_is_shown_to_be_the_beginning_of_every_later_one(verifier) -> None:
    cases = [grown(old, size) for size in SIZES for old in range(1, size + 1)]
    assert set(judge(verifier, cases)) == {""}


def test_a_checkpoint_of_the_next_key_continues_one_of_the_key_before(verifier) -> None:
    story = tell_over_a_rotation()
    old, size = next(item.seq for item in story.records if item.kind is Kind.KEY_ROTATED), len(story.records)
    case = {
        "key": verifier_key(NEXT.verifier, ORIGIN),
        "checkpoint": signed(story, NEXT, size),
        "older": signed(story, CONTROL_PLANE, old),
        "older_key": KEY,
        "consistency": [_code(step) for step in consistency_proof(story.leaves, old)],
    }
    assert judge(verifier, [case]) == [""]
    assert "" not in judge(verifier, [case | {"older_key": case["key"]}, case | {"key": KEY}])


def test_tiles_are_read_as_they_lie(verifier) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(700)]
    files: dict[str, bytes] = {}
    writer = TileWriter()
    for leaf in leaves:
        files.update(writer.append(leaf))
    files.update(writer.partial())
    text = sign_checkpoint(CONTROL_PLANE, ORIGIN, len(leaves), tree_root(leaves))
    told = {path: _code(data) for path, data in files.items()}
    case = {"key": KEY, "checkpoint": text, "tiles": told}
    assert set(judge(verifier, [case | {"index": index} for index in range(0, 700, 13)])) == {""}
    for path, data in files.items():
        index = int(path.split("/")[2].partition(".")[0]) * 256 if path.startswith("tile/0/") else 0
        wrong = {**told, path: _code(_flip(data, 3))}
        assert judge(verifier, [case | {"index": index, "tiles": wrong}]) != [""]


def test_both_refuse_a_checkpoint_with_one_bit_changed(verifier) -> None:
    text = STORY.checkpoint().encode()
    changed = [_flip(text, place).decode("utf-8", "replace") for place in range(len(text))]
    assert not any(_reads(item) for item in changed)
    accepted = {
        item
        for item, verdict in zip(changed, judge(verifier, [_headed(item) for item in changed]), strict=True)
        if not verdict
    }
    # Go reads base64 with stray bits in its last character, which is another spelling of the same signature.
    assert {_signature(item) for item in accepted} <= {_signature(text.decode())}


def test_both_refuse_a_record_with_one_bit_changed(verifier) -> None:
    index, size = 7, len(STORY.records)
    data, good = STORY.records[index].data, shown(index, size)
    changed = [_flip(data, place) for place in range(0, len(data), 5)]
    assert "" not in judge(verifier, [good | {"data": _code(item)} for item in changed])
    proof = inclusion_proof(STORY.leaves, index)
    assert not any(_included(item, proof) for item in changed)


def test_both_refuse_an_inclusion_proof_with_one_bit_changed(verifier) -> None:
    index, size = 7, len(STORY.records)
    proof, good = inclusion_proof(STORY.leaves, index), shown(index, size)
    changed = _flip_each(proof)
    assert "" not in judge(verifier, [good | {"inclusion": [_code(s) for s in item]} for item in changed])
    assert not any(_included(STORY.records[index].data, item) for item in changed)


def test_both_refuse_a_consistency_proof_with_one_bit_changed(verifier) -> None:
    old, size = 5, len(STORY.records)
    changed = _flip_each(consistency_proof(STORY.leaves, old))
    cases = [grown(old, size) | {"consistency": [_code(step) for step in item]} for item in changed]
    assert "" not in judge(verifier, cases)
    assert not any(_consistent(old, item) for item in changed)


def _headed(checkpoint: str) -> dict[str, Any]:
    return {"key": KEY, "checkpoint": checkpoint}


def _signature(checkpoint: str) -> tuple[str, bytes]:
    """The signed text and the bytes behind the signature's base64, read as laxly as can be."""
    text, line = checkpoint.split("\n\n")
    return text, base64.b64decode(line.split(" ")[2])


def _code(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _flip_each(proof: list[bytes]) -> list[list[bytes]]:
    return [
        [*proof[:step], _flip(proof[step], place), *proof[step + 1 :]]
        for step in range(len(proof))
        for place in range(len(proof[step]))
    ]


def _reads(text: str) -> bool:
    try:
        read_checkpoint(text, CONTROL_PLANE.verifier, ORIGIN)
    except TrustError:
        return False
    return True


def _included(data: bytes, proof: list[bytes]) -> bool:
    top = read_checkpoint(STORY.checkpoint(), CONTROL_PLANE.verifier, ORIGIN)
    try:
        verify_inclusion(leaf_hash(data), index=7, size=top.size, proof=proof, root=top.root)
    except TrustError:
        return False
    return True


def _consistent(old: int, proof: list[bytes]) -> bool:
    top = read_checkpoint(STORY.checkpoint(), CONTROL_PLANE.verifier, ORIGIN)
    older = read_checkpoint(STORY.checkpoint(old), CONTROL_PLANE.verifier, ORIGIN)
    try:
        verify_consistency(old_size=old, old_root=older.root, size=top.size, root=top.root, proof=proof)
    except TrustError:
        return False
    return True
