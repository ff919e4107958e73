"""Evidence: it verifies with the right key, every byte counts, and a claim the records do not bear out is refused."""

from __future__ import annotations

import base64
import json

import pytest

from bridle.core.errors import InputError
from bridle.trust.evidence import verify_evidence
from bridle.trust.evidence.bundle import EvidenceError, bundle, issue_statement, pae, signature, verify_bundle
from bridle.trust.evidence.change import ChangeError, collect_records
from unit.trust.story import (
    BRANCH,
    COMMIT,
    CONTROL_PLANE,
    DELEGATE,
    EXECUTION,
    ORIGIN,
    PUSHED,
    REPORT,
    STRANGER,
    TESTS,
    Story,
    carried,
    outcome,
    pack,
    predicate,
    request,
    tell,
    tell_of_two,
)

KEY = CONTROL_PLANE.verifier
STORY = tell()
BUNDLE = pack(STORY)


def refused(data: bytes, check: str, words: str | None = None) -> None:
    """Both verifiers refuse it: ours by this check, the one that stands alone by whichever."""
    with pytest.raises(EvidenceError, match=words) as caught:
        verify_bundle(data, key=KEY, origin=ORIGIN)
    assert caught.value.check == check
    if words != "one spelling":  # of the file; the other reads any
        with pytest.raises(verify_evidence.Refused):
            verify_evidence.verify(data, KEY.to_pem(), [])


def rewritten(**parts: object) -> bytes:
    """The bundle with parts replaced, in its proper spelling."""
    return json.dumps({**json.loads(BUNDLE), **parts}, indent=1, ensure_ascii=False).encode() + b"\n"


def test_a_true_story_verifies() -> None:
    verified = verify_bundle(BUNDLE, key=KEY, origin=ORIGIN)
    assert verified.statement["predicate"]["commit"] == COMMIT
    assert verified.records["push.verdict"].body["by"] == "user:ana"
    assert (verified.permits, verified.reports, len(verified.checks)) == (3, 3, 8)


def test_the_name_of_the_log_may_be_left_open() -> None:
    assert verify_bundle(BUNDLE, key=KEY, origin=None).checkpoint.origin == ORIGIN


def test_the_records_carried_are_all_that_the_outcomes_rest_on() -> None:
    course = ["{}.decision", "{}.intent", "{}"]
    names = [step.format(name) for name in ("after", "commit") for step in course]
    names += ["push.asked", "push.request", "push.verdict", "push.decision", "push.intent", "push"]
    assert list(carried(STORY)) == ["delegate:local", *names]


def flips(places: range) -> None:
    for place in places:
        changed = BUNDLE[:place] + bytes([BUNDLE[place] ^ 1]) + BUNDLE[place + 1 :]
        with pytest.raises(EvidenceError):
            verify_bundle(changed, key=KEY, origin=ORIGIN)


def test_a_flipped_byte_is_refused() -> None:
    flips(range(0, len(BUNDLE), len(BUNDLE) // 150))


@pytest.mark.long
def test_every_flipped_byte_is_refused() -> None:
    flips(range(len(BUNDLE)))


def decoded_flip(data: str, place: int) -> str:
    raw = bytearray(base64.b64decode(data))
    raw[place % len(raw)] ^= 1
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("place", range(0, 4000, 173))
def test_a_flipped_byte_behind_the_base64_is_refused_by_the_check_it_breaks(place) -> None:
    parts = json.loads(BUNDLE)
    envelope, records = parts["envelope"], parts["records"]
    payload = {**envelope, "payload": decoded_flip(envelope["payload"], place)}
    refused(rewritten(envelope=payload), "envelope", "signature is not that")
    record = records[place % len(records)]
    record["data"] = decoded_flip(record["data"], place)
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(rewritten(records=records), key=KEY, origin=ORIGIN)
    assert caught.value.check in {"form", "keys", "inclusion"}


def test_a_flipped_bit_of_a_proof_is_refused() -> None:
    records = json.loads(BUNDLE)["records"]
    for record in records:
        proof = record["inclusion"]
        for step in range(len(proof)):
            record["inclusion"] = [*proof[:step], f"{int(proof[step], 16) ^ 1:064x}", *proof[step + 1 :]]
            refused(rewritten(records=records), "inclusion", "not under this root")
        record["inclusion"] = proof


def test_another_key_is_refused_whatever_the_file_says() -> None:
    with pytest.raises(EvidenceError, match="not made with the key you gave"):
        verify_bundle(BUNDLE, key=STRANGER.verifier, origin=ORIGIN)


def test_a_file_that_brings_the_key_it_is_signed_with_is_refused() -> None:
    story = tell()
    forged = bundle(
        envelope=json.loads(pack(story, signer=STRANGER))["envelope"],
        records=list(carried(story).values()),
        leaves=story.leaves,
        checkpoint=story.checkpoint(),
        control_plane=CONTROL_PLANE.verifier,
        delegate=DELEGATE.verifier,
    )
    refused(forged, "envelope", f"signed by key {STRANGER.verifier.keyid}")


def test_another_log_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"checkpoint: .*expected 'other\.org"):
        verify_bundle(BUNDLE, key=KEY, origin="other.org/journal")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not an object"),
        (b"[" * 100_000, "not JSON"),
        (BUNDLE.replace(b"evidence/1", b"evidence/2"), "has the format"),
        (rewritten(more=1), "unknown field 'more'"),
        (json.dumps({"format": "bridle/evidence/1"}).encode(), "lacks the field"),
        (BUNDLE.replace(b'{\n "format"', b'{\n "format": "x",\n "format"'), "a key stands twice"),
        (json.dumps(json.loads(BUNDLE)).encode(), "one spelling"),
        (rewritten(records=[{"data": "e30=", "inclusion": []}]), "stored record cannot be read"),
        (rewritten(records=[{"data": "e30", "inclusion": []}]), "base64"),
        (rewritten(checkpoint="1.5").replace(b'"1.5"', b"1.50"), "not JSON"),
        (rewritten(checkpoint="\\").replace(b'"\\\\"', b'"\\ud800"'), "not JSON"),
    ],
)
def test_what_has_another_form_is_refused_with_the_reason(data, words) -> None:
    refused(data, "form", words)


def test_a_delegate_key_that_no_record_registers_is_refused() -> None:
    keys = json.loads(BUNDLE)["keys"] | {"delegate": STRANGER.verifier.to_pem().decode()}
    refused(rewritten(keys=keys), "keys", "no record registers")


def test_a_second_signature_is_refused() -> None:
    envelope = json.loads(BUNDLE)["envelope"]
    envelope["signatures"] *= 2
    refused(rewritten(envelope=envelope), "envelope", "exactly one signature")


def test_a_predicate_of_another_type_is_refused() -> None:
    refused(pack(STORY, predicate_type="urn:example:other"), "statement", "not known here")


def test_a_checkpoint_of_a_smaller_journal_is_refused() -> None:
    refused(rewritten(checkpoint=STORY.checkpoint(4)), "inclusion", "too long")


def test_records_out_of_their_order_are_refused() -> None:
    records = json.loads(BUNDLE)["records"]
    refused(rewritten(records=records[::-1]), "inclusion", "in their order")


@pytest.mark.parametrize(
    "name", ["push.decision", "push.intent", "push.verdict", "push.request", "push.asked"]
)
def test_a_link_that_is_left_out_is_missed(name) -> None:
    records = carried(STORY)
    del records[name]
    refused(pack(STORY, records=records), "trail")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"commit": "0" * 40}, "no push of this commit"),
        ({"branch": "main"}, "no push of this commit"),
        ({"policy": "sha256:" + "00" * 32}, "another policy"),
        ({"execution": "exe_2"}, "another execution"),
        ({"approval": None}, "not an object"),
        ({"approval": {"record": "push", "by": "user:ana", "asserted": True}}, "not the verdict"),
        ({"approval": {"record": "push.verdict", "by": "user:eve", "asserted": True}}, "somebody else"),
        ({"approval": {"record": "push.verdict", "by": "user:ana", "asserted": False}}, "somebody else"),
        ({"agent": {"name": "bridle.ci-autofix", "version": "2.0.0", "digest": ""}}, "no action of"),
        ({"reports": {"after": {"record": "after", "errors": 1}}}, "another errors"),
        ({"reports": {"after": {"record": "push.verdict", "errors": 0}}}, "no outcome"),
        ({"reports": {"after": {"record": "elsewhere"}}}, "no outcome"),
        ({"repository": "elsewhere"}, "another repository"),
        ({"records": {}}, "does not name"),
        ({"records": {"push": {"seq": 2, "hash": "0" * 64}}}, "not the one carried"),
        ({"more": 1}, "unknown field"),
    ],
)
def test_a_claim_that_the_records_do_not_bear_out_is_refused(claims, words) -> None:
    refused(pack(STORY, claims=claims), "claims", words)


def test_a_subject_that_was_not_pushed_is_refused() -> None:
    envelope = issue_statement(
        CONTROL_PLANE,
        subjects={"commit": {"gitCommit": "0" * 40}},
        predicate_type="urn:bridle:predicate:change:v1",
        predicate=predicate(carried(STORY)),
    )
    refused(rewritten(envelope=envelope), "claims", "subject is not the commit")


def test_a_push_that_failed_proves_nothing() -> None:
    story = tell()
    story.records.pop()
    story.end(PUSHED, {"error": "refused"}, status="failed")
    refused(pack(story), "claims", "no push of this commit")


def test_a_report_of_a_stranger_is_refused() -> None:
    story = tell()
    story.records.pop()
    story.report_by = STRANGER
    story.end(PUSHED, {"commit": COMMIT})
    refused(pack(story), "trail", "expected " + DELEGATE.verifier.keyid)


def unasked_push() -> Story:
    story = Story()
    story.register()
    story.do(TESTS, REPORT)
    story.do(PUSHED, {"commit": COMMIT})
    return story


def test_a_push_that_needed_no_approval_may_claim_none() -> None:
    story = unasked_push()
    records = collect_records(story.records, {"after": outcome(story, TESTS), "push": outcome(story, PUSHED)})
    data = pack(story, records=records, claims={"approval": None})
    assert "push.verdict" not in verify_bundle(data, key=KEY, origin=ORIGIN).records


def test_an_approval_that_the_push_did_not_use_cannot_be_claimed() -> None:
    story = unasked_push()
    other = request(5, "git.push", commit=COMMIT, branch="elsewhere")
    story.decide(other, "ask")
    story.ask(other)
    story.answer(other)
    records = collect_records(story.records, {"after": outcome(story, TESTS), "push": outcome(story, PUSHED)})
    records |= {
        "push.asked": story.records[-3],
        "push.request": story.records[-2],
        "push.verdict": story.records[-1],
    }
    refused(pack(story, records=records), "claims", "did not rest on the approval")


def test_a_statement_is_about_something() -> None:
    with pytest.raises(InputError):
        issue_statement(CONTROL_PLANE, subjects={}, predicate_type="urn:x", predicate={})


def test_only_an_outcome_can_be_collected() -> None:
    with pytest.raises(ChangeError, match="not the outcome"):
        collect_records(STORY.records, {"push": STORY.records[0].id})


def test_the_bytes_for_other_programs_are_those_that_were_signed() -> None:
    envelope = json.loads(BUNDLE)["envelope"]
    payload = base64.b64decode(envelope["payload"])
    assert pae(envelope) == b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload
    KEY.verify(pae(envelope), signature(envelope))


def test_the_statement_names_execution_and_branch() -> None:
    claims = verify_bundle(BUNDLE, key=KEY, origin=ORIGIN).statement["predicate"]
    assert (claims["execution"], claims["branch"]) == (EXECUTION, BRANCH)


BY_TWO = {"approval": {"record": "push.verdict", "by": "user:ana", "asserted": False}}


def test_the_evidence_of_a_quorum_carries_every_verdict() -> None:
    verified = verify_bundle(pack(tell_of_two(), claims=BY_TWO), key=KEY, origin=ORIGIN)
    people = [verified.records[name].body["person"]["name"] for name in ("push.verdict.1", "push.verdict")]
    assert people == ["ben", "cy"]


def test_evidence_without_the_whole_quorum_is_refused() -> None:
    refused(pack(tell_of_two(("ben",)), claims=BY_TWO), "trail", "does not approve it")
    story = tell_of_two()
    missing = {name: record for name, record in carried(story).items() if name != "push.verdict.1"}
    refused(pack(story, claims=BY_TWO, records=missing), "trail", "does not approve it")
