"""Signatures that are checked beside the reading: none counts before it was checked, and the first wrong one is named."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import TrustError, UnavailableError
from bridle.trust import audit, signatures
from bridle.trust.journal import JournalError, Kind
from bridle.trust.keys import Signer
from bridle.trust.signatures import Signatures, hold
from unit.trust.story import COMMITTED, CONTROL_PLANE, REPORT, TESTS, Story, tell

KEY = CONTROL_PLANE.verifier
IMPOSTOR = Signer(Ed25519PrivateKey.from_private_bytes(b"i" * 32))
IMPOSTOR.verifier.keyid = KEY.keyid  # what it signs says that it is the control plane's
RECORDS = tell().records


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Signatures]:
    """Begin at the first signature, two at a time, on a thread where else there would be a process."""
    monkeypatch.setattr(signatures, "ProcessPoolExecutor", lambda workers, context: ThreadPoolExecutor(1))
    return partial(Signatures, alone=0, batch=2)


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "ProcessPoolExecutor", None)


def check(checks: Signatures, *, count: int, wrong: tuple[int, ...] = (), fault: str = "") -> None:
    """Have the first records checked, and end by another fault."""
    with checks:
        for number in range(count):
            signer = IMPOSTOR if number in wrong else CONTROL_PLANE
            checks.add(RECORDS[number], KEY, number, signer.sign_json(number))
        if fault:
            raise JournalError(fault)


def test_a_wrong_signature_is_told_for_its_own_record_and_before_a_later_fault(beside) -> None:
    with pytest.raises(JournalError, match=f"not that of key {KEY.keyid}") as told:
        check(beside(), count=6, wrong=(2, 5), fault="a later fault")
    assert RECORDS[2].id in told.value.where


def test_signatures_that_all_hold_let_a_fault_through_as_it_is(beside) -> None:
    with pytest.raises(JournalError, match="a later fault"):
        check(beside(), count=5, fault="a later fault")


@pytest.mark.parametrize("alone", [0, 2])
@pytest.mark.usefixtures("no_process")
def test_few_signatures_start_no_process_and_none_of_them_is_forgotten(alone: int) -> None:
    with pytest.raises(TrustError, match="not that of key"):
        check(Signatures(alone=alone), count=2, wrong=(1,))


def test_an_audit_names_the_forged_permit_whatever_it_has_read_since(beside, monkeypatch) -> None:
    monkeypatch.setattr(audit, "Signatures", beside)
    story = Story()
    story.register()
    story.do(TESTS, REPORT)
    story.permit_by = IMPOSTOR
    story.do(COMMITTED, {})
    forged = next(record for record in reversed(story.records) if record.kind is Kind.INTENDED)
    with pytest.raises(JournalError, match="not that of key") as told:
        audit.verify_journal(story.records, checkpoints=[], control_plane=KEY)
    assert forged.id in told.value.where


def test_a_process_checks_them_and_one_that_dies_has_checked_nothing(monkeypatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    checks = Signatures(alone=0, batch=2)
    for number in range(2):
        checks.add(RECORDS[number], KEY, number, CONTROL_PLANE.sign_json(number))
    checks._await_first()
    (process,) = checks._pool._processes.values()
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(UnavailableError, match="has died"):
        check(checks, count=4)


def test_a_signature_of_another_key_does_not_hold() -> None:
    mine, other = CONTROL_PLANE.sign(b"text"), IMPOSTOR.sign(b"text")
    assert hold([(KEY.raw, b"text", mine)])
    assert not hold([(KEY.raw, b"text", mine), (KEY.raw, b"text", other)])
