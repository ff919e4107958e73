"""Keys that were rotated: each record verifies with the key of then, and with no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.trust.audit import AuditResult, verify_journal
from bridle.trust.evidence.bundle import EvidenceError, bundle, issue_statement, verify_bundle
from bridle.trust.evidence.change import CHANGE_V1
from bridle.trust.journal import JournalError, Kind
from bridle.trust.keys import Signer, Verifier
from bridle.trust.log.checkpoint import CheckpointError, sign_checkpoint
from bridle.trust.quorum import CONTROL_PLANE as CONTROL
from bridle.trust.rotation import read_ring, rotation_entry
from support.merkle_reference import tree_root
from unit.trust.story import (
    COMMIT,
    COMMITTED,
    CONTROL_PLANE,
    DELEGATE,
    EXECUTION,
    ORIGIN,
    PUSHED,
    REPORT,
    START,
    STRANGER,
    TESTS,
    Story,
    carried,
    predicate,
)

NEXT = Signer(Ed25519PrivateKey.from_private_bytes(b"n" * 32))
LAST = Signer(Ed25519PrivateKey.from_private_bytes(b"l" * 32))


def rotate(
    story: Story,
    old: Signer,
    new: Signer,
    *,
    signer: str = CONTROL,
    signers: Mapping[str, Signer] | None = None,
    compromised_since: str = "",
) -> None:
    content: dict[str, Json] = {
        "signer": signer,
        "old": old.verifier.raw.hex(),
        "new": new.verifier.raw.hex(),
        "compromised_since": compromised_since,
        "by": "user:ana",
        "comment": "",
    }
    entry = rotation_entry(content, signers=signers or {"old": old, "new": new})
    story.write(entry.kind, entry.subject, dict(entry.body), execution="")


def begin() -> Story:
    story = Story()
    story.write(Kind.EXECUTION_STARTED, EXECUTION, {"pipeline": "autofix"})
    story.register()
    story.do(TESTS, REPORT)
    return story


def end(story: Story) -> Story:
    story.do(COMMITTED, {"commit": COMMIT})
    story.decide(PUSHED, "ask")
    story.ask(PUSHED)
    story.answer(PUSHED)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT, "branch": "fix/isodate"})
    return story


def tell(*, compromised_since: str = "") -> Story:
    """The story over a rotation: the suite runs under the first key, the commit and the push under the next."""
    story = begin()
    rotate(story, CONTROL_PLANE, NEXT, compromised_since=compromised_since)
    story.permit_by = NEXT
    return end(story)


def audit(story: Story, *checkpoints: str, key: Verifier = CONTROL_PLANE.verifier) -> AuditResult:
    return verify_journal(story.records, checkpoints=checkpoints, control_plane=key)


def signed(story: Story, signer: Signer, size: int) -> str:
    return sign_checkpoint(signer, ORIGIN, size, tree_root(story.leaves[:size]))


@pytest.mark.parametrize("key", [CONTROL_PLANE.verifier, NEXT.verifier], ids=["the-old", "the-new"])
def test_a_journal_over_a_rotation_verifies_with(key: Verifier) -> None:
    story = tell()
    rotated = next(record.seq for record in story.records if record.kind is Kind.KEY_ROTATED)
    checkpoints = signed(story, CONTROL_PLANE, rotated), signed(story, NEXT, len(story.records))
    assert audit(story, *checkpoints, key=key).checkpoints == 2


def test_it_verifies_over_several_rotations_with_the_one_in_the_middle() -> None:
    story = begin()
    rotate(story, CONTROL_PLANE, NEXT)
    rotate(story, NEXT, LAST)
    story.permit_by = LAST
    assert audit(end(story), key=NEXT.verifier).permits == 3


def test_a_strangers_key_verifies_nothing() -> None:
    with pytest.raises(JournalError, match="none of the control plane's keys"):
        audit(tell(), key=STRANGER.verifier)


def test_what_the_old_key_signs_after_the_rotation_is_refused() -> None:
    story = begin()
    rotate(story, CONTROL_PLANE, NEXT)
    with pytest.raises(JournalError, match=r"action\.intended"):
        audit(end(story))  # permits by the first key still


def test_what_the_new_key_signs_before_the_rotation_is_refused() -> None:
    story = Story(permit_by=NEXT)
    story.register()
    story.do(TESTS, REPORT)
    rotate(story, CONTROL_PLANE, NEXT)
    with pytest.raises(JournalError, match=r"action\.intended"):
        audit(story)


def test_a_checkpoint_of_the_old_key_from_after_the_rotation_is_refused() -> None:
    story = tell()
    with pytest.raises(CheckpointError, match="not signed by key"):
        audit(story, signed(story, CONTROL_PLANE, len(story.records)))


def test_a_checkpoint_of_the_new_key_from_before_the_rotation_is_refused() -> None:
    story = tell()
    with pytest.raises(CheckpointError, match="not signed by key"):
        audit(story, signed(story, NEXT, 3))


@pytest.mark.parametrize(
    "signers",
    [{"old": STRANGER, "new": STRANGER}, {"new": STRANGER}, {"old": CONTROL_PLANE}],
    ids=["a-strangers-word", "without-the-old", "without-the-new"],
)
def test_a_rotation_that_one_of_the_keys_did_not_sign_is_refused(signers: Mapping[str, Signer]) -> None:
    story = begin()
    rotate(story, CONTROL_PLANE, STRANGER, signers=signers)
    with pytest.raises(JournalError, match=r"key\.rotated"):
        audit(story)


def test_a_rotation_of_a_key_that_was_replaced_already_is_refused() -> None:
    story = begin()
    rotate(story, CONTROL_PLANE, NEXT)
    rotate(story, CONTROL_PLANE, LAST)
    with pytest.raises(JournalError, match="not the control plane's then"):
        audit(story)


def test_what_was_signed_since_the_key_was_compromised_is_told_apart_and_holds() -> None:
    story = tell(compromised_since=iso(START))
    suspect = audit(story).suspect
    permits = [record.id for record in story.records if record.kind is Kind.INTENDED]
    assert suspect == (permits[0],)
    assert audit(tell()).suspect == ()


def delegated(*, signers: Mapping[str, Signer] | None = None, begun: bool = False) -> Story:
    """The story in which the delegate gets another key after the suite; `begun` is when it has begun the commit."""
    story = begin()
    if begun:
        story.decide(COMMITTED)
        story.intend(COMMITTED)
    default = {"old": DELEGATE, "new": NEXT, "control_plane": CONTROL_PLANE}
    rotate(story, DELEGATE, NEXT, signer="delegate:local", signers=signers or default)
    if begun:
        story.end(COMMITTED, {"commit": COMMIT})
    return story


def test_reports_verify_with_the_key_that_the_delegate_had() -> None:
    story = delegated()
    story.report_by = NEXT
    assert audit(end(story)).reports == 3


def test_what_was_begun_before_the_rotation_may_be_reported_with_the_old_key() -> None:
    assert audit(delegated(begun=True)).reports == 2


def test_a_report_of_the_old_key_about_what_was_begun_later_is_refused() -> None:
    with pytest.raises(JournalError, match=r"action\.outcome"):
        audit(end(delegated()))


def test_a_delegate_whose_key_is_lost_needs_the_control_plane() -> None:
    audit(delegated(signers={"new": NEXT, "control_plane": CONTROL_PLANE}))
    with pytest.raises(JournalError, match=r"key\.rotated"):
        audit(delegated(signers={"old": DELEGATE, "new": NEXT}))


def test_a_delegate_gets_no_other_key_by_being_registered_again() -> None:
    story = begin()
    body = {**story.records[1].body, "public_key": STRANGER.verifier.raw.hex()}
    story.write(Kind.PRINCIPAL_REGISTERED, "delegate:local", body, execution="")
    with pytest.raises(JournalError, match="no rotation gave it that"):
        audit(story)


def pack(story: Story) -> bytes:
    records = carried(story)
    return bundle(
        envelope=issue_statement(
            NEXT,
            subjects={f"commit {COMMIT}": {"gitCommit": COMMIT}},
            predicate_type=CHANGE_V1,
            predicate=predicate(records),
        ),
        records=list(records.values()),
        leaves=story.leaves,
        checkpoint=signed(story, NEXT, len(story.records)),
        control_plane=NEXT.verifier,
        delegate=DELEGATE.verifier,
    )


@pytest.mark.parametrize("key", [CONTROL_PLANE.verifier, NEXT.verifier], ids=["the-old", "the-new"])
def test_evidence_over_the_rotation_verifies_with(key: Verifier) -> None:
    assert verify_bundle(pack(tell()), key=key, origin=ORIGIN).permits == 3


def test_evidence_over_the_rotation_does_not_verify_with_a_strangers_key() -> None:
    with pytest.raises(EvidenceError, match="keys"):
        verify_bundle(pack(tell()), key=STRANGER.verifier, origin=ORIGIN)


def test_without_a_rotation_the_ring_is_the_key_that_is_trusted() -> None:
    ring = read_ring(begin().records, trusted=STRANGER.verifier)
    assert [era.verifier for era in ring.eras] == [STRANGER.verifier]
