"""Whose word counts, said twice: the verifier that stands alone comes to what ours comes to, whoever says what in which order."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.canonical import digest
from bridle.core.clock import iso
from bridle.trust import deputies
from bridle.trust.evidence import verify_evidence
from bridle.trust.evidence.bundle import EvidenceError, verify_bundle
from bridle.trust.journal import Kind
from bridle.trust.keys import Era, KeyRing, Signer
from bridle.trust.people import Person
from bridle.trust.quorum import Escalation, Terms
from bridle.trust.trail import Trail
from bridle.trust.verdicts import own_words, sign_verdict
from unit.trust.story import (
    COMMIT,
    COMMITTED,
    CONTROL_PLANE,
    ORIGIN,
    PUSHED,
    REPORT,
    START,
    STRANGER,
    TESTS,
    TWO,
    Story,
    pack,
)
from unit.trust.test_rotation import NEXT, rotate

CASES = 40
TERMS = (
    Terms(),
    TWO,
    Terms(minimum=3, groups=("release",)),
    Terms(users=("ben",), groups=("boss",)),
    Terms(minimum=2, users=("ben",), escalation=Escalation(after_s=9, users=("cy",))),
    Terms(excluded="user:cy", minimum=2),
    Terms(attributes=("grade-2",)),
    Terms(auto_approve=True, groups=("release",)),
    Terms(keys=True),
)
GROUPS = {"ben": ("release",), "cy": ("release", "boss"), "di": ()}


def signer_of(name):
    return Signer(Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)))


def person(name, account=""):
    attributes = ("grade-2",) if name == "cy" else ()
    return Person(name, account or name, GROUPS[name], attributes, signer_of(name).verifier.raw.hex())


def say(
    story, terms, name, verdict="approved", *, by="user:ana", behalf=None, forged=False, signer=CONTROL_PLANE
):
    """Give a word: of a person with a key, unless `name` is empty; in the place of `behalf`."""
    body = {"approval": "apr_1", "action": PUSHED.digest, "verdict": verdict, "rests_on": digest({})}
    body |= {"by": by, "name": name, "asserted": False, "comment": "", "terms": terms.digest, "inputs": {}}
    body |= {"person": None}
    if behalf:
        body["behalf"] = behalf
    if name:
        who = person(name)
        signed = (STRANGER if forged else signer_of(name)).sign_json(own_words(body, who))
        body["person"] = {**who.to_json(), "signature": signed.to_json()}
    story.write(Kind.APPROVAL_VERDICT, "apr_1", sign_verdict(signer, body))


SCOPE = {"purpose": "repair", "tool": "git.*", "agent": "bridle.*"}


def stand_for(deputy, place_of, *, starter="user:ana", days=1, named="", scope=SCOPE):
    """What a deputy's word carries: who they stand for, and the naming that both signed."""
    who = person(place_of)
    body = {"id": "dep_1", "person": who.to_json(), "deputy": named or deputy, "scope": scope}
    body |= {"deputy_key": signer_of(named or deputy).verifier.raw.hex(), "reason": "away"}
    body |= {"begins_at": iso(START - timedelta(days=2)), "ends_at": iso(START + timedelta(days=days))}
    words = deputies.FORM.words(body)
    signatures = {
        "control_plane": CONTROL_PLANE.sign_json(words).to_json(),
        "person": signer_of(place_of).sign_json(words).to_json(),
    }
    return {"person": who.to_json(), "naming": {**body, "signatures": signatures}, "starter": starter}


def dismiss(story, *, deputy="dep_1", signer=CONTROL_PLANE):
    """Take a naming back, as the person who made it."""
    body = {
        "id": deputy,
        "by": "user:ana",
        "name": "ben",
        "asserted": False,
        "person": person("ben").to_json(),
    }
    words = deputies.DISMISSAL.words(body)
    signatures = {
        "control_plane": signer.sign_json(words).to_json(),
        "person": signer_of("ben").sign_json(words).to_json(),
    }
    story.write(Kind.DEPUTY_DISMISSED, "dep_1", {**body, "signatures": signatures}, execution=deputies.STREAM)


def tell(terms, words, *, ttl_s=3600):
    """The story of a push that people were asked about in these terms; each of `words` is what `say` takes."""
    story = Story()
    story.register()
    story.do(TESTS, REPORT)
    story.do(COMMITTED, {"commit": COMMIT})
    story.decide(PUSHED, "ask")
    story.ask(PUSHED, terms=terms, ttl_s=ttl_s)
    if terms.escalation:
        asked = story.records.pop()
        story.write(
            asked.kind, asked.subject, {**asked.body, "escalates_at": iso(START + timedelta(seconds=11))}
        )
    for name, options in words:
        if name == "dismissal":
            dismiss(story, **options)
        else:
            say(story, terms, name, **options)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT, "branch": "fix/isodate"})
    return story


def judge(terms, words, **options):
    """Return what both verifiers say of the evidence; they have to agree."""
    approval = {"record": "push.verdict", "by": "user:ana", "asserted": False}
    last = words[-1][1].get("by", "user:ana")
    data = pack(tell(terms, words, **options), claims={"approval": {**approval, "by": last}})
    try:
        ours = bool(verify_bundle(data, key=CONTROL_PLANE.verifier, origin=ORIGIN))
    except EvidenceError:
        ours = False
    try:
        alone = bool(verify_evidence.verify(data, CONTROL_PLANE.verifier.to_pem(), []))
    except verify_evidence.Refused:
        alone = False
    assert alone == ours, f"{terms}\n{words}"
    return alone


@pytest.mark.parametrize("seed", range(0, CASES, 10))
def test_both_count_the_same_whatever_is_said(seed):
    for number in range(seed, seed + 10):
        dice = random.Random(number)  # noqa: S311 - a test that can be repeated
        terms = dice.choice(TERMS)
        words = [
            (
                dice.choice(["ben", "cy", "di", ""]),
                {"verdict": dice.choice(["approved"] * 6 + ["denied", "revoked"])},
            )
            for _ in range(dice.randint(1, 4))
        ]
        judge(terms, words)


def test_people_are_counted_once_and_only_those_who_were_wanted():
    yes = [(("ben", {}), ("cy", {})), (("ben", {}), ("ben", {"verdict": "revoked"}), ("cy", {}), ("ben", {}))]
    no = [
        (("ben", {}),),
        (("ben", {}), ("ben", {})),
        (("ben", {}), ("di", {})),
        (("ben", {}), ("", {})),
        (("ben", {}), ("cy", {"forged": True})),
        (("ben", {}), ("cy", {"by": "agent:x"})),
        (("ben", {}), ("cy", {"verdict": "denied"})),
        (("ben", {}), ("cy", {}), ("cy", {"verdict": "revoked"})),
    ]
    assert [judge(TWO, list(words)) for words in yes] == [True, True]
    assert [judge(TWO, list(words)) for words in no] == [False] * len(no)


def test_a_word_that_came_too_late_and_a_default_that_came_too_soon_count_for_nothing():
    by_default = ("", {"by": "service:bridle"})
    assert judge(TERMS[7], [by_default], ttl_s=86400 + 5)
    assert not judge(TERMS[7], [by_default], ttl_s=2 * 86400)
    assert not judge(TWO, [by_default], ttl_s=86400 + 5)
    assert not judge(TERMS[0], [("ben", {})], ttl_s=-60)


def test_a_deputy_s_word_is_of_both_and_rests_on_a_naming_of_then():
    two = [("di", {"behalf": stand_for("di", "ben")}), ("cy", {})]
    assert judge(TWO, two)
    wrong = [
        stand_for("cy", "ben"),  # is the second word's person too
        stand_for("di", "ben", named="cy"),
        stand_for("di", "ben", days=-1),
        stand_for("di", "ben", starter="user:ben"),
        stand_for("di", "ben", days=89),
        stand_for("di", "ben", scope={}),
        stand_for("di", "ben", scope={**SCOPE, "purpose": "release"}),
        stand_for("di", "ben", scope={**SCOPE, "environment": "*"}),  # nobody knows where it is deployed
        stand_for("di", "ben", scope={**SCOPE, "organisation": "*"}),
        stand_for("di", "ben", scope={**SCOPE, "colour": "*"}),
    ]
    for behalf in wrong:
        name = "cy" if behalf is wrong[0] else "di"
        assert not judge(TWO, [(name, {"behalf": behalf}), ("cy", {})])


def test_a_deputy_who_was_dismissed_has_no_word_from_then_on():
    two, gone = [("di", {"behalf": stand_for("di", "ben")}), ("cy", {})], ("dismissal", {})
    assert not judge(TWO, [gone, *two])
    assert judge(TWO, [two[0], gone, two[1]])
    for forged in ({"signer": STRANGER}, {"deputy": "dep_2"}):
        assert not judge(TWO, [two[0], ("dismissal", forged), two[1]])


def test_a_deputy_who_was_named_before_a_rotation_of_keys_is_one_after_it():
    story = Story()
    story.register()
    story.decide(PUSHED, "ask")
    story.ask(PUSHED, terms=TWO)
    rotate(story, CONTROL_PLANE, NEXT)
    story.permit_by = NEXT
    say(story, TWO, "di", behalf=stand_for("di", "ben"), signer=NEXT)
    say(story, TWO, "cy", signer=NEXT)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    rotated = next(one.seq for one in story.records if one.kind is Kind.KEY_ROTATED)
    trail = Trail(KeyRing([Era(CONTROL_PLANE.verifier), Era(NEXT.verifier, rotated)]))
    alone = verify_evidence.Signatures(CONTROL_PLANE.verifier.key)
    for record in story.records:
        trail.follow(record)
        alone.follow(json.loads(record.data))
    assert trail.open_intents == [PUSHED.key]
    assert alone.words.used == {"apr_1"}


def test_an_approval_is_used_once():
    words = verify_evidence.Words()
    words.asked["apr_1"] = {"body": {"action": PUSHED.digest}}
    words.standing["apr_1"] = [{"voters": {"person:ben"}}]
    words.use("apr_1", PUSHED.digest)
    with pytest.raises(verify_evidence.Refused, match="used before"):
        words.use("apr_1", PUSHED.digest)
