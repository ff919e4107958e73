"""Outdated requests: what people are asked at the door rests on the policy and on what is known of the tool, and is void once
either is another: nobody gives a word that would be worth nothing.

Rules
  1. Looked at are requests of sessions that no other living process serves: that one may be asked under another policy.
  2. A tool that is stopped is another one as well: nothing of it is done before somebody has looked at it.
  3. The rows alone say so, for whoever lists them. The gate believes none, and looks for itself when the call comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridle.gate.approvals import Approval, Approvals, ApprovalState, VoidApproval
from bridle.gate.manifest import Manifests
from bridle.operating.session import Sessions, SessionState
from bridle.trust.journal import Journal

WAITING = (ApprovalState.OPEN, ApprovalState.APPROVED)


@dataclass(kw_only=True)
class Outdated:
    """Looks for outdated requests. `policy` is the digest of what this process decides by."""

    journal: Journal
    approvals: Approvals
    sessions: Sessions
    manifests: Manifests
    policy: str
    process: str
    living: Callable[[], Awaitable[set[str]]]
    refresh: Callable[[], Awaitable[None]]

    async def sweep(self) -> list[str]:
        """Void what is outdated, and return the ids."""
        await self.refresh()
        others = await self.living() - {self.process}
        found = await self.sessions.find(state=SessionState.OPEN)
        ours = {one.id for one in found if one.holder not in others}
        waiting = [one for one in await self.approvals.find(states=WAITING) if one.execution in ours]
        void = [VoidApproval(one.id, why) for one in waiting if (why := self._changed(one))]
        if void:
            await self.journal.append([], void)
        return [one.approval for one in void]

    def _changed(self, approval: Approval) -> str:
        then, manifest = approval.rests_on, self.manifests.get(approval.tool)
        if then.get("policy") != self.policy:
            return "the policy has changed"
        if "tool" not in then:
            return ""
        if manifest is None or manifest.stopped:
            return "the tool is stopped"
        return "" if then["tool"] == manifest.digest else "the tool has changed"
