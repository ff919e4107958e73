"""The Action: one effect somebody wants, and the four answers there are.

An action's key names its place in the work: execution, step path, turn and call (0.0 for a step of a pipeline).
It is the idempotency key all the way to the target. Its digest covers key, tool, arguments, principal and purpose:
decisions, approvals and permits bind to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.dispatch.protocol import Request


class Purpose(StrEnum):
    """The closed list of purposes an action may be for."""

    BUILD = "build"
    REPAIR = "repair"
    RELEASE = "release"
    REVIEW = "review"
    OPERATIONS = "operations"
    SUPPORT = "support"
    REFUND = "refund"
    DISPUTE = "dispute"
    CLAIMS = "claims"
    ONBOARDING = "onboarding"
    PAYMENT = "payment"
    OUTREACH = "outreach"
    RESEARCH = "research"


@dataclass(frozen=True)
class Action:
    """One effect somebody wants.

    `request` is what is digested and recorded. `execution` and `step` are where it happens, `workspace` names the
    folder it works in (or is empty), `token` is the execution token's secret, `payload` what a model call needs
    besides its arguments (bound to them by digest). `deployment` says what the stage around it deploys, and where, `task` what
    the session around it is for, `plan` of which plan of calls it is one, `instead` for which call it stands in: facts.
    `case` is the id of the case that it is done for, or empty.
    """

    request: Request
    execution: str
    step: str
    boundary: Boundary
    token: str = field(default="", repr=False)
    workspace: str = ""
    payload: Json = field(default=None, repr=False)
    budget: str = ""
    deployment: Mapping[str, Json] | None = None
    task: Mapping[str, Json] | None = None
    plan: Mapping[str, Json] | None = None
    case: str = ""
    instead: Mapping[str, Json] | None = None

    @property
    def key(self) -> str:
        return self.request.key

    @cached_property
    def digest(self) -> str:
        """The request's digest as it was when it was first asked for; the delegate makes it anew and compares."""
        return self.request.digest


def action_key(execution: str, step: str, *, turn: int = 0, call: int = 0, part: str = "") -> str:
    """Return the key of an action; `part` names an action that the gate itself needs for this one."""
    suffix = f"/{part}" if part else ""
    return f"{execution}/{step}#{turn}.{call}{suffix}"


@dataclass(frozen=True)
class Done:
    """It was carried out. `status` is `succeeded` or `failed`; `record` is the outcome's id in the journal,
    `by` the tool that did it in place of the one that was asked for, or empty. `known` says that the journal answered."""

    record: str
    status: str
    value: Json
    facts: Mapping[str, Json] = field(default_factory=dict)
    private: bytes = field(default=b"", repr=False)
    by: str = ""
    known: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Denied:
    """It may not be done. `rule` names what said so, `reason` says it to the model and to people."""

    record: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Asked:
    """A person has to say; nothing has been done. `rule` and `reason` are why, for the model and for people. `approved` says
    that they have said yes, and that whoever calls did not name it."""

    record: str
    approval: str
    rule: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)
    approved: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Unknown:
    """It may or may not have been done. A person has to find out; nobody retries it."""

    record: str
    reason: str


Result: TypeAlias = Done | Denied | Asked | Unknown
