"""Any flipped bit of the demo's real journal and evidence is found. Here some bytes, with -m long all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridle.core.errors import BridleError
from bridle.trust.audit import read_export, verify_journal
from bridle.trust.evidence.bundle import verify_bundle
from bridle.trust.keys import Verifier
from e2e.conftest import Demo

SAMPLED = (
    40  # bytes of each file in the short form; verifying a whole journal takes a few hundredths of a second
)
LONG_PARTS = 20

Check = Callable[[bytes], object]


@pytest.fixture(scope="module")
def journal(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Check]:
    file = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    assert demo.bridle("audit", "export", str(file)).code == 0
    key = read_key(demo.bridle.room.key)

    def check(data: bytes) -> object:
        export = read_export(data.decode("utf-8", "surrogateescape"))
        return verify_journal(export.records, checkpoints=export.checkpoints, control_plane=key)

    return file.read_bytes(), check


@pytest.fixture(scope="module")
def evidence(demo: Demo) -> tuple[bytes, Check]:
    key = read_key(demo.bridle.room.key)
    return Path(demo.summary["verified"]["file"]).read_bytes(), lambda data: verify_bundle(
        data, key=key, origin=None
    )


def read_key(path: Path) -> Verifier:
    return Verifier.from_pem(path.read_bytes())


def find_missed(data: bytes, check: Check, *, first: int, stride: int) -> list[int]:
    """Return the places at which a flipped bit was not noticed; which bit it is changes from place to place."""
    check(data)
    return [place for place in range(first, len(data), stride) if _is_accepted(data, place, check)]


def _is_accepted(data: bytes, place: int, check: Check) -> bool:
    changed = bytearray(data)
    changed[place] ^= 1 << place % 8
    try:
        check(bytes(changed))
    except BridleError:
        return False
    return True


def test_a_flipped_bit_of_the_journal_is_found(journal: tuple[bytes, Check]) -> None:
    data, check = journal
    assert find_missed(data, check, first=3, stride=len(data) // SAMPLED) == []


def test_a_flipped_bit_of_the_evidence_is_found(evidence: tuple[bytes, Check]) -> None:
    data, check = evidence
    assert find_missed(data, check, first=3, stride=len(data) // SAMPLED) == []


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_a_line_end_is_found(journal: tuple[bytes, Check], bit: int) -> None:
    data, check = journal
    place = data.index(b"\n", len(data) // 2)
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    with pytest.raises(BridleError):
        check(bytes(changed))


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG_PARTS))
def test_any_flipped_bit_of_the_journal_is_found(journal: tuple[bytes, Check], part: int) -> None:
    data, check = journal
    assert find_missed(data, check, first=part, stride=LONG_PARTS) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG_PARTS))
def test_any_flipped_bit_of_the_evidence_is_found(evidence: tuple[bytes, Check], part: int) -> None:
    data, check = evidence
    assert find_missed(data, check, first=part, stride=LONG_PARTS) == []
