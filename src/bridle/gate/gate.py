"""The gate: the one path from an Action to its Outcome.

Rules, in order
  1. What the journal already knows about this key is the answer, if its digest is the same; a digest that differs stops
     the step. A denial is an answer. An intent without an outcome goes to recovery.
  2. A request that is open is still open; one that was refused or has expired denies.
  3. Actions that the tool requires (a verification) are performed first, unless a boundary refuses whatever they would
     find; what they found are facts.
  4. Facts are gathered, the decision is a pure function of them and of the policy's answer, both are recorded.
  5. deny: recorded. ask: recorded with the request, nothing is done. allow: decision, intent and every guard (approval
     used, budget reserved, room taken, the piece of business begun) are one transaction, and only then is the delegate told.
     Where somebody else has taken the last room of a limit meanwhile, or begun the same, it is judged again.
  6. The outcome is recorded when the delegate's report verifies. What raises in between leaves the intent without an
     outcome: the next attempt recovers it.
  7. With the outcome of what lasts, what was done is added to its target's history, in the same transaction (gate.loops).
  8. A delegate that could not begin, because something is missing for now, ends the action; but not one whose target can
     be asked about it or that a person approved. That one stays begun and UnavailableError is raised: the approval is
     used, and stands for the attempt that recovery makes under the same decision. One that has a substitute does end.
  9. What is known not to have been done goes to the substitute of its tool, an action of its own (gate.rerouting).

To go on is an action too (`settle`): what it does is let the execution continue, so its decision uses the approval up and
nobody is told to do anything.

How people are asked is `asking`; rules 5 to 8 are carried out in `carrying`.

The gate never waits for a person; it does not know the engine, the agent or the surface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import ExecutionError
from bridle.dispatch.protocol import Request
from bridle.gate import records
from bridle.gate.action import Action, Denied, Done, Result
from bridle.gate.approvals import Approval, ApprovalState, UseApproval
from bridle.gate.asking import EXPIRED, Ask, Asking, asked_before
from bridle.gate.attempts import OPEN, AttemptTaken
from bridle.gate.breakers import OPEN as BROKEN
from bridle.gate.breakers import CircuitOpen
from bridle.gate.carrying import Carrying, deny
from bridle.gate.decision import decide, foresee
from bridle.gate.exhibits import count_baseline
from bridle.gate.history import MOVED, HistoryMoved
from bridle.gate.limits import FULL, LimitFull
from bridle.gate.looks import Look, look_again
from bridle.gate.lookups import agree_lookup
from bridle.gate.loops import Deed, foresee_deed
from bridle.gate.manifest import Manifest, Manifests, Recovery
from bridle.gate.planning import Judged, record_plan, refuse_twice
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement, overrule
from bridle.gate.rerouting import Rerouting
from bridle.gate.standing import Standing
from bridle.trust.call_plans import CallPlan
from bridle.trust.journal import Kind, Record
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError
from bridle.trust.quorum import CONTROL_PLANE

STANDING = ("recovery.open", "recovery.done")  # of the base policy: somebody has begun it, or it was done
JUDGED = 8  # times, where others are first in between
REFUSALS = {
    ApprovalState.DENIED: Finding("approval.refused", "A person has refused this action."),
    ApprovalState.EXPIRED: Finding(EXPIRED, "Nobody approved this action in time."),
}


FORGED = Finding(
    "approval.forged",
    "What the store says of the approval is not what people have signed for this request, so it approves nothing.",
)


class Gate:
    """Performs actions. All its state is in the journal."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports
        self._asking = Asking(ports)
        self._carrying = Carrying(ports)
        self._rerouting = Rerouting(ports)

    async def perform(self, action: Action) -> Result:
        """Answer from the journal, or decide and carry out; raise ExecutionError when the key was used for something else."""
        record = await self._newest(action)
        if record is not None and record.kind is not Kind.INTENDED:
            known = await self._answer(record)
            if known is not None:
                other = await self._rerouting.again(action, known)
                return known if other is None else await self._instead(other, known)
        begun = record if record is not None and record.kind is Kind.INTENDED else None
        if begun is not None:
            result = await self._carrying.recover(action, begun)
        else:
            result = await self._attempt(action, left=JUDGED)
        other = await self._rerouting.choose(action, result, is_absent=self._carrying.is_absent)
        return result if other is None else await self._instead(other, result)

    async def _instead(self, other: Action, first: Result) -> Result:
        """Return what became of a substitute; where it may not be used, what became of the first call stands.

        That the same business is under way or done already is told: it is the answer to both.
        """
        result = await self.perform(other)
        if isinstance(result, Denied):
            return result if result.rule in STANDING else first
        return replace(result, by=other.request.tool) if isinstance(result, Done) else result

    async def _attempt(self, action: Action, *, left: int) -> Result:
        judged = await self._judge(action, Ask(topic=action.step))
        if not isinstance(judged, Judgement):
            return judged
        try:
            return await self._carrying.carry_out(action, judged)
        except (LimitFull, CircuitOpen, AttemptTaken, HistoryMoved) as error:
            if left > 1:
                return await self._attempt(action, left=left - 1)
            rule = {LimitFull: FULL, CircuitOpen: BROKEN, HistoryMoved: MOVED}.get(type(error), OPEN)
            first = Finding(rule, f"{error.what[0].upper()}{error.what[1:]}. Nothing was done.")
            return await deny(self._on, action, overrule(judged, first))

    async def request(self, action: Action, ask: Ask) -> Result:
        """Ask for an approval of `action` ahead of time and do nothing. Done means that it may be performed."""
        judged = await self._judge(action, ask)
        if not isinstance(judged, Judgement):
            return judged
        return Done("", "succeeded", _describe_answer(judged.facts["approval"]))

    async def propose(self, plan_id: str, actions: Sequence[Action], ask: Ask) -> Denied | CallPlan:
        """Ask people about several actions at once (gate.planning); the first that is denied is the answer."""
        judged: list[Judged] = []
        before: list[Deed] = []  # what the plan will have done by then
        refuse_twice(actions, self._on.manifests)
        for action in actions:
            judgement = await self._decide(action, None, before=before)
            if judgement.decision.effect == "deny":
                return await deny(self._on, action, judgement)
            judged.append(Judged(action, judgement))
            before += foresee_deed(judgement.facts, action, at=self._on.clock.now())
        return await record_plan(self._on, self._asking, plan_id, judged, ask)

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

    async def refuse(self, action: Action, finding: Finding) -> Denied:
        """Record a denial for a reason that whoever brings the action knows of, and nobody else has to judge."""
        judgement = await self._decide(action, None)
        return await deny(self._on, action, overrule(judgement, finding))

    async def give_up(self, stream: str, *, token: str = "") -> list[str]:
        """Settle what was begun in a stream by a process that is gone, and return those keys.

        Where its target can be asked, and the token still lives, that says what became of it; all else is recorded as unknown.
        """
        records = await self._on.journal.read(execution=stream, kinds=(Kind.INTENDED, Kind.OUTCOME))
        ended = {record.subject for record in records if record.kind is Kind.OUTCOME}
        begun = [record for record in records if record.kind is Kind.INTENDED and record.subject not in ended]
        for intent in begun:
            await self._carrying.give_up(intent, token=token)
        return [intent.subject for intent in begun]

    async def look_again(self, decided: Record, intent: Record, *, token: str) -> Look:
        """Ask the target of a call that ended unknown what became of it (gate.looks); `token` is one of the control plane."""
        return await look_again(self._on, decided, intent, token=token)

    async def serves(self, execution: str, service: str) -> bool:
        """True for a background service of an execution that the delegate still knows; see `dispatch.protocol.Delegate`."""
        return await self._on.delegate.serves(execution, service)

    async def snapshot(self, workspace: str) -> str:
        """Return the digest of a workspace as it stands, for an action that is about that state."""
        return await self._on.delegate.snapshot(workspace)

    async def _known(self, action: Action) -> Result | None:
        record = await self._newest(action)
        if record is not None and record.kind is Kind.INTENDED:
            return await self._carrying.recover(action, record)
        return await self._answer(record) if record else None

    async def _newest(self, action: Action) -> Record | None:
        """Return the last word of the journal about the action's key; raise ExecutionError when it is about another action."""
        kinds = (Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)
        record = await self._on.journal.last(action.execution, action.key, kinds)
        if record is not None and record.body["action"] != action.digest:
            raise ExecutionError(
                f"the journal knows {action.key} as another action",
                where=f"journal record {record.seq}",
                hint="the definition, the code or the workspace changed under this execution: start a new one",
                reason="replay-drift",
            )
        return record

    async def _answer(self, record: Record) -> Result | None:
        """Return the result that the last word is; None for a decision that leaves it open."""
        if record.kind is Kind.OUTCOME:
            return await self._carrying.replay(record)
        return records.denied_by(record) if record.body["effect"] == "deny" else None

    async def _judge(self, action: Action, ask: Ask) -> Result | Judgement:
        """Return a Judgement when the action is allowed; record everything else and return its result."""
        approval = await self._asking.newest(action)
        if approval is not None and ask.terms is None:
            ask = replace(ask, terms=approval.terms)  # asked anew, it takes no fewer people than before
        state = approval.state_at(self._on.clock.now()) if approval else None
        refusal = REFUSALS.get(state) if state else None
        if approval is not None and state in (ApprovalState.OPEN, ApprovalState.APPROVED):
            if ask.terms is None or not approval.terms.are(ask.terms):
                refusal = FORGED
            elif state is ApprovalState.OPEN:
                return asked_before(approval)
        if state is not ApprovalState.APPROVED or refusal is not None:
            approval = None
        if approval is not None:
            approval = await self._asking.count(approval)
            refusal = None if approval else FORGED
        judgement = await self._decide(action, approval)
        if refusal is not None and judgement.decision.effect != "deny":
            judgement = overrule(judgement, refusal)
        if judgement.decision.effect == "allow":
            return judgement
        if judgement.decision.effect == "ask":
            return await self._asking.ask(action, judgement, ask)
        return await deny(self._on, action, judgement)

    async def _decide(
        self, action: Action, approval: Approval | None, *, before: Sequence[Deed] = ()
    ) -> Judgement:
        manifest = self._on.manifests.get(action.request.tool)
        tree = await self._on.delegate.snapshot(action.workspace) if _needs_tree(action, manifest) else ""
        about = {"effect": str(manifest.effect) if manifest else "", "tree": tree}
        facts, standing = await self._gather(action, approval, None, before, **about)
        if manifest and manifest.requires:
            foreseen = foresee(facts, manifest)
            if foreseen is not None:
                return Judgement(foreseen, facts, standing, approval, tree)
            verified = await self._verify(action, tree)
            facts, standing = await self._gather(action, approval, verified, before, **about)
        decision = decide(facts, manifest, await self._ask_policy(facts))
        decision = replace(
            decision, expect={**decision.expect, **_expectations(facts, manifest, self._on.manifests)}
        )
        return Judgement(decision, facts, standing, approval, tree)

    async def _gather(
        self,
        action: Action,
        approval: Approval | None,
        verification: Mapping[str, Json] | None,
        before: Sequence[Deed],
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
            before=before,
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
        return {**result.value, "baseline_tests": await count_baseline(self._on.journal, action.execution)}

    async def _ask_policy(self, facts: dict[str, Json]) -> PolicyAnswer | PolicyError:
        try:
            return await self._on.policy.evaluate(facts)
        except PolicyError as error:
            return error  # an answer of its own: decided upon as a denial, and recorded


def _expectations(
    facts: Mapping[str, Json], manifest: Manifest | None, manifests: Manifests
) -> dict[str, Json]:
    """What a permit names besides: where a commit goes back to (where its base came from), whose git side is copied, what the
    server of an external tool has to say of it still, and how it is asked what became of the call."""
    if manifest is not None and manifest.external:
        arguments = as_mapping(as_mapping(facts["action"])["arguments"])
        return {"described": manifest.described, **agree_lookup(manifest, arguments, manifests)}
    made, reruns = facts["provenance"], facts["reruns"]
    where: dict[str, Json] = {"repository": made["repository"]} if isinstance(made, Mapping) else {}
    whose = reruns.get("source") if isinstance(reruns, Mapping) else None
    return {**where, "takes_over": whose} if whose else where


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
