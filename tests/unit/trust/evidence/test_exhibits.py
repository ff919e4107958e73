"""Evidence in the journal: it is the delegate's word, or a person's that was signed, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridle.core.canonical import digest
from bridle.dispatch.protocol import Request
from bridle.trust.evidence import verify_evidence
from bridle.trust.evidence.exhibits import handed_in, has_passed, reported_exhibits
from bridle.trust.journal import JournalError, Kind
from bridle.trust.keys import KeyRing
from bridle.trust.trail import Trail
from unit.trust.story import COMMIT, CONTROL_PLANE, DELEGATE, EXECUTION, STRANGER, Story

SUBJECT = f"commit:{COMMIT}"
SAID = {"type": "sarif", "subject": SUBJECT, "file": {"sha256": "aa"}, "summary": {"highest": ""}}
BETTER = {**SAID, "summary": {"highest": "none at all"}}
READ = Request(
    key=f"{EXECUTION}/scan/1#0",
    tool="evidence.read",
    arguments={"type": "sarif", "path": "a.sarif"},
    principal="user:ana",
    purpose="build",
)


@pytest.mark.parametrize(
    ("type_", "counts", "highest", "passed"),
    [
        ("junit", {"tests": 2, "failures": 0, "errors": 0, "skipped": 1}, "", True),
        ("junit", {"tests": 2, "failures": 0, "errors": 0, "skipped": 2}, "", False),
        ("junit", {"tests": 2, "failures": 0, "errors": 1, "skipped": 0}, "", False),
        ("junit", {}, "", False),
        ("openvex", {"affected": 0, "under_investigation": 0}, "", True),
        ("openvex", {"affected": 0, "under_investigation": 1}, "", False),
        ("openvex", {"affected": 1, "under_investigation": 0}, "", False),
        ("openvex", {}, "", False),
        ("sarif", {"failed_runs": 0}, "medium", True),
        ("sarif", {"failed_runs": 1}, "", False),
        ("sarif", {}, "", False),
        ("cyclonedx", {}, "high", False),
        ("cyclonedx", {}, "worse than all", False),
        ("slsa", {}, "", True),
    ],
)
def test_both_verifiers_agree_on_what_speaks_for_its_subject(type_, counts, highest, passed) -> None:
    assert has_passed(type_, {"counts": counts, "highest": highest}) is passed
    assert verify_evidence.has_passed(type_, counts, highest) is passed


def tell(story: Story, *, said=SAID, claimed=SAID, **changes) -> None:
    """Have `said` reported by the delegate, and `claimed` recorded as evidence."""
    story.register()
    story.decide(READ)
    story.intend(READ)
    story.end(READ, {"exhibits": [said]})
    (entry,) = reported_exhibits(
        {"exhibits": [claimed]},
        execution=EXECUTION,
        key=READ.key,
        action=READ.digest,
        delegate="delegate:local",
    )
    entry = replace(entry, **changes.pop("entry", {}))
    story.write(entry.kind, entry.subject, {**entry.body, **changes})


def follow(story: Story) -> None:
    trail = Trail(KeyRing.only(CONTROL_PLANE.verifier))
    for record in story.records:
        trail.follow(record)


def test_what_the_delegate_reported_is_evidence() -> None:
    story = Story()
    tell(story)
    follow(story)


@pytest.mark.parametrize(
    "changes",
    [
        {"claimed": BETTER},
        {"signer": "delegate:other"},
        {"action": digest("another")},
        {"key": "another"},
        {"entry": {"subject": "commit:" + "0" * 40}},
        {"claimed": {**SAID, "subject": "commit:" + "0" * 40}},
    ],
    ids=["said better", "signer", "action", "key", "recorded elsewhere", "another subject"],
)
def test_what_no_outcome_says_is_none(changes) -> None:
    story = Story()
    tell(story, **changes)
    with pytest.raises(JournalError):
        follow(story)


def test_what_a_person_handed_in_is_signed() -> None:
    story = Story()
    entry = handed_in(SAID, by="user:ana", signer=CONTROL_PLANE)
    story.write(entry.kind, entry.subject, dict(entry.body))
    follow(story)


@pytest.mark.parametrize("signer", [STRANGER, DELEGATE])
def test_what_somebody_else_signed_is_none(signer) -> None:
    story = Story()
    entry = handed_in(SAID, by="user:ana", signer=signer)
    story.write(entry.kind, entry.subject, dict(entry.body))
    with pytest.raises(JournalError):
        follow(story)


@pytest.mark.parametrize("changes", [{"exhibit": BETTER}, {"signer": "delegate:local"}, {"signature": None}])
def test_what_was_changed_after_it_was_signed_is_none(changes) -> None:
    story = Story()
    entry = handed_in(SAID, by="user:ana", signer=CONTROL_PLANE)
    story.write(Kind.EVIDENCE_ADDED, entry.subject, {**entry.body, **changes})
    with pytest.raises(JournalError):
        follow(story)
