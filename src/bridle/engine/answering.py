"""A verdict on one request: whether this person may give it, how its record reads, and what it changes with it.

Rules
  1. What the journal asked for is what is answered: a request whose row says something else is refused before anybody signs.
  2. Whoever gives one is a person, is active and holds `approval:verdict` where the action has its effect, today.
  3. A name that this installation has a key for signs with it; any other name is recorded as asserted, beside the identity that
     the operating system vouches for. Where the account wants it (`BRIDLE_VERDICTS=own-keys`), only the first counts.
  4. The terms of the request say whose word counts (trust.quorum); in whose place one is given, `engine.standing_in` finds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock
from bridle.core.errors import InputError, TrustError
from bridle.engine.execution import Executions, place_of
from bridle.engine.standing_in import StandsIn, find_naming
from bridle.gate.approvals import (
    Approval,
    Approvals,
    ApprovalState,
    GiveVerdict,
    RevokeVerdict,
    count_words,
    describe_verdict,
)
from bridle.gate.approver_inputs import fill_inputs
from bridle.trust.access import require
from bridle.trust.journal import Entry, Guard, Journal, Kind
from bridle.trust.notary import Notary, Speaker, require_person
from bridle.trust.people import Person
from bridle.trust.principals import Place, Principal
from bridle.trust.quorum import (
    ACCOUNT,
    BEHALF,
    CONTROL_PLANE,
    PERSON,
    Terms,
    Word,
    find_complaint,
    shares_person,
)
from bridle.trust.verdicts import name_voter, own_words, sign_verdict

REVOKED = "revoked"
VERDICT = "approval:verdict"


@dataclass(frozen=True)
class Verdict:
    """A person's word. `name` is what they call themselves; the operating system vouches for `by`, a key for the name if it has
    one. `inputs` are what the approval asks its approvers to fill in, as text. `behalf` is in whose place it is given.
    """

    approved: bool
    by: Principal
    name: str = ""
    comment: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    behalf: str = ""


@dataclass(frozen=True)
class Answer:
    """A verdict on one request; `person` is who signs it with a key of their own."""

    approval: Approval
    verdict: Verdict
    person: Person | None

    @property
    def wanted(self) -> ApprovalState:
        return ApprovalState.APPROVED if self.verdict.approved else ApprovalState.DENIED

    @property
    def voter(self) -> str:
        """Whose word it is."""
        own = f"{PERSON}{self.person.name}" if self.person else self.verdict.by.id
        return f"{own}{BEHALF}{PERSON}{self.verdict.behalf}" if self.verdict.behalf else own

    def stands(self, clock: Clock) -> bool:
        """True when this person has said exactly this, so that there is nothing to record."""
        state = self.approval.state_at(clock.now())
        if self.verdict.approved:
            return self.voter in self.approval.given and state in (ApprovalState.OPEN, ApprovalState.APPROVED)
        return state is ApprovalState.DENIED


@dataclass(kw_only=True)
class Answering:
    """Checks answers, and has them signed. Nothing is recorded here: what it returns belongs in one transaction."""

    journal: Journal
    executions: Executions
    approvals: Approvals
    notary: Notary
    clock: Clock

    async def find(self, approval_id: str) -> Approval:
        """Return a request; raise InputError when there is none of that id."""
        approval = await self.approvals.get(approval_id)
        if approval is None:
            raise InputError(f"there is no approval {approval_id!r}", hint="bridle approvals lists open ones")
        return approval

    async def hear(self, approval: Approval, verdict: Verdict) -> Answer:
        """Return the answer of somebody who may give one at all; raise TrustError for anybody else."""
        require_person(verdict.by)
        await require(self.notary.principals, verdict.by.id, VERDICT, await self._place(approval))
        return Answer(approval, verdict, self.notary.find_signer(verdict.name))

    async def give(self, answer: Answer) -> tuple[Entry, Guard]:
        """Return the record of an answer, and its guard; raise InputError or TrustError when it may not be given."""
        approval, verdict, now = answer.approval, answer.verdict, self.clock.now()
        if approval.state_at(now) is not ApprovalState.OPEN:
            raise _not_open(approval, self.clock)
        await self._check_request(approval)
        stands_in = await self._stand_in(answer)
        self._check_person(answer, stands_in)
        inputs = fill_inputs(approval.terms.inputs, verdict.inputs) if verdict.approved else {}
        body = self._spell(answer, answer.wanted, stands_in, inputs)
        guard = GiveVerdict(
            approval.id,
            answer.wanted,
            voter=answer.voter,
            by=verdict.by.id,
            asserted=bool(body["asserted"]),
            comment=verdict.comment,
            now=now,
        )
        return self._entry(approval, body), guard

    async def check_repeated(self, answer: Answer) -> None:
        """Raise InputError when a verdict that stands was given otherwise than this one: with other inputs, another comment, or
        under another name. A name that nobody signs for is a name of the account's, whose word counts once."""
        verdict, approval = answer.verdict, answer.approval
        records = await self.journal.read(execution=approval.execution, subject=approval.id)
        words = [one.body for one in records if one.kind is Kind.APPROVAL_VERDICT]
        mine = [one for one in words if name_voter(one) == answer.voter and one["verdict"] == answer.wanted]
        if not mine:
            if verdict.inputs or verdict.comment or verdict.name:
                raise _recorded_otherwise(answer, "somebody else's word stands")
            return
        if verdict.name not in ("", mine[-1]["name"]):
            raise _recorded_otherwise(answer, f"{answer.voter} gave it as {mine[-1]['name']!r}")
        inputs = (
            fill_inputs(approval.terms.inputs, verdict.inputs)
            if verdict.approved and verdict.inputs
            else mine[-1].get("inputs")
        )
        if inputs != mine[-1].get("inputs"):
            known = ", ".join(f"{name}={value}" for name, value in as_mapping(mine[-1]["inputs"]).items())
            raise _recorded_otherwise(answer, f"it was given with {known}")
        if verdict.comment and verdict.comment != mine[-1]["comment"]:
            raise _recorded_otherwise(answer, "it was given with another comment")

    async def take_back(self, approval: Approval, verdict: Verdict) -> tuple[Entry, Guard]:
        """Return the record of taking an approval back before it was used, and its guard; raise InputError or TrustError."""
        person = self.notary.people.find(verdict.name) if verdict.name else None
        answer, now = Answer(approval, verdict, person), self.clock.now()
        if approval.state_at(now) not in (ApprovalState.OPEN, ApprovalState.APPROVED):
            raise _not_open(approval, self.clock)
        if answer.voter not in approval.given:
            raise InputError(
                f"{answer.voter} has not approved {approval.id}",
                hint="only who has approved can take it back: --as NAME",
                reason="nothing-to-revoke",
            )
        await self._check_request(approval)
        body = self._spell(answer, REVOKED, await self._stand_in(answer))
        return self._entry(approval, body), RevokeVerdict(approval.id, answer.voter, now)

    def refuse(self, approval: Approval, comment: str) -> tuple[Entry, Guard]:
        """Return the record of the control plane's own no, and its guard."""
        state, now = ApprovalState.DENIED, self.clock.now()
        body = describe_verdict(approval, state, by=CONTROL_PLANE, comment=comment)
        guard = GiveVerdict(approval.id, state, CONTROL_PLANE, CONTROL_PLANE, False, comment, now)
        return self._entry(approval, body), guard

    async def _place(self, approval: Approval) -> Place:
        """Return where what is asked about has its effect, as the decision to ask has it recorded."""
        execution = await self.executions.get(approval.execution)
        decided = await self.journal.last(approval.execution, approval.key, (Kind.DECIDED,))
        facts = decided.body["facts"] if decided else None
        deployment = facts.get("deployment") if isinstance(facts, Mapping) else None
        project = place_of(execution).project if execution else ""
        return Place.of(project, deployment if isinstance(deployment, Mapping) else None)

    async def _check_request(self, approval: Approval) -> None:
        """Nobody signs for a request that the journal did not make, or with verdicts on it that nobody gave."""
        while True:  # until nobody else's word came in between the row and the journal
            records = await self.journal.read(execution=approval.execution, subject=approval.id)
            again = await self.find(approval.id)
            if (again.given, again.state) == (approval.given, approval.state):
                break
            approval = again
        tally = count_words(approval, records, keys=self.notary.keys)
        if tally.voters != approval.given:
            raise TrustError(
                "the store says that other people approved than have signed",
                where=approval.id,
                hint="bridle audit verify",
                reason="bad-signature",
            )

    async def _stand_in(self, answer: Answer) -> StandsIn | None:
        if not answer.verdict.behalf:
            return None
        return await find_naming(
            answer.approval,
            deputy=answer.person,
            principal=answer.verdict.behalf,
            journal=self.journal,
            people=self.notary.people,
            keys=self.notary.keys,
            now=self.clock.now(),
        )

    def _check_person(self, answer: Answer, stands_in: StandsIn | None) -> None:
        approval, by, now = answer.approval, answer.verdict.by.id, self.clock.now()
        behalf = stands_in.behalf if stands_in else None
        word = Word(str(answer.wanted), by, asserted=True, at=now, person=answer.person, behalf=behalf)
        complaint = find_complaint(
            word, approval.terms, expires_at=approval.expires_at, escalates_at=approval.escalates_at
        )
        if not complaint and answer.verdict.approved:
            before = [other for other in approval.given if shares_person(word.voter, other)]
            complaint = f"{before[0]} has approved it already" if before else ""
        complaint = complaint or self._unknown_starter(approval.terms)
        if complaint:
            raise TrustError(
                f"{answer.voter} may not answer {approval.id}: {complaint}",
                hint=f"it takes {describe_terms(approval.terms)}",
                reason="may-not-approve",
            )

    def _unknown_starter(self, terms: Terms) -> str:
        """Who started it is known by account alone: unless a person has that account, nobody can tell them from others."""
        accounts = {f"{ACCOUNT}{person.account}" for person in self.notary.people.all()}
        if not terms.excluded or terms.excluded in accounts:
            return ""
        account = terms.excluded.removeprefix(ACCOUNT)
        return (
            f"nobody knows which person started it as {account}: bridle people add NAME --account {account}"
        )

    def _spell(
        self,
        answer: Answer,
        wanted: str,
        stands_in: StandsIn | None,
        inputs: Mapping[str, Json] | None = None,
    ) -> dict[str, Json]:
        """Return the body of the record, with the person's own signature when they have a key."""
        verdict, person = answer.verdict, answer.person
        speaker = Speaker(verdict.by, verdict.name, person)
        body = describe_verdict(
            answer.approval,
            wanted,
            by=verdict.by.id,
            name=speaker.name,
            asserted=speaker.asserted,
            comment=verdict.comment,
        )
        body["inputs"] = dict(inputs or {})
        if stands_in is not None:
            body["behalf"] = stands_in.to_json()
        if person is not None:
            body["person"] = self.notary.sign_alone(person, own_words(body, person))
        return body

    def _entry(self, approval: Approval, body: Mapping[str, Json]) -> Entry:
        signed = sign_verdict(self.notary.signer, body)
        return Entry(Kind.APPROVAL_VERDICT, approval.execution, approval.id, signed)


def describe_terms(terms: Terms) -> str:
    """Return in a few words whose approval a request takes."""
    count = "one person" if terms.minimum == 1 else f"{terms.minimum} people"
    named = [*(f"the user {name}" for name in terms.users), *(f"the group {name}" for name in terms.groups)]
    parts = [count, f"of {' or '.join(named)}" if named else ""]
    parts.append(f"holding {' and '.join(terms.attributes)}" if terms.attributes else "")
    parts.append("other than who started it" if terms.excluded else "")
    parts.append("with keys of their own" if terms.wants_keys else "")
    if terms.escalation is not None:
        further = [
            *(f"the user {name}" for name in terms.escalation.users),
            *(f"the group {name}" for name in terms.escalation.groups),
        ]
        parts.append(f"and, once it has waited {terms.escalation.after_s} s, of {' or '.join(further)}")
    return " ".join(part for part in parts if part)


def _recorded_otherwise(answer: Answer, what: str) -> InputError:
    hint = f"take it back, as long as it was not used, and give it anew: bridle revoke {answer.approval.id}"
    return InputError(
        f"approval {answer.approval.id} is {answer.wanted} already: {what}, and this one is not recorded",
        hint=hint if answer.verdict.approved else "nothing can be changed about it",
        reason="not-open",
    )


def _not_open(approval: Approval, clock: Clock) -> InputError:
    if approval.state is ApprovalState.VOID:
        return InputError(
            f"approval {approval.id} is void: {approval.comment or 'its case has changed'} since it was asked",
            where=str(approval.rests_on.get("case", "")),
            hint="its action asks anew, by another id, when it is tried again: bridle approvals",
            reason="void",
        )
    return InputError(
        f"approval {approval.id} is {approval.state_at(clock.now())}",
        hint="nothing can be changed about it",
        reason="not-open",
    )
