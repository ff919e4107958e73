"""Asks people: the request that an action waits for, and what their signed words make of it.

Rules
  1. The newest request for an action is the one that counts; its author's default is recorded first, when its moment has come.
  2. An approval is what the signed verdicts in the journal say. What the store's row says is believed by nobody.
  3. A request shows what it asks about: the action, the rules that ask, where each value comes from and, for a commit, its
     difference and both reports.

What becomes of the action is `gate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import TrustError
from bridle.core.ids import new_id
from bridle.core.visible import make_visible
from bridle.gate import records
from bridle.gate.action import Action, Asked
from bridle.gate.approvals import (
    Approval,
    ApprovalState,
    CloseApproval,
    GiveVerdict,
    RequestApproval,
    count_words,
    describe_verdict,
)
from bridle.gate.exhibits import describe_exhibits
from bridle.gate.loops import is_loop
from bridle.gate.manifest import is_external
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement
from bridle.trust.journal import Entry, Guard, GuardError, Kind
from bridle.trust.quorum import CONTROL_PLANE, DEFAULT_GRACE, Terms
from bridle.trust.verdicts import sign_verdict

APPROVAL_TTL = timedelta(days=1)
CONTINUE = "pipeline.continue"
EXPIRED = "approval.expired"


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


class Asking:
    """Finds requests, counts words and makes requests."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports

    async def newest(self, action: Action) -> Approval | None:
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

    async def count(self, approval: Approval) -> Approval | None:
        """Return the approval as the signed verdicts in the journal give it; None when they do not suffice."""
        found = await self._on.journal.read(execution=approval.execution, subject=approval.id)
        try:
            tally = count_words(approval, found, keys=self._on.signer.keys)
        except TrustError:
            return None  # the caller denies, and says why
        if not tally.has_enough(approval.terms):
            return None
        last = tally.words[-1]
        asserted = any(word.asserted for word in tally.words)
        return replace(approval, by=last.by, asserted=asserted, given=tally.voters, inputs=last.inputs)

    async def ask(self, action: Action, judgement: Judgement, ask: Ask) -> Asked:
        """Record the decision and the request; one that was approved and no longer holds is closed."""
        alone = {name: value for name, value in _rests_on(judgement).items() if name != "plan"}
        approval = await self.draw_up(action, judgement, ask, rests_on=alone)
        entries = [records.decided(action, judgement, self._on.redactor), records.requested(approval)]
        guards: list[Guard] = [CloseApproval(judgement.approval.id)] if judgement.approval else []
        written = await self._on.journal.append(entries, [*guards, RequestApproval(approval)])
        return replace(asked_before(approval), record=written[1].id)

    async def draw_up(
        self, action: Action, judgement: Judgement, ask: Ask, *, rests_on: Mapping[str, Json]
    ) -> Approval:
        """Return the request as people will read it; nothing is recorded."""
        now = self._on.clock.now()
        return Approval(
            id=new_id("apr"),
            execution=action.execution,
            topic=ask.topic or action.step,
            key=action.key,
            action=action.digest,
            tool=action.request.tool,
            message=self._on.redactor.redact(ask.message) or f"{action.request.tool} needs a person's word",
            rests_on=rests_on,
            shown=await self.show(action, judgement),
            requested_at=now,
            expires_at=ask.expires_at(now),
            terms=self._on.terms(
                self._owners(action) or _terms_of(judgement.facts["change"]) or ask.terms or Terms()
            ),
        )

    def _owners(self, action: Action) -> Terms | None:
        """Whose word the owner of a server's tool wants; what they want by now, not what they wanted when it was asked last."""
        manifest = self._on.manifests.get(action.request.tool)
        return manifest.approvers if manifest else None

    async def show(self, action: Action, judgement: Judgement) -> dict[str, Json]:
        """What the person reads: the action, the rules that ask and, for a commit, its difference and both reports."""
        shown: dict[str, Json] = {
            "tool": action.request.tool,
            "arguments": self._on.redactor.redact_json(action.request.arguments),
            "rules": [{"rule": item.rule, "reason": item.reason} for item in judgement.decision.findings],
        }
        if is_loop(judgement.facts["loop"]):
            shown["loop"] = judgement.facts["loop"]
        if judgement.facts["limits"]:
            shown["limits"] = judgement.facts["limits"]
        if is_external(action.request.tool):
            task = judgement.facts["task"] or {}
            assert isinstance(task, Mapping)
            shown["risk"] = judgement.facts["risk"]
            shown["agent"], shown["purpose"] = action.request.principal, task.get("purpose", "")
        origins = judgement.facts["origins"]
        if isinstance(origins, list):
            shown["origins"] = self._on.redactor.redact_json(
                [_show_origin(as_mapping(one)) for one in origins]
            )
        provenance = judgement.facts["provenance"]
        if isinstance(provenance, Mapping):
            shown.update(await describe_exhibits(self._on.journal, action.execution, provenance))
        return shown


def asked_before(approval: Approval) -> Asked:
    """Return what a request says to who waits for it: the first rule that asks, and all reasons."""
    listed = approval.shown.get("rules")
    rules = [as_mapping(one) for one in listed] if isinstance(listed, (list, tuple)) else []
    reason = " ".join(dict.fromkeys(str(one["reason"]) for one in rules))
    approved = approval.state is ApprovalState.APPROVED
    return Asked("", approval.id, str(rules[0]["rule"]) if rules else "", reason, approved)


def _rests_on(judgement: Judgement) -> Mapping[str, Json]:
    return as_mapping(judgement.facts["rests_on"])


def _terms_of(change: Json) -> Terms | None:
    """Return whose word a change inside Bridle takes by the type of its case; None where it says nothing."""
    terms = change.get("terms") if isinstance(change, Mapping) else None
    return Terms.from_json(terms) if isinstance(terms, Mapping) and terms else None


def _show_origin(origin: Mapping[str, Json]) -> dict[str, Json]:
    """A person reads it: nothing in it is obeyed or hidden."""
    return {name: make_visible(str(said)) for name, said in origin.items()}
