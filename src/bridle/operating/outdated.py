"""Outdated requests: what people are asked rests on the policy and on what is known of the tool, and is void once either is
another: nobody gives a word that would be worth nothing.

Rules
  1. Looked at are requests of sessions that no other living process serves, and of executions that none carries: that one may be
     asked under another policy. An execution that waits for a request is woken, and asks anew.
  2. A tool that is stopped is another one as well: nothing of it is done before somebody has looked at it. One that this process
     does not know is left alone where a step asks: a process that knows its server may carry that next.
  3. The rows alone say so, for whoever lists them. The gate believes none, and looks for itself when the call comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from bridle.core.errors import ExecutionError
from bridle.engine.durable import Durable
from bridle.engine.execution import Executions
from bridle.engine.verdicts import waits_at
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
    executions: Executions
    durable: Durable
    manifests: Manifests
    policy: str
    process: str
    living: Callable[[], Awaitable[set[str]]]
    refresh: Callable[[], Awaitable[None]]

    async def sweep(self) -> list[str]:
        """Void what is outdated, and return the ids."""
        await self.refresh()
        waiting = await self.approvals.find(states=WAITING)
        changed = {one.id: (one, why) for one in waiting if (why := self._changed(one))}
        if not changed:
            return []
        known = {one.execution for one, _ in changed.values() if self._knows(one)}
        ours = await self._sessions() | await self._executions(known)
        void = {id: both for id, both in changed.items() if both[0].execution in ours}
        await self.journal.append([], [VoidApproval(id, why) for id, (_, why) in void.items()])
        for one, _ in void.values():
            if await self.executions.get(one.execution) is not None:  # a session waits for nothing
                with suppress(ExecutionError):  # it waits nowhere yet, and asks anew once somebody carries it
                    await self.durable.wake(one.execution, waits_at(one))
        return list(void)

    async def _sessions(self) -> set[str]:
        """Return the sessions that no other living process serves."""
        others = await self.living() - {self.process}
        found = await self.sessions.find(state=SessionState.OPEN)
        return {one.id for one in found if one.holder not in others}

    async def _executions(self, named: set[str]) -> set[str]:
        """Return those of `named` that are executions under way which no other living process carries."""
        found = [one for one in [await self.executions.get(id) for id in named] if one is not None]
        under_way = [one.id for one in found if not one.state.ended]
        return {id for id in under_way if not await self.durable.held_elsewhere(id)}

    def _knows(self, approval: Approval) -> bool:
        return "tool" not in approval.rests_on or self.manifests.get(approval.tool) is not None

    def _changed(self, approval: Approval) -> str:
        then, manifest = approval.rests_on, self.manifests.get(approval.tool)
        if then.get("policy") != self.policy:
            return "the policy has changed"
        if "tool" not in then:
            return ""
        if manifest is None or manifest.stopped:
            return "the tool is stopped"
        return "" if then["tool"] == manifest.digest else "the tool has changed"
