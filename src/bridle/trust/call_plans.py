"""Plans of calls: an ordered list of exact calls that people approve of at once. Pure; gate, door and trail ask it.

Rules
  1. A plan names each call by the digest of its action, which covers tool, arguments, agent and purpose. Nothing is left open.
  2. Its digest covers every call, in order, with the rules that people were asked about. What people approve of rests on it.
  3. A call of a plan is begun only once every call before it has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridle.core.canonical import Json, digest
from bridle.core.errors import TrustError


@dataclass(frozen=True)
class PlannedCall:
    """One call. `rules` are those that asked, which the plan's approval answers; `approval` is empty for what is not asked about
    with the plan: no rule asks, or one wants to be asked about on its own."""

    key: str
    action: str
    tool: str
    rules: tuple[str, ...] = ()
    approval: str = ""


@dataclass(frozen=True)
class CallPlan:
    """A plan as it was recorded."""

    id: str
    calls: tuple[PlannedCall, ...]

    @property
    def digest(self) -> str:
        return digest_calls([(call.action, call.rules) for call in self.calls])

    @property
    def approvals(self) -> tuple[str, ...]:
        """The requests that people answer at once."""
        return tuple(call.approval for call in self.calls if call.approval)

    def fact(self, position: int) -> dict[str, Json]:
        """Return what policies are told of one call's plan. `position` counts from 0, what they are told from 1."""
        rules = list(self.calls[position].rules)
        return {
            "id": self.id,
            "digest": self.digest,
            "call": position + 1,
            "of": len(self.calls),
            "rules": rules,
        }

    def check_turn(self, action: str, has_succeeded: Callable[[str], bool]) -> None:
        """Raise TrustError unless `action` is a call of it, and every call before has succeeded, as is told by its key."""
        for call in self.calls:
            if call.action == action:
                return
            if not has_succeeded(call.key):
                raise TrustError(f"{call.key} comes before it in {self.id}", reason="out-of-turn")
        raise TrustError(f"it is no call of {self.id}", reason="not-planned")


def digest_calls(calls: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return the digest of a plan of these actions, each with the rules that people are asked about."""
    return digest([{"action": action, "rules": sorted(set(rules))} for action, rules in calls])


def read_call_plan(plan_id: str, body: Mapping[str, Any]) -> CallPlan:
    """Read the body of a plan's record; raise TrustError when its calls are not those that its digest names."""
    calls = tuple(
        PlannedCall(
            key=str(call["key"]),
            action=str(call["action"]),
            tool=str(call["tool"]),
            rules=tuple(str(rule["rule"]) for rule in call["rules"]) if call["approval"] else (),
            approval=str(call["approval"]),
        )
        for call in body["calls"]
    )
    plan = CallPlan(plan_id, calls)
    if plan.digest != body["digest"]:
        raise TrustError("the plan's calls are not those that its digest names", where=plan_id)
    return plan
