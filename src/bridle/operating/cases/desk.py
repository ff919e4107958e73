"""The desk of cases: where people and systems, and Bridle itself, do something about a case. Each is an action through the gate.

Rules
  1. Whoever comes gets a token for the one tool that they need, in the case's own stream; it is deleted when the call is over.
  2. The control plane acts by its own permissions, and has no token.
  3. The same wish, while an approval of it waits or was given, is the same action: said again after the approval, it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import BridleError, InputError, TrustError
from bridle.core.ids import new_id
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Asked, Denied, Purpose, Result, Unknown
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.gate import Gate
from bridle.gate.manifest import find_manifest
from bridle.trust.access import require
from bridle.trust.journal import Journal
from bridle.trust.lending import lend
from bridle.trust.principals import Place, Principals
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import mint

CALL_TTL = timedelta(minutes=5)
IMPOSSIBLE = frozenset(
    {
        "tool.arguments",
        "case.unknown",
        "case.exists",
        "case.moved",
        "case.ended",
        "case.no-transition",
        "case.contradiction",
    }
)
"""The rules that deny a wish as such, whoever has it."""
WAITING = (ApprovalState.OPEN, ApprovalState.APPROVED)


class CaseDesk:
    """Performs what is wanted of cases."""

    def __init__(
        self,
        *,
        gate: Gate,
        journal: Journal,
        principals: Principals,
        approvals: Approvals,
        clock: Clock,
        project: str = "",
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._principals = principals
        self._approvals = approvals
        self._clock = clock
        self._place = Place(project)

    async def perform(self, tool: str, arguments: Mapping[str, Json], *, by: str) -> Result:
        """Perform one tool of a case as a principal; raise TrustError when they hold nothing that it needs."""
        case, needs = str(arguments["case"]), find_manifest(tool).needs
        actor = await require(self._principals, by, needs, self._place)
        step = f"desk-{new_id('cal')}"
        minted = mint(
            actor=actor,
            initiator=actor,
            asked_for=frozenset({needs}),
            execution=case,
            step=step,
            expires_at=self._clock.now() + CALL_TTL,
            place=self._place,
            boundary=self._principals.boundary(self._place),
        )
        async with lend(self._journal, minted) as secret:
            action = await self._action(tool, arguments, by=by, step=step, token=secret)
            return await self._gate.perform(action)

    async def require(self, principal: str, tool: str) -> None:
        """Raise TrustError unless a principal holds what a tool needs."""
        await require(self._principals, principal, find_manifest(tool).needs, self._place)

    async def act(self, tool: str, arguments: Mapping[str, Json], *, once: str) -> Result:
        """Perform one tool of a case as Bridle itself; `once` names the occasion, and a second time is answered by the first."""
        case = str(arguments["case"])
        return await self._gate.perform(
            _action(tool, arguments, by=CONTROL_PLANE, key=f"{case}/{once}", step=once)
        )

    async def _action(
        self, tool: str, arguments: Mapping[str, Json], *, by: str, step: str, token: str
    ) -> Action:
        case = str(arguments["case"])
        now = self._clock.now()
        for approval in await self._approvals.find(execution=case, states=WAITING):
            if approval.tool == tool and approval.state_at(now) in WAITING:
                again = _action(tool, arguments, by=by, key=approval.key, step=step, token=token)
                if _is_about(approval, again):
                    return again
        return _action(tool, arguments, by=by, key=f"{case}/{step}", step=step, token=token)


def describe_result(result: Result) -> dict[str, Any]:
    """Return what came of a wish, as commands and programs are told: `status` is done, denied, waiting or unknown."""
    if isinstance(result, Denied):
        return {"status": "denied", "rule": result.rule, "reason": result.reason}
    if isinstance(result, Asked):
        why = {"rule": result.rule, "reason": result.reason}
        return {"status": "waiting", "approval": result.approval, **why}
    if isinstance(result, Unknown):
        return {"status": "unknown", "reason": result.reason}
    return {"status": "done", "record": result.record, "case": result.value}


def refuse(told: Mapping[str, Any], *, where: str, hint: str = "") -> BridleError:
    """Return the complaint about a wish that was denied: one that cannot be is bad input, else somebody may not."""
    kind = InputError if told["rule"] in IMPOSSIBLE else TrustError
    return kind(told["reason"], where=where, hint=hint, reason=told["rule"])


def _is_about(approval: Approval, action: Action) -> bool:
    return approval.action == action.digest


def _action(
    tool: str, arguments: Mapping[str, Json], *, by: str, key: str, step: str, token: str = ""
) -> Action:
    case = str(arguments["case"])
    request = Request(key, tool, arguments, by, str(Purpose.OPERATIONS))
    return Action(
        request=request, execution=case, step=step, boundary=Boundary(write=()), token=token, case=case
    )
