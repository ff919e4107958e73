"""The gate: the one path from an Action to its Outcome.

Rules, in order
  1. What the journal already knows about this key is the answer, if its digest is the same; a digest that differs stops
     the step. A denial is an answer. An intent without an outcome goes to recovery.
  2. A request that is open is still open; one that was refused or has expired denies.
  3. Actions that the tool requires (a verification) are performed first, unless a boundary refuses whatever they would
     find; what they found are facts.
  4. Facts are gathered, the decision is a pure function of them and of the policy's answer, both are recorded.
  5. deny: recorded. ask: recorded with the request, nothing is done. allow: decision, intent and every guard (approval
     used, budget reserved) are one transaction, and only then is the delegate told.
  6. The outcome is recorded when the delegate's report verifies. What raises in between leaves the intent without an
     outcome: the next attempt recovers it.
  7. With the outcome of what lasts, what was done is added to its target's history, in the same transaction (gate.loops).
  8. A delegate that could not begin, because something is missing for now, ends the action; but not one whose target can
     be asked about it or that a person approved. That one stays begun and UnavailableError is raised: the approval is
     used, and stands for the attempt that recovery makes under the same decision.

To go on is an action too (`settle`): what it does is let the execution continue, so its decision uses the approval up and
nobody is told to do anything.

The gate never waits for a person; it does not know the engine, the agent or the surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridle.core.canonical import Json, digest
from bridle.core.clock import Clock
from bridle.core.errors import ExecutionError, InputError, TrustError, UnavailableError
from bridle.core.ids import new_id
from bridle.dispatch.protocol import Delegate, Permit, Report, Request, Task, sign_permit
from bridle.gate import effects, records
from bridle.gate.action import Action, Asked, Denied, Done, Result, Unknown
from bridle.gate.approvals import (
    Approval,
    Approvals,
    ApprovalState,
    CloseApproval,
    GiveVerdict,
    RequestApproval,
    UseApproval,
    count_words,
    describe_verdict,
)
from bridle.gate.budgets import (
    REASONS,
    Budgets,
    Price,
    ReserveBudget,
    SettleBudget,
    Spend,
    estimate,
    spent,
)
from bridle.gate.decision import decide, foresee
from bridle.gate.facts import FactSource, Standing
from bridle.gate.loops import is_counted, is_loop, record_deed
from bridle.gate.manifest import Manifest, Recovery, builtin_manifests
from bridle.gate.records import Judgement
from bridle.gate.recovery import RECOURSE, Recourse
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind, Record
from bridle.trust.keys import Signer, Verifier
from bridle.trust.policy import Finding, PolicyAnswer, PolicyEngine, PolicyError
from bridle.trust.quorum import CONTROL_PLANE, DEFAULT_GRACE, Terms
from bridle.trust.redaction import Redactor
from bridle.trust.verdicts import sign_verdict

PERMIT_TTL = timedelta(hours=1)  # longer than any command's wall time, shorter than a working day
APPROVAL_TTL = timedelta(days=1)
CONTINUE = "pipeline.continue"
EXPIRED = "approval.expired"

REFUSALS = {
    ApprovalState.DENIED: Finding("approval.refused", "A person has refused this action."),
    ApprovalState.EXPIRED: Finding(EXPIRED, "Nobody approved this action in time."),
}


FORGED = Finding(
    "approval.forged",
    "What the store says of the approval is not what people have signed for this request, so it approves nothing.",
)


@dataclass(frozen=True)
class Ask:
    """How people are asked: the words, how long they have, by when at the latest, the step that waits, and whose word it takes.

    Without `terms` those of the last request stand; with them that request has to have had the same.
    """

    message: str = ""
    ttl: timedelta = APPROVAL_TTL
    topic: str = ""
    until: datetime | None = None
    terms: Terms | None = None

    def expires_at(self, now: datetime) -> datetime:
        """Return when the request expires; one with a default stands longer, so that the default can be used."""
        end = min(now + self.ttl, self.until) if self.until else now + self.ttl
        return end + DEFAULT_GRACE if self.terms and self.terms.auto_approve else end


@dataclass(frozen=True)
class Ports:
    """What the gate stands on."""

    journal: Journal
    approvals: Approvals
    budgets: Budgets
    facts: FactSource
    policy: PolicyEngine
    delegate: Delegate
    delegate_key: Verifier
    signer: Signer
    redactor: Redactor
    clock: Clock
    price: Price


class Gate:
    """Performs actions. All its state is in the journal."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports

    async def perform(self, action: Action) -> Result:
        """Answer from the journal, or decide and carry out; raise ExecutionError when the key was used for something else."""
        known = await self._known(action)
        if known is not None:
            return known
        judged = await self._judge(action, Ask(topic=action.step))
        if isinstance(judged, Judgement):
            return await self._carry_out(action, judged)
        return judged

    async def request(self, action: Action, ask: Ask) -> Result:
        """Ask for an approval of `action` ahead of time and do nothing. Done means that it may be performed."""
        judged = await self._judge(action, ask)
        if not isinstance(judged, Judgement):
            return judged
        return Done("", "succeeded", _describe_answer(judged.facts["approval"]))

    async def settle(self, action: Action, ask: Ask) -> Result:
        """Ask people whether to go on, and use their answer up: the same answer whenever the same question is put again."""
        record = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        if record is not None and record.body["effect"] == "allow" and record.body["action"] == action.digest:
            return _settled_by(record)
        known = await self._known(action)
        judged = known or await self._judge(action, ask)
        if not isinstance(judged, Judgement):
            return judged
        now = self._on.clock.now()
        guards = [UseApproval(judged.approval.id, action.digest, now)] if judged.approval else []
        entry = records.decided(action, judged, self._on.redactor)
        return _settled_by((await self._on.journal.append([entry], guards))[0])

    async def snapshot(self, workspace: str) -> str:
        """Return the digest of a workspace as it stands, for an action that is about that state."""
        return await self._on.delegate.snapshot(workspace)

    async def _known(self, action: Action) -> Result | None:
        kinds = (Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)
        record = await self._on.journal.last(action.execution, action.key, kinds)
        if record is None:
            return None
        if record.body["action"] != action.digest:
            raise ExecutionError(
                f"the journal knows {action.key} as another action",
                where=f"journal record {record.seq}",
                hint="the definition, the code or the workspace changed under this execution: start a new one",
                reason="replay-drift",
            )
        if record.kind is Kind.OUTCOME:
            return await self._replay(record)
        if record.kind is Kind.INTENDED:
            return await self._recover(action, record)
        return records.denied_by(record) if record.body["effect"] == "deny" else None

    async def _replay(self, record: Record) -> Result:
        if record.body["status"] == "unknown":
            return Unknown(record.id, str(record.body["value"]))
        private = await self._on.journal.reveal(record, "private") if "private" in record.raw else b""
        return records.done_by(record, private)

    async def _judge(self, action: Action, ask: Ask) -> Result | Judgement:
        """Return a Judgement when the action is allowed; record everything else and return its result."""
        approval = await self._newest(action)
        if approval is not None and ask.terms is None:
            ask = replace(ask, terms=approval.terms)  # asked anew, it takes no fewer people than before
        state = approval.state_at(self._on.clock.now()) if approval else None
        refusal = REFUSALS.get(state) if state else None
        if approval is not None and state in (ApprovalState.OPEN, ApprovalState.APPROVED):
            if ask.terms is None or ask.terms.digest != approval.terms.digest:
                refusal = FORGED
            elif state is ApprovalState.OPEN:
                return Asked("", approval.id)
        if state is not ApprovalState.APPROVED or refusal is not None:
            approval = None
        if approval is not None:
            approval = await self._count(approval)
            refusal = None if approval else FORGED
        judgement = await self._decide(action, approval)
        if refusal is not None and judgement.decision.effect != "deny":
            judgement = _overruled(judgement, refusal)
        if judgement.decision.effect == "allow":
            return judgement
        if judgement.decision.effect == "ask":
            return await self._ask(action, judgement, ask)
        return await self._deny(action, judgement)

    async def _newest(self, action: Action) -> Approval | None:
        """Return the newest request for the action, once the author's default has been recorded if it holds by now."""
        approval = await self._on.approvals.newest_for(action.digest)
        now = self._on.clock.now()
        if (
            approval is None
            or action.request.tool != CONTINUE
            or not approval.terms.auto_approve
            or approval.state_at(now) is not ApprovalState.OPEN
            or now < approval.answered_by
        ):
            return approval
        state = ApprovalState.APPROVED
        comment = approval.terms.comment or "nobody answered in time: the default of its author"
        body = describe_verdict(approval, state, by=CONTROL_PLANE, comment=comment)
        guard = GiveVerdict(
            approval.id, state, CONTROL_PLANE, CONTROL_PLANE, False, comment, now, automatic=True
        )
        signed = sign_verdict(self._on.signer, body)
        entry = Entry(Kind.APPROVAL_VERDICT, approval.execution, approval.id, signed)
        with suppress(GuardError):  # a person was first, and what they said is read below
            await self._on.journal.append([entry], [guard])
        return await self._on.approvals.newest_for(action.digest)

    async def _count(self, approval: Approval) -> Approval | None:
        """Return the approval as the signed verdicts in the journal give it; None when they do not suffice."""
        found = await self._on.journal.read(execution=approval.execution, subject=approval.id)
        try:
            tally = count_words(approval, found, control_plane=self._on.signer.verifier)
        except TrustError:
            return None  # the caller denies, and says why
        if not tally.has_enough(approval.terms):
            return None
        last = tally.words[-1]
        asserted = any(word.asserted for word in tally.words)
        return replace(approval, by=last.by, asserted=asserted, given=tally.voters, inputs=last.inputs)

    async def _decide(self, action: Action, approval: Approval | None) -> Judgement:
        manifest = builtin_manifests().get(action.request.tool)
        tree = await self._on.delegate.snapshot(action.workspace) if _needs_tree(action, manifest) else ""
        about = {"effect": str(manifest.effect) if manifest else "", "tree": tree}
        facts, standing = await self._gather(action, approval, None, **about)
        if manifest and manifest.requires:
            foreseen = foresee(facts, manifest)
            if foreseen is not None:
                return Judgement(foreseen, facts, standing, approval, tree)
            facts, standing = await self._gather(action, approval, await self._verify(action, tree), **about)
        decision = decide(facts, manifest, await self._ask_policy(facts))
        made = facts["provenance"]
        if isinstance(made, Mapping):  # a commit goes back to where its base came from, and nowhere else
            decision = replace(decision, expect={**decision.expect, "repository": made["repository"]})
        return Judgement(decision, facts, standing, approval, tree)

    async def _gather(
        self,
        action: Action,
        approval: Approval | None,
        verification: Mapping[str, Json] | None,
        *,
        effect: str,
        tree: str,
    ) -> tuple[dict[str, Json], Standing]:
        return await self._on.facts.gather(
            action,
            effect=effect,
            policy=self._on.policy.digest,
            approval=approval,
            verification=verification,
            tree=tree,
        )

    async def _verify(self, action: Action, tree: str) -> Mapping[str, Json] | None:
        """Perform the verification this action requires; what it could not find out is absent from the facts."""
        request = Request(
            key=f"{action.key}/verify",
            tool="workspace.verify",
            arguments={"tree": tree},
            principal=CONTROL_PLANE,
            purpose=action.request.purpose,
        )
        result = await self.perform(replace(action, request=request, budget="", payload=None))
        if not isinstance(result, Done) or not isinstance(result.value, Mapping):
            return None
        return {**result.value, "baseline_tests": await self._on.facts.baseline_tests(action.execution)}

    async def _ask_policy(self, facts: dict[str, Json]) -> PolicyAnswer | PolicyError:
        try:
            return await self._on.policy.evaluate(facts)
        except PolicyError as error:
            return error  # an answer of its own: decided upon as a denial, and recorded

    async def _deny(self, action: Action, judgement: Judgement) -> Denied:
        entry = records.decided(action, judgement, self._on.redactor)
        return records.denied_by((await self._on.journal.append([entry]))[0])

    async def _ask(self, action: Action, judgement: Judgement, ask: Ask) -> Asked:
        now = self._on.clock.now()
        rests_on = judgement.facts["rests_on"]
        assert isinstance(rests_on, Mapping)
        approval = Approval(
            id=new_id("apr"),
            execution=action.execution,
            topic=ask.topic or action.step,
            key=action.key,
            action=action.digest,
            tool=action.request.tool,
            message=self._on.redactor.redact(ask.message) or f"{action.request.tool} needs a person's word",
            rests_on=rests_on,
            shown=await self._shown(action, judgement),
            requested_at=now,
            expires_at=ask.expires_at(now),
            terms=ask.terms or Terms(),
        )
        entries = [records.decided(action, judgement, self._on.redactor), records.requested(approval)]
        guards: list[Guard] = [CloseApproval(judgement.approval.id)] if judgement.approval else []
        written = await self._on.journal.append(entries, [*guards, RequestApproval(approval)])
        return Asked(written[1].id, approval.id)

    async def _carry_out(self, action: Action, judgement: Judgement) -> Result:
        guards: list[Guard] = []
        if judgement.approval is not None:
            guards.append(UseApproval(judgement.approval.id, action.digest, self._on.clock.now()))
        if action.budget:
            reserve, refusal = await self._reserve(action)
            if refusal:
                return await self._deny(action, _overruled(judgement, Finding(refusal, REASONS[refusal])))
            guards.append(reserve)
        token = judgement.standing.token
        permit = self._permit(
            action,
            decision=judgement.decision.policy,
            token_id=token.id if token else "",
            expect=judgement.decision.expect,
        )
        entries = [
            records.decided(action, judgement, self._on.redactor),
            records.intended(action, permit, tree=judgement.tree),
        ]
        await self._on.journal.append(entries, guards)
        return await self._effect(action, permit)

    async def _effect(self, action: Action, permit: Permit, *, restore_to: str = "") -> Result:
        task = _task(action, permit, restore_to=restore_to)
        try:
            report = await effects.carry_out(self._on.delegate, task, key=self._on.delegate_key)
        except effects.ReportError as error:
            return await self._conclude(action, status="unknown", value=error.what)
        except (InputError, TrustError, UnavailableError, ExecutionError) as error:
            # The delegate says that it did not begin: that is an outcome, and nobody has to recover it.
            if isinstance(error, UnavailableError) and await self._stays_begun(action):
                raise self._stopped(action, error) from error
            value: Json = {"error": error.what, "reason": error.reason, "next": error.hint}
            return await self._conclude(action, status="failed", value=value)
        return await self._report(action, report)

    async def _stays_begun(self, action: Action) -> bool:
        """True when trying later is safe by the tool's recovery class, and worth it: see rule 8."""
        recovery = builtin_manifests()[action.request.tool].recovery
        if recovery in (Recovery.LOOKUP, Recovery.NONE):
            return recovery is Recovery.LOOKUP
        decided = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        facts = decided.body["facts"] if decided else None
        return isinstance(facts, Mapping) and facts["approval"] is not None

    def _stopped(self, action: Action, error: UnavailableError) -> UnavailableError:
        what = self._on.redactor.redact(f"{action.request.tool} could not begin: {error.what}")
        return UnavailableError(what, where=action.key, hint=error.hint, reason=error.reason)

    async def _recover(self, action: Action, intent: Record) -> Result:
        manifest = builtin_manifests()[action.request.tool]
        recourse = RECOURSE[manifest.recovery]
        tree = str(intent.body["tree"]) if recourse is Recourse.RESTORE_AND_AGAIN else ""
        if recourse is Recourse.GIVE_UP:
            reason = "it was begun, and nobody can tell whether it was done"
            return await self._conclude(action, status="unknown", value=reason)
        permit = await self._permit_again(action, intent, restore_to=tree)
        if recourse is Recourse.ASK_TARGET:
            task = _task(action, permit)
            report = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
            if report is not None:
                return await self._report(action, report)
        return await self._effect(action, permit, restore_to=tree)

    async def _permit_again(self, action: Action, intent: Record, *, restore_to: str) -> Permit:
        """Sign the recorded decision anew for the token of today; what was decided stays as it was."""
        permit = intent.body["permit"]
        assert isinstance(permit, Mapping)
        content = permit["content"]
        assert isinstance(content, Mapping)
        expect = content["expect"]
        assert isinstance(expect, Mapping)
        token = (await self._on.facts.standing(action)).token
        return self._permit(
            action,
            decision=str(content["decision"]),
            token_id=token.id if token else "",
            expect={**expect, "restore_to": restore_to},
        )

    def _permit(self, action: Action, *, decision: str, token_id: str, expect: Mapping[str, Json]) -> Permit:
        """Sign what was decided, with everything that a task carries beside its request: nothing can be swapped."""
        about: dict[str, Json] = {
            "boundary": digest(action.boundary.to_json()),
            "workspace": action.workspace,
            "restore_to": "",
        }
        return sign_permit(
            self._on.signer,
            action_digest=action.digest,
            delegate=self._on.delegate.name,
            decision=decision,
            token_id=token_id,
            expires_at=self._on.clock.now() + PERMIT_TTL,
            expect={**about, **expect},
        )

    async def _reserve(self, action: Action) -> tuple[ReserveBudget, str]:
        """Return the reservation for a model call and the rule that forbids it, if one does."""
        arguments = action.request.arguments
        ceiling = arguments["max_output_tokens"]
        assert isinstance(ceiling, int)
        model = str(arguments["model"])
        spend, priced = estimate(action.payload, model=model, max_output_tokens=ceiling, price=self._on.price)
        budget = await self._on.budgets.get(action.budget)
        refusal = budget.refusal(spend, priced=priced) if budget else "budget.missing"
        return ReserveBudget(action.budget, action.key, spend), refusal

    async def _report(self, action: Action, report: Report) -> Result:
        settle = [SettleBudget(action.budget, action.key, spent(report.facts))] if action.budget else []
        remember = await self._remember(action, status=report.status)
        written = await self._on.journal.append([records.reported(action, report)], [*settle, *remember])
        if report.status == "unknown":
            return Unknown(written[0].id, "the delegate cannot tell whether it was done")
        return records.done_by(written[0], report.private)

    async def _conclude(self, action: Action, *, status: str, value: Json) -> Result:
        settle = [SettleBudget(action.budget, action.key, Spend(turns=1))] if action.budget else []
        entry = records.concluded(action, status=status, value=self._on.redactor.redact_json(value))
        remember = await self._remember(action, status=status)
        written = await self._on.journal.append([entry], [*settle, *remember])
        return await self._replay(written[0])

    async def _remember(self, action: Action, *, status: str) -> list[Guard]:
        """Return the guard that adds what was done to its target's history: once, with the outcome itself."""
        if status == "failed" or not is_counted(builtin_manifests().get(action.request.tool)):
            return []
        decided = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        return record_deed(decided, tool=action.request.tool, at=self._on.clock.now()) if decided else []

    async def _shown(self, action: Action, judgement: Judgement) -> dict[str, Json]:
        """What the person reads: the action, the rules that ask and, for a commit, its difference and both reports."""
        shown: dict[str, Json] = {
            "tool": action.request.tool,
            "arguments": self._on.redactor.redact_json(action.request.arguments),
            "rules": [{"rule": item.rule, "reason": item.reason} for item in judgement.decision.findings],
        }
        if is_loop(judgement.facts["loop"]):
            shown["loop"] = judgement.facts["loop"]
        provenance = judgement.facts["provenance"]
        if isinstance(provenance, Mapping):
            shown.update(await self._on.facts.exhibits(action.execution, provenance))
        return shown


def _settled_by(record: Record) -> Done:
    facts = record.body["facts"]
    assert isinstance(facts, Mapping)
    return Done(record.id, "succeeded", _describe_answer(facts["approval"]))


def _describe_answer(approval: Json) -> dict[str, Json]:
    """What later steps may look at: who approved, and what they filled in."""
    if not isinstance(approval, Mapping):
        return {"approval": ""}
    return {
        "approval": approval["id"],
        "by": approval["by"],
        "approvers": approval["approvers"],
        "approverInputs": approval["inputs"],
    }


def _needs_tree(action: Action, manifest: Manifest | None) -> bool:
    """Only what may have to be put back, or is decided on what lies there, needs the tree before it."""
    if not action.workspace or manifest is None:
        return False
    return manifest.recovery is Recovery.WORKSPACE or bool(manifest.requires)


def _overruled(judgement: Judgement, finding: Finding) -> Judgement:
    return replace(judgement, decision=replace(judgement.decision, effect="deny", findings=(finding,)))


def _task(action: Action, permit: Permit, *, restore_to: str = "") -> Task:
    return Task(
        request=action.request,
        permit=permit,
        token=action.token,
        workspace=action.workspace,
        boundary=action.boundary.to_json(),
        payload=action.payload,
        restore_to=restore_to,
    )
