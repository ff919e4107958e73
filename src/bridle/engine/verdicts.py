"""Takes people's verdicts: has them checked and signed (engine.answering), records them, and tells who waits.

Rules
  1. Giving the verdict that one has given already changes nothing, and tells who waits once more. One with other inputs,
     another comment or another name is refused: what is recorded is the first. One account counts once, whatever it calls itself.
  2. A plan of calls has one verdict: each of its requests gets the same word, bound to that call, in one transaction.
  3. A verdict on a request that is void is refused; an execution that waits for it is woken, and asks anew.
  4. When an approval with `auto-reject` is complete, older executions of its pipeline that wait at the same step are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridle.core.clock import Clock
from bridle.core.errors import InputError, TrustError
from bridle.engine.answering import Answering, Verdict
from bridle.engine.durable import Durable
from bridle.engine.execution import Executions
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.planning import find_plan
from bridle.trust.bindings import BEGIN_RUN, SAVE
from bridle.trust.call_plans import read_call_plan
from bridle.trust.journal import Entry, Guard, GuardError, Journal
from bridle.trust.notary import Notary

PLAN = "pln_"


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
        self._clock = clock
        self._answering = Answering(
            journal=journal, executions=executions, approvals=approvals, notary=notary, clock=clock
        )

    async def give(self, approval_id: str, verdict: Verdict) -> Approval:
        """Record a verdict and wake who waits when it was the last one needed; return the request as it then is.

        Of a plan of calls, that is the first of its requests.
        """
        if approval_id.startswith(PLAN):
            return await self._give_plan(approval_id, verdict)
        answer = await self._answering.hear(await self._answering.find(approval_id), verdict)
        if answer.approval.state is ApprovalState.VOID:
            await self._wake(answer.approval)  # it is refused below, and whoever waits for it asks anew
        if answer.stands(self._clock):
            await self._answering.check_repeated(answer)
        else:
            await self._append([await self._answering.give(answer)])
        approval = await self._answering.find(approval_id)
        if approval.state_at(self._clock.now()) in (ApprovalState.APPROVED, ApprovalState.DENIED):
            await self._wake(approval)
            await self._refuse_older(approval)
        return approval

    async def _wake(self, approval: Approval) -> None:
        if await self._executions.get(approval.execution) is not None:  # a session waits for nothing
            await self._durable.wake(approval.execution, waits_at(approval))

    async def _give_plan(self, plan_id: str, verdict: Verdict) -> Approval:
        record, approvals = await find_plan(self._journal, self._approvals, plan_id)
        plan = read_call_plan(plan_id, record.body)
        words: list[tuple[Entry, Guard]] = []
        for approval in approvals:
            if approval.rests_on.get("plan") != plan.digest:
                raise TrustError("the request is of another plan", where=approval.id, reason="bad-signature")
            answer = await self._answering.hear(approval, verdict)
            if answer.stands(self._clock):
                await self._answering.check_repeated(answer)
            else:
                words.append(await self._answering.give(answer))
        if words:
            await self._append(words)
        return await self._answering.find(approvals[0].id)

    async def revoke(self, approval_id: str, verdict: Verdict) -> Approval:
        """Take a person's approval back before it was used; return the request, which waits again."""
        approval = await self._answering.find(approval_id)
        await self._append([await self._answering.take_back(approval, verdict)])
        return await self._answering.find(approval_id)

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
        try:
            await self._append([self._answering.refuse(approval, comment)])
        except InputError:
            return  # somebody answered it meanwhile, and that stands
        await self._durable.wake(approval.execution, approval.topic)


def waits_at(approval: Approval) -> str:
    """Return the path that waits for a request; nothing for what all of an execution waits for: its plan, its beginning."""
    return "" if approval.tool in (SAVE, BEGIN_RUN) else approval.topic
