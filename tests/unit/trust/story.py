"""A short true story for the tests: an agent commits, a person approves, the commit is pushed, evidence is issued.

The records have the bodies that the gate writes; keys and times are fixed, so that a failure can be looked at twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.canonical import Json, digest
from bridle.core.clock import iso
from bridle.dispatch.protocol import Request, sign_permit, sign_report
from bridle.trust.evidence.bundle import bundle, issue_statement
from bridle.trust.evidence.change import CHANGE_V1, collect_records, name_records
from bridle.trust.journal import GENESIS, Entry, Kind, Record, seal, unseal
from bridle.trust.keys import Signature, Signer
from bridle.trust.log.checkpoint import sign_checkpoint
from bridle.trust.log.merkle import leaf_hash
from bridle.trust.people import Person
from bridle.trust.quorum import Terms
from bridle.trust.verdicts import own_words, sign_verdict
from support.merkle_reference import tree_root

CONTROL_PLANE = Signer(Ed25519PrivateKey.from_private_bytes(b"c" * 32))
DELEGATE = Signer(Ed25519PrivateKey.from_private_bytes(b"d" * 32))
STRANGER = Signer(Ed25519PrivateKey.from_private_bytes(b"s" * 32))
ORIGIN = "example.org/journal"
EXECUTION = "exe_1"
REPOSITORY = "/srv/origin.git"
POLICY = "sha256:" + "ab" * 32
COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
BRANCH = "fix/isodate"
START = datetime(2026, 1, 1, tzinfo=UTC)
AGENT: dict[str, Json] = {"name": "bridle.ci-autofix", "version": "1.0.0", "digest": "sha256:" + "cd" * 32}
ACTIVE: dict[str, Json] = {"kind": "agent", "state": "active", "owner": "user:ana", **AGENT}
ANA: dict[str, Json] = {
    "id": "user:ana",
    "asserted": False,
    "roles": [{"role": "developer", "through": "group delivery", "where": "project shop"}],
}


@dataclass
class Story:
    """Writes records one after the other. `permit_by` and `report_by` sign; a test puts a stranger there."""

    records: list[Record] = field(default_factory=list)
    permit_by: Signer = CONTROL_PLANE
    report_by: Signer = DELEGATE

    def write(self, kind: Kind, subject: str, body: dict[str, Json], *, execution: str = EXECUTION) -> Record:
        seq = len(self.records)
        record = seal(
            seq=seq,
            record_id=f"rec_{seq}",
            at=iso(START + timedelta(seconds=seq)),
            entry=Entry(kind, execution, subject, body),
            raw={},
            previous=self.records[-1].hash if self.records else GENESIS,
        )
        self.records.append(unseal(record.data, record.hash))
        return self.records[-1]

    def register(self) -> Record:
        body: dict[str, Json] = {
            "id": "delegate:local",
            "kind": "delegate",
            "name": "local",
            "owner": "user:ana",
        }
        body["public_key"] = DELEGATE.verifier.raw.hex()
        return self.write(Kind.PRINCIPAL_REGISTERED, "delegate:local", body, execution="")

    def decide(
        self,
        request: Request,
        effect: str = "allow",
        *,
        approval: str = "",
        policy: str = POLICY,
        **more: Json,
    ) -> Record:
        """`more` are further facts."""
        facts: dict[str, Json] = {
            "principal": {"id": request.principal, **ACTIVE},
            "initiator": ANA,
            "approval": None,
            **more,
        }
        if approval:
            facts["approval"] = {"id": approval, "by": "user:ana", "asserted": True}
        body: dict[str, Json] = {
            "action": request.digest,
            "request": _json(request),
            "effect": effect,
            "rules": [{"rule": "a.rule", "reason": "It says so."}],
            "facts": facts,
            "policy": policy,
        }
        return self.write(Kind.DECIDED, request.key, body)

    def intend(self, request: Request, *, signed_for: Request | None = None) -> Record:
        terms = {
            "action_digest": (signed_for or request).digest,
            "delegate": "delegate:local",
            "decision": POLICY,
            "token_id": "tok_1",
            "expires_at": START + timedelta(hours=1),
            "expect": {"repository": REPOSITORY},
        }
        permit = sign_permit(self.permit_by, **terms)
        body: dict[str, Json] = {
            "action": request.digest,
            "tool": request.tool,
            "permit": {"content": permit.content, "signature": _signature(permit.signature)},
            "tree": "",
        }
        return self.write(Kind.INTENDED, request.key, body)

    def end(
        self, request: Request, value: Json, *, claimed: Json = None, status: str = "succeeded"
    ) -> Record:
        """`claimed` is what the record says when that is not what the delegate reported."""
        terms = {
            "action_digest": request.digest,
            "delegate": "delegate:local",
            "status": status,
            "value": value,
            "facts": {"duration_ms": 3},
            "private": b"",
        }
        report = sign_report(self.report_by, **terms)
        signed: dict[str, Json] = {
            "content": report.content,
            "signature": _signature(report.signature),
            "delegate": "delegate:local",
        }
        return self.write(Kind.OUTCOME, request.key, _outcome(request, status, claimed or value, signed))

    def conclude(self, request: Request, status: str) -> Record:
        return self.write(Kind.OUTCOME, request.key, _outcome(request, status, "nobody can tell", None))

    def ask(
        self, request: Request, approval: str = "apr_1", *, ttl_s: int = 3600, terms: Terms | None = None
    ) -> Record:
        body: dict[str, Json] = {
            "action": request.digest,
            "tool": request.tool,
            "rests_on": {},
            "message": "May I?",
        }
        body["expires_at"] = iso(START + timedelta(seconds=ttl_s))
        if terms is not None:
            body["terms"] = terms.to_json()
        return self.write(Kind.APPROVAL_REQUESTED, approval, body)

    def answer(self, request: Request, verdict: str = "approved", approval: str = "apr_1") -> Record:
        body: dict[str, Json] = {"approval": approval, "action": request.digest, "verdict": verdict}
        body |= {"rests_on": digest({}), "by": "user:ana", "name": "ana", "asserted": True, "comment": ""}
        return self.write(Kind.APPROVAL_VERDICT, approval, sign_verdict(self.permit_by, body))

    def say(
        self,
        request: Request,
        terms: Terms,
        name: str = "",
        verdict: str = "approved",
        *,
        by: str = "user:ana",
    ) -> Record:
        """A verdict on a request with terms; of a person with a key when one is named."""
        body: dict[str, Json] = {"approval": "apr_1", "action": request.digest, "verdict": verdict}
        body |= {"rests_on": digest({}), "by": by, "name": name, "asserted": False, "comment": ""}
        body |= {"terms": terms.digest, "inputs": {}, "person": None}
        if name:
            signer = Signer(Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)))
            person = Person(name, name, ("release",), (), signer.verifier.raw.hex())
            signed = signer.sign_json(own_words(body, person))
            body["person"] = {**person.to_json(), "signature": _signature(signed)}
        return self.write(Kind.APPROVAL_VERDICT, "apr_1", sign_verdict(self.permit_by, body))

    def do(self, request: Request, value: Json) -> Record:
        self.decide(request)
        self.intend(request)
        return self.end(request, value)

    def checkpoint(self, size: int | None = None) -> str:
        leaves = self.leaves[:size]
        return sign_checkpoint(CONTROL_PLANE, ORIGIN, len(leaves), tree_root(leaves))

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(record.data) for record in self.records]


def request(call: int, tool: str, **arguments: Json) -> Request:
    return Request(f"{EXECUTION}/repair#1.{call}", tool, arguments, "agent:bridle.ci-autofix", "repair")


TESTS = request(0, "command.run", script="python -m unittest")
COMMITTED = request(1, "git.commit", branch=BRANCH, message="Fix it")
PUSHED = request(2, "git.push", branch=BRANCH, commit=COMMIT)
TWO = Terms(minimum=2, groups=("release",))
REPORT: dict[str, Json] = {"tests": 278, "failures": 0, "errors": 0}


def tell() -> Story:
    """The whole story, as it should go."""
    story = Story()
    story.write(Kind.EXECUTION_STARTED, EXECUTION, {"pipeline": "autofix"})
    story.register()
    story.do(TESTS, REPORT)
    story.do(COMMITTED, {"commit": COMMIT})
    story.decide(PUSHED, "ask")
    story.ask(PUSHED)
    story.answer(PUSHED)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT, "branch": BRANCH})
    return story


def tell_of_two(names: tuple[str, ...] = ("ben", "cy"), terms: Terms = TWO) -> Story:
    """The story in which the push takes two people of a group; `names` are those who say yes."""
    story = Story()
    story.write(Kind.EXECUTION_STARTED, EXECUTION, {"pipeline": "autofix"})
    story.register()
    story.do(TESTS, REPORT)
    story.do(COMMITTED, {"commit": COMMIT})
    story.decide(PUSHED, "ask")
    story.ask(PUSHED, terms=terms)
    for name in names:
        story.say(PUSHED, terms, name)
    story.decide(PUSHED, approval="apr_1")
    story.intend(PUSHED)
    story.end(PUSHED, {"commit": COMMIT, "branch": BRANCH})
    return story


def outcome(story: Story, wanted: Request) -> str:
    """The id of an action's outcome."""
    return next(item.id for item in story.records if item.kind is Kind.OUTCOME and item.subject == wanted.key)


def carried(story: Story) -> dict[str, Record]:
    wanted = {"after": TESTS, "commit": COMMITTED, "push": PUSHED}
    return collect_records(story.records, {name: outcome(story, item) for name, item in wanted.items()})


def predicate(records: dict[str, Record]) -> dict[str, Json]:
    return {
        "execution": EXECUTION,
        "commit": COMMIT,
        "branch": BRANCH,
        "repository": REPOSITORY,
        "agent": AGENT,
        "policy": POLICY,
        "approval": {"record": "push.verdict", "by": "user:ana", "asserted": True},
        "reports": {"before": {"errors": 45}, "after": {"record": "after", "tests": 278, "errors": 0}},
        "cost": {"usd": "0.00"},
        "sandbox": {"backend": "bubblewrap"},
        "records": name_records(records),
    }


def pack(
    story: Story,
    *,
    claims: dict[str, Json] | None = None,
    records: dict[str, Record] | None = None,
    signer: Signer = CONTROL_PLANE,
    predicate_type: str = CHANGE_V1,
) -> bytes:
    """A bundle over the story; `claims` replace parts of the predicate."""
    records = carried(story) if records is None else records
    return bundle(
        envelope=issue_statement(
            signer,
            subjects={f"commit {COMMIT}": {"gitCommit": COMMIT}},
            predicate_type=predicate_type,
            predicate={**predicate(records), **(claims or {})},
        ),
        records=list(records.values()),
        leaves=story.leaves,
        checkpoint=story.checkpoint(),
        control_plane=CONTROL_PLANE.verifier,
        delegate=DELEGATE.verifier,
    )


def _outcome(request: Request, status: str, value: Json, report: Json) -> dict[str, Json]:
    body: dict[str, Json] = {"action": request.digest, "tool": request.tool, "principal": request.principal}
    return body | {
        "status": status,
        "value": value,
        "facts": {"duration_ms": 3} if report else {},
        "report": report,
    }


def _json(request: Request) -> dict[str, Json]:
    return {
        "key": request.key,
        "tool": request.tool,
        "arguments": dict(request.arguments),
        "principal": request.principal,
        "purpose": request.purpose,
    }


def _signature(signature: Signature) -> dict[str, Json]:
    return {"keyid": signature.keyid, "sig": signature.sig}
