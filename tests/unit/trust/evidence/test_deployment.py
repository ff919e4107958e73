"""The proof of a deployment: both verifiers, ours and the one that stands alone, accept the true one and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.controls import attest_controls
from bridle.trust.evidence import verify_evidence
from bridle.trust.evidence.bundle import EvidenceError, bundle, issue_statement, verify_bundle
from bridle.trust.evidence.change import name_records
from bridle.trust.evidence.deployment import (
    DEPLOYMENT_V1,
    describe_deployment,
    find_deployment,
    name_digests,
    subjects_of,
)
from bridle.trust.evidence.exhibits import handed_in, reported_exhibits
from bridle.trust.journal import Kind, Record
from bridle.trust.keys import Signer
from bridle.trust.log.checkpoint import sign_checkpoint
from support.merkle_reference import tree_root
from unit.trust.story import (
    COMMIT,
    CONTROL_PLANE,
    DELEGATE,
    EXECUTION,
    ORIGIN,
    PUSHED,
    STRANGER,
    Story,
    request,
)
from unit.trust.test_rotation import LAST, NEXT, rotate

TREE = "sha256:" + "12" * 32
SUBJECT = f"commit:{COMMIT}"
READ = request(7, "evidence.read", type="sarif", path="scan.sarif")
VERIFIED = request(8, "workspace.verify", tree=TREE)
LASTS: dict[str, Json] = {"action": {"effect": "consequential"}, "provenance": {"tree": TREE}}
SCAN: dict[str, Json] = {
    "type": "sarif",
    "subject": SUBJECT,
    "file": {"name": "scan.sarif", "sha256": "aa", "bytes": 2},
    "summary": {
        "name": "lint",
        "counts": {"failed_runs": 0, "medium": 1},
        "highest": "medium",
        "signers": [],
    },
}
SUITE: dict[str, Json] = {"exit_code": 0, "tests": 3, "failures": 0, "errors": 0}


def tell(
    scan: Any = SCAN, *, late: bool = False, suite: Json = SUITE, handed: Json = None, reported: Json = None
) -> Story:
    """A tree is verified and scanned, its commit approved and pushed; `late` scans it after that; `reported` is what the delegate
    said that it read, if it is not the scan."""
    story = Story()
    story.register()
    for backend in ("of whoever served before", "bubblewrap"):
        entry = attest_controls(CONTROL_PLANE, EXECUTION, {"sandbox": {"backend": backend}})
        story.write(entry.kind, entry.subject, dict(entry.body))
    story.do(VERIFIED, {"tree": TREE, "suite": suite})
    if not late:
        read(story, scan, reported=reported)
    if handed is not None:
        entry = handed_in(handed, by="user:ana", signer=CONTROL_PLANE)
        story.write(entry.kind, entry.subject, dict(entry.body), execution="")
    story.decide(PUSHED, "ask", **LASTS)
    story.ask(PUSHED)
    story.answer(PUSHED)
    story.decide(PUSHED, approval="apr_1", **LASTS)
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT})
    if late:
        read(story, scan)
    return story


def read(story: Story, scan: Json, *, reported: Json = None) -> None:
    story.do(READ, {"exhibits": [reported or scan]})
    (entry,) = reported_exhibits(
        {"exhibits": [scan]}, execution=EXECUTION, key=READ.key, action=READ.digest, delegate="delegate:local"
    )
    story.write(entry.kind, entry.subject, dict(entry.body))


def prove(
    story: Story,
    requires: tuple[str, ...] = ("sarif", "junit"),
    *,
    signer: Signer = CONTROL_PLANE,
    alter: Callable[[dict[str, Json]], object] = lambda predicate: None,
    more: Mapping[str, Record] | None = None,
    sealed_by: Signer = CONTROL_PLANE,
) -> bytes:
    outcome = find_deployment(story.records, SUBJECT)
    predicate, carried = describe_deployment(story.records, outcome, requires)
    about = subjects_of(carried["deployment.decision"])
    carried |= more or {}
    predicate["records"] = name_records(carried)
    alter(predicate)
    return bundle(
        envelope=issue_statement(
            signer, subjects=name_digests(about), predicate_type=DEPLOYMENT_V1, predicate=predicate
        ),
        records=list(carried.values()),
        leaves=story.leaves,
        checkpoint=sign_checkpoint(sealed_by, ORIGIN, len(story.leaves), tree_root(story.leaves)),
        control_plane=sealed_by.verifier,
        delegate=DELEGATE.verifier,
    )


PROOF = prove(tell())


def alone(data: bytes, **options: object) -> dict[str, Json]:
    pem = CONTROL_PLANE.verifier.to_pem()
    return verify_evidence.verify(data, pem, list(options.pop("requires", ())), **options)


def refused(data: bytes) -> None:
    """Both verifiers refuse it."""
    with pytest.raises(EvidenceError):
        verify_bundle(data, key=CONTROL_PLANE.verifier, origin=ORIGIN)
    with pytest.raises(verify_evidence.Refused):
        alone(data)


def test_the_controls_are_the_newest_from_before_the_decision() -> None:
    story = tell()
    deployed = next(one for one in reversed(story.records) if one.kind is Kind.OUTCOME)
    entry = attest_controls(CONTROL_PLANE, EXECUTION, {"sandbox": {"backend": "too late"}})
    story.write(entry.kind, entry.subject, dict(entry.body))
    _, carried = describe_deployment(story.records, deployed, [])
    assert carried["controls"].body["content"]["sandbox"] == {"backend": "bubblewrap"}


def test_the_true_story_is_proved_to_both() -> None:
    ours = verify_bundle(PROOF, key=CONTROL_PLANE.verifier, origin=ORIGIN).statement
    assert alone(PROOF, requires=["sarif", "junit"], subject=SUBJECT) == ours
    claims = ours["predicate"]
    assert [(item["type"], item["signer"]) for item in claims["evidence"]] == [
        ("sarif", "delegate:local"),
        ("junit", "delegate:local"),
    ]
    assert claims["controls"] == "controls"
    assert claims["approval"]["by"] == "user:ana"
    assert all(item["leaf"] < claims["records"]["deployment.decision"]["seq"] for item in claims["evidence"])


def test_what_a_person_handed_in_is_evidence_too() -> None:
    proof = prove(tell(handed={**SCAN, "type": "slsa"}), ("slsa",))
    assert alone(proof)["predicate"]["evidence"][0]["signer"] == "user:ana"
    verify_bundle(proof, key=CONTROL_PLANE.verifier, origin=ORIGIN)


OTHER = {**SCAN, "subject": "commit:" + "0" * 40}
BAD = {**SCAN, "summary": {**SCAN["summary"], "highest": "high"}}


@pytest.mark.parametrize(
    ("story", "requires", "reason"),
    [
        (lambda: tell(late=True), ["sarif"], "evidence-missing"),
        (lambda: tell(OTHER), ["sarif"], "evidence-missing"),
        (lambda: tell(BAD), ["sarif"], "evidence-not-passed"),
        (lambda: tell(suite={**SUITE, "failures": 1}), ["junit"], "evidence-not-passed"),
        (lambda: tell(suite=None), ["junit"], "evidence-not-passed"),
        (tell, ["spdx"], "evidence-missing"),
    ],
    ids=[
        "after the decision",
        "another digest",
        "a high finding",
        "red tests",
        "no tests",
        "never handed in",
    ],
)
def test_what_was_not_there_or_did_not_pass_is_not_proved(story, requires, reason) -> None:
    with pytest.raises(InputError) as caught:
        prove(story(), tuple(requires))
    assert caught.value.reason == reason


def test_what_was_never_deployed_is_not_proved() -> None:
    with pytest.raises(InputError, match="nothing was deployed"):
        find_deployment(tell().records, "sha256:" + "0" * 64)


def claim(number: int, **changes: Json) -> Callable[[dict[str, Json]], object]:
    return lambda predicate: predicate["evidence"][number].update(changes)


ALTERED: dict[str, Callable[[dict[str, Json]], object]] = {
    "another subject": claim(0, subject="commit:" + "0" * 40),
    "another type": claim(0, type="slsa"),
    "another signer": claim(0, signer="delegate:other"),
    "another leaf": claim(0, leaf=1),
    "another record": claim(0, record="deployment"),
    "fewer than required": lambda predicate: predicate["evidence"].pop(),
    "another policy": lambda predicate: predicate.update(policy="sha256:" + "0" * 64),
    "no approval": lambda predicate: predicate.update(approval=None),
    "somebody else": lambda predicate: predicate["approval"].update(by="user:ben"),
    "another execution": lambda predicate: predicate.update(execution="exe_2"),
    "another deployment": lambda predicate: predicate["deployment"].update(leaf=0),
    "other subjects": lambda predicate: predicate["subjects"].pop(),
    "no such controls": lambda predicate: predicate.update(controls="deployment"),
    "a record not named": lambda predicate: predicate["records"].pop("controls"),
    "another hash": lambda predicate: predicate["records"]["controls"].update(hash="0" * 64),
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_claim_that_the_records_do_not_bear_out_is_refused_by_both(name) -> None:
    refused(prove(tell(), alter=ALTERED[name]))


def claimed(story: Story) -> bytes:
    """A proof that claims the scan of a story, whatever it says and whenever it came: what its maker would not do."""
    scan = next(one for one in story.records if one.kind is Kind.EVIDENCE_ADDED)
    course = [one for one in story.records if one.subject == READ.key]
    more = {"evidence.1": scan, **{f"evidence.1.{number}": one for number, one in enumerate(course)}}
    said = {"type": "sarif", "subject": scan.subject, "signer": "delegate:local", "leaf": scan.seq}
    evidence: dict[str, Json] = {"evidence": [{"record": "evidence.1", **said}]}
    return prove(story, (), more=more, alter=lambda predicate: predicate.update(evidence))


def test_evidence_that_was_there_and_passed_may_be_claimed_by_hand() -> None:
    verify_bundle(claimed(tell()), key=CONTROL_PLANE.verifier, origin=ORIGIN)
    assert alone(claimed(tell()), requires=["sarif"])


@pytest.mark.parametrize(
    ("story", "why"),
    [
        (lambda: tell(late=True), "after the decision"),
        (lambda: tell(OTHER), "another digest"),
        (lambda: tell(BAD), "did not pass"),
        (lambda: tell(reported=OTHER), "no outcome says"),
    ],
    ids=["late", "another digest", "a high finding", "not what was read"],
)
def test_evidence_that_is_none_is_refused_by_both_whoever_claims_it(story, why) -> None:
    proof = claimed(story())
    refused(proof)
    with pytest.raises(verify_evidence.Refused, match=why):
        alone(proof)


def test_a_statement_of_a_stranger_is_refused_by_both() -> None:
    refused(prove(tell(), signer=STRANGER))


@pytest.mark.parametrize("who", ["permit_by", "report_by"])
def test_what_a_stranger_signed_is_refused_by_both(who) -> None:
    story = Story()
    setattr(story, who, STRANGER)
    story.register()
    story.do(VERIFIED, {"tree": TREE, "suite": SUITE})
    story.decide(PUSHED, **LASTS)
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT})
    refused(prove(story, ("junit",)))


def test_records_that_changed_places_are_refused_by_both() -> None:
    content = json.loads(PROOF)
    content["records"][1], content["records"][2] = content["records"][2], content["records"][1]
    refused(json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")


def test_a_flipped_byte_is_refused_by_both() -> None:
    for place in range(0, len(PROOF), len(PROOF) // 60):
        refused(PROOF[:place] + bytes([PROOF[place] ^ 1]) + PROOF[place + 1 :])


def test_what_the_reader_asks_for_has_to_be_in_it() -> None:
    for options in ({"requires": ["spdx"]}, {"subject": "sha256:" + "0" * 64}):
        with pytest.raises(verify_evidence.Refused):
            alone(PROOF, **options)


def test_another_key_is_refused_alone() -> None:
    with pytest.raises(verify_evidence.Refused, match="not made with the key"):
        verify_evidence.verify(PROOF, STRANGER.verifier.to_pem(), [])


def rotated(*, by: Signer = CONTROL_PLANE) -> bytes:
    """The proof, made after the control plane took another key and the delegate did."""
    story = tell()
    rotate(story, by, NEXT, signers={"old": by, "new": NEXT})
    signers = {"old": DELEGATE, "new": LAST, "control_plane": NEXT}
    rotate(story, DELEGATE, LAST, signer="delegate:local", signers=signers)
    return prove(story, signer=NEXT, sealed_by=NEXT)


def test_keys_that_were_rotated_since_are_followed_by_both() -> None:
    proof = rotated()
    assert verify_evidence.verify(proof, NEXT.verifier.to_pem(), ["sarif"])["predicate"]["requires"]
    verify_bundle(proof, key=NEXT.verifier, origin=ORIGIN)


def test_a_rotation_that_the_old_key_did_not_sign_is_refused_by_both() -> None:
    proof = rotated(by=STRANGER)
    with pytest.raises(EvidenceError):
        verify_bundle(proof, key=NEXT.verifier, origin=ORIGIN)
    with pytest.raises(verify_evidence.Refused):
        verify_evidence.verify(proof, NEXT.verifier.to_pem(), [])
