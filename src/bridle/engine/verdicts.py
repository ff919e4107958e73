"""Takes people's verdicts: checks who may give one, has it signed, records it, and tells who waits.

Rules
  1. What the journal asked for is what is answered: a request whose row says something else is refused before anybody signs.
  2. A name that this installation has a key for signs with it; any other name is recorded as asserted, beside the identity that
     the operating system vouches for.
  3. Giving the verdict that one has given already changes nothing, and tells who waits once more.
  4. Whoever gives one is active and holds `approval:verdict` where the action has its effect, today.
  5. Where the account wants it (`BRIDLE_VERDICTS=own-keys`), a word that nobody signs with a key of their own is refused.
  6. A plan of calls has one verdict: each of its requests gets the same word, bound to that call, in one transaction.
  7. When an approval with `auto-reject` is complete, older executions of its pipeline that wait at the same step are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import InputError, TrustError
from bridle.engine.durable import Durable
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
from bridle.trust.bindings import BEGIN_RUN
from bridle.trust.call_plans import read_call_plan
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind, Record
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
from bridle.trust.verdicts import own_words, sign_verdict

REVOKED = "revoked"
VERDICT = "approval:verdict"
PLAN = "pln_"


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


class Verdicts:
    """The desk at which verdicts are given and taken back."""

    def __init__(
        self,
        *,
        journal: Journal,
        executions: Executions,
        approvals: Approvals,
        durable: Durable,
        notary: Notary,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._executions = executions
        self._approvals = approvals
        self._durable = durable
        self._notary = notary
        self._clock = clock

    async def give(self, approval_id: str, verdict: Verdict) -> Approval:
        """Record a verdict and wake who waits when it was the last one needed; return the request as it then is.

        Of a plan of calls, that is the first of its requests.
        """
        if approval_id.startswith(PLAN):
            return await self._give_plan(approval_id, verdict)
        approval = await self._find(approval_id)
        require_person(verdict.by)
        await require(self._notary.principals, verdict.by.id, VERDICT, await self._place(approval))
        person = self._notary.find_signer(verdict.name)
        wanted = ApprovalState.APPROVED if verdict.approved else ApprovalState.DENIED
        if not self._stands(approval, _voter(verdict, person), wanted):
            await self._append([await self._prepare(approval, verdict, person, wanted)])
            approval = await self._find(approval.id)
        if approval.state_at(self._clock.now()) in (ApprovalState.APPROVED, ApprovalState.DENIED):
            if await self._executions.get(approval.execution) is not None:  # a session waits for nothing
                await self._durable.wake(approval.execution, _waits_at(approval))
            await self._refuse_older(approval)
        return approval

    async def _give_plan(self, plan_id: str, verdict: Verdict) -> Approval:
        record, approvals = await find_plan(self._journal, self._approvals, plan_id)
        plan = read_call_plan(plan_id, record.body)
        require_person(verdict.by)
        person = self._notary.find_signer(verdict.name)
        wanted = ApprovalState.APPROVED if verdict.approved else ApprovalState.DENIED
        words: list[tuple[Entry, Guard]] = []
        for approval in approvals:
            if approval.rests_on.get("plan") != plan.digest:
                raise TrustError("the request is of another plan", where=approval.id, reason="bad-signature")
            await require(self._notary.principals, verdict.by.id, VERDICT, await self._place(approval))
            if not self._stands(approval, _voter(verdict, person), wanted):
                words.append(await self._prepare(approval, verdict, person, wanted))
        if words:
            await self._append(words)
        return await self._find(approvals[0].id)

    async def revoke(self, approval_id: str, verdict: Verdict) -> Approval:
        """Take a person's approval back before it was used; return the request, which waits again."""
        approval = await self._find(approval_id)
        person = self._notary.people.find(verdict.name) if verdict.name else None
        voter = _voter(verdict, person)
        if approval.state_at(self._clock.now()) not in (ApprovalState.OPEN, ApprovalState.APPROVED):
            raise _not_open(approval, self._clock)
        if voter not in approval.given:
            raise InputError(
                f"{voter} has not approved {approval.id}",
                hint="only who has approved can take it back: --as NAME",
                reason="nothing-to-revoke",
            )
        await self._check_request(approval)
        stands_in = await self._stand_in(approval, verdict, person)
        body = self._spell(approval, verdict, person, REVOKED, {}, stands_in)
        guard = RevokeVerdict(approval.id, voter, self._clock.now())
        await self._append([(self._entry(approval, body), guard)])
        return await self._find(approval_id)

    async def _find(self, approval_id: str) -> Approval:
        approval = await self._approvals.get(approval_id)
        if approval is None:
            raise InputError(f"there is no approval {approval_id!r}", hint="bridle approvals lists open ones")
        return approval

    async def _place(self, approval: Approval) -> Place:
        """Return where what is asked about has its effect, as the decision to ask has it recorded."""
        execution = await self._executions.get(approval.execution)
        decided = await self._journal.last(approval.execution, approval.key, (Kind.DECIDED,))
        facts = decided.body["facts"] if decided else None
        deployment = facts.get("deployment") if isinstance(facts, Mapping) else None
        project = place_of(execution).project if execution else ""
        return Place.of(project, deployment if isinstance(deployment, Mapping) else None)

    def _stands(self, approval: Approval, voter: str, wanted: ApprovalState) -> bool:
        """True when this person has said exactly this, so that there is nothing to record."""
        state = approval.state_at(self._clock.now())
        if wanted is ApprovalState.APPROVED:
            return voter in approval.given and state in (ApprovalState.OPEN, ApprovalState.APPROVED)
        return state is ApprovalState.DENIED

    async def _prepare(
        self, approval: Approval, verdict: Verdict, person: Person | None, wanted: ApprovalState
    ) -> tuple[Entry, Guard]:
        """Return the record of a verdict that may be given, and its guard."""
        now = self._clock.now()
        if approval.state_at(now) is not ApprovalState.OPEN:
            raise _not_open(approval, self._clock)
        await self._check_request(approval)
        stands_in = await self._stand_in(approval, verdict, person)
        self._check_person(approval, verdict, person, wanted, stands_in)
        approved = wanted is ApprovalState.APPROVED
        inputs = fill_inputs(approval.terms.inputs, verdict.inputs) if approved else {}
        body = self._spell(approval, verdict, person, wanted, inputs, stands_in)
        guard = GiveVerdict(
            approval.id,
            wanted,
            voter=_voter(verdict, person),
            by=verdict.by.id,
            asserted=bool(body["asserted"]),
            comment=verdict.comment,
            now=now,
        )
        return self._entry(approval, body), guard

    async def _check_request(self, approval: Approval) -> None:
        """Nobody signs for a request that the journal did not make, or with verdicts on it that nobody gave."""
        while True:  # until nobody else's word came in between the row and the journal
            records = await self._journal.read(execution=approval.execution, subject=approval.id)
            again = await self._find(approval.id)
            if (again.given, again.state) == (approval.given, approval.state):
                break
            approval = again
        tally = count_words(approval, records, keys=self._notary.keys)
        if tally.voters != approval.given:
            raise TrustError(
                "the store says that other people approved than have signed",
                where=approval.id,
                hint="bridle audit verify",
                reason="bad-signature",
            )

    async def _stand_in(self, approval: Approval, verdict: Verdict, person: Person | None) -> StandsIn | None:
        if not verdict.behalf:
            return None
        return await find_naming(
            approval,
            deputy=person,
            principal=verdict.behalf,
            journal=self._journal,
            people=self._notary.people,
            keys=self._notary.keys,
            now=self._clock.now(),
        )

    def _check_person(
        self,
        approval: Approval,
        verdict: Verdict,
        person: Person | None,
        wanted: ApprovalState,
        stands_in: StandsIn | None,
    ) -> None:
        behalf = stands_in.behalf if stands_in else None
        now = self._clock.now()
        word = Word(str(wanted), verdict.by.id, asserted=True, at=now, person=person, behalf=behalf)
        complaint = find_complaint(
            word,
            approval.terms,
            expires_at=approval.expires_at,
            escalates_at=approval.escalates_at,
        )
        if not complaint and wanted is ApprovalState.APPROVED:
            before = [other for other in approval.given if shares_person(word.voter, other)]
            complaint = f"{before[0]} has approved it already" if before else ""
        if not complaint:
            complaint = self._unknown_starter(approval.terms)
        if complaint:
            raise TrustError(
                f"{_voter(verdict, person)} may not answer {approval.id}: {complaint}",
                hint=f"it takes {describe_terms(approval.terms)}",
                reason="may-not-approve",
            )

    def _unknown_starter(self, terms: Terms) -> str:
        """Who started it is known by account alone: unless a person has that account, nobody can tell them from others."""
        accounts = {f"{ACCOUNT}{person.account}" for person in self._notary.people.all()}
        if not terms.excluded or terms.excluded in accounts:
            return ""
        account = terms.excluded.removeprefix(ACCOUNT)
        return (
            f"nobody knows which person started it as {account}: bridle people add NAME --account {account}"
        )

    def _spell(
        self,
        approval: Approval,
        verdict: Verdict,
        person: Person | None,
        wanted: str,
        inputs: Mapping[str, Json],
        stands_in: StandsIn | None,
    ) -> dict[str, Json]:
        """Return the body of the record, with the person's own signature when they have a key."""
        speaker = Speaker(verdict.by, verdict.name, person)
        body = describe_verdict(
            approval,
            wanted,
            by=verdict.by.id,
            name=speaker.name,
            asserted=speaker.asserted,
            comment=verdict.comment,
        )
        body["inputs"] = dict(inputs)
        if stands_in is not None:
            body["behalf"] = stands_in.to_json()
        if person is not None:
            body["person"] = self._notary.sign_alone(person, own_words(body, person))
        return body

    def _entry(self, approval: Approval, body: Mapping[str, Json]) -> Entry:
        signed = sign_verdict(self._notary.signer, body)
        return Entry(Kind.APPROVAL_VERDICT, approval.execution, approval.id, signed)

    async def _append(self, words: Sequence[tuple[Entry, Guard]]) -> None:
        try:
            await self._journal.append([entry for entry, _ in words], [guard for _, guard in words])
        except GuardError as error:
            where = words[0][0].subject
            raise InputError(
                "somebody else was first", where=where, hint="bridle approvals", reason="not-open"
            ) from error

    async def _refuse_older(self, approval: Approval) -> None:
        if not approval.terms.auto_reject or approval.state is not ApprovalState.APPROVED:
            return
        mine = await self._executions.get(approval.execution)
        assert mine is not None  # a request is recorded for an execution that is there
        for other in await self._approvals.find(states=(ApprovalState.OPEN,)):
            if other.topic != approval.topic or not other.terms.auto_reject:
                continue
            theirs = await self._executions.get(other.execution)
            if theirs and theirs.pipeline == mine.pipeline and theirs.started_at < mine.started_at:
                await self._refuse(other, f"a newer execution was approved: {mine.id}")

    async def _refuse(self, approval: Approval, comment: str) -> None:
        state = ApprovalState.DENIED
        body = describe_verdict(approval, state, by=CONTROL_PLANE, comment=comment)
        now = self._clock.now()
        guard = GiveVerdict(approval.id, state, CONTROL_PLANE, CONTROL_PLANE, False, comment, now)
        try:
            await self._append([(self._entry(approval, body), guard)])
        except InputError:
            return  # somebody answered it meanwhile, and that stands
        await self._durable.wake(approval.execution, approval.topic)


async def find_plan(journal: Journal, approvals: Approvals, plan_id: str) -> tuple[Record, list[Approval]]:
    """Return the record of a plan of calls that people are asked about, with its requests; raise InputError."""
    states = (ApprovalState.OPEN, ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.USED)
    known = [item for item in await approvals.find(states=states) if named_plan(item) == plan_id]
    records = (
        await journal.read(execution=known[0].execution, subject=plan_id, kinds=(Kind.PLAN_PROPOSED,))
        if known
        else []
    )
    if not records:
        raise InputError(f"no plan {plan_id!r} waits", hint="bridle approvals lists what does")
    found = [await approvals.get(one) for one in read_call_plan(plan_id, records[0].body).approvals]
    return records[0], [one for one in found if one is not None]


def named_plan(approval: Approval) -> str:
    """Return the plan of calls that a request is of, or an empty text."""
    plan = approval.shown.get("plan")
    return str(plan["id"]) if isinstance(plan, Mapping) else ""


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


def _waits_at(approval: Approval) -> str:
    """Return the path that waits for a request; nothing for what all of an execution waits for: its beginning."""
    return "" if approval.tool == BEGIN_RUN else approval.topic


def _voter(verdict: Verdict, person: Person | None) -> str:
    own = f"{PERSON}{person.name}" if person else verdict.by.id
    return f"{own}{BEHALF}{PERSON}{verdict.behalf}" if verdict.behalf else own


def _not_open(approval: Approval, clock: Clock) -> InputError:
    return InputError(
        f"approval {approval.id} is {approval.state_at(clock.now())}",
        hint="nothing can be changed about it",
        reason="not-open",
    )
