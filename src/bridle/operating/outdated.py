"""Outdated requests: what people are asked at the door rests on the policy and on what is known of the tool, and is void once
either is another: nobody gives a word that would be worth nothing.

Rules
  1. Looked at are requests of sessions that no other living process serves: that one may be asked under another policy.
  2. A tool that is stopped is another one as well: nothing of it is done before somebody has looked at it.
  3. The rows alone say so, for whoever lists them. The gate believes none, and looks for itself when the call comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bridle.gate.approvals import Approval, Approvals, ApprovalState, VoidApproval
from bridle.gate.manifest import Manifests
from bridle.operating.session import Sessions, SessionState
from bridle.trust.journal import Journal

WAITING = (ApprovalState.OPEN, ApprovalState.APPROVED)


class Outdated:
    """Looks for outdated requests. `policy` is the digest of what this process decides by."""

    def __init__(
        self,
        *,
        journal: Journal,
        approvals: Approvals,
        sessions: Sessions,
        manifests: Manifests,
        policy: str,
        process: str,
        living: Callable[[], Awaitable[set[str]]],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._approvals = approvals
        self._sessions = sessions
        self._manifests = manifests
        self._policy = policy
        self._process = process
        self._living = living
        self._refresh = refresh

    async def sweep(self) -> list[str]:
        """Void what is outdated, and return the ids."""
        await self._refresh()
        others = await self._living() - {self._process}
        found = await self._sessions.find(state=SessionState.OPEN)
        ours = {one.id for one in found if one.holder not in others}
        waiting = [one for one in await self._approvals.find(states=WAITING) if one.execution in ours]
        void = [VoidApproval(one.id, why) for one in waiting if (why := self._changed(one))]
        if void:
            await self._journal.append([], void)
        return [one.approval for one in void]

    def _changed(self, approval: Approval) -> str:
        then, manifest = approval.rests_on, self._manifests.get(approval.tool)
        if then.get("policy") != self._policy:
            return "the policy has changed"
        if "tool" not in then:
            return ""
        if manifest is None or manifest.stopped:
            return "the tool is stopped"
        return "" if then["tool"] == manifest.digest else "the tool has changed"
