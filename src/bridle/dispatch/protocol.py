"""The messages between the control plane and a delegate, and what each side checks.

The control plane sends a Task with a Permit: its signed decision about exactly this action. The delegate
believes neither: it recomputes the action's digest, checks the permit's signature, expiry and name, and asks
whether the token still lives. It answers with a Report that it signs with its own key. A Report is data from
another place: the control plane checks its signature and that it speaks of the action that was sent.

A *workspace* is a folder that only the delegate touches; the control plane knows its name and the digests
of its trees. `payload` carries what an action needs but its arguments only name by digest (the message history
of a model call), so that it is not stored again at each turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol

from bridle.core.canonical import Json, digest, digest_bytes
from bridle.core.clock import iso
from bridle.core.errors import TrustError
from bridle.trust.keys import Signature, Signer, Verifier

UNSIGNED = Signature("", "")


@dataclass(frozen=True)
class Request:
    """What is to be done, as both sides name it. Its digest is what decisions and approvals bind to.

    `key` is the idempotency key: `execution/step#turn.call`. `arguments` are the tool's.
    `principal` acts; `purpose` is from the closed list in gate.action.
    """

    key: str
    tool: str
    arguments: Mapping[str, Json]
    principal: str
    purpose: str

    @property
    def digest(self) -> str:
        return digest(
            {
                "key": self.key,
                "tool": self.tool,
                "arguments": self.arguments,
                "principal": self.principal,
                "purpose": self.purpose,
            }
        )


@dataclass(frozen=True)
class Permit:
    """The control plane's signed decision. `expect` are conditions the delegate must find true at the target,
    such as `{"tree": "sha256:…"}`: the tree the decision was made about."""

    action_digest: str
    delegate: str
    decision: str
    token_id: str
    expires_at: datetime
    expect: Mapping[str, Json]
    signature: Signature

    @cached_property
    def content(self) -> dict[str, Json]:
        """What is signed, made once: what was checked is what is recorded."""
        return {
            "type": "bridle/permit/1",
            "action": self.action_digest,
            "delegate": self.delegate,
            "decision": self.decision,
            "token": self.token_id,
            "expires_at": iso(self.expires_at),
            "expect": dict(self.expect),
        }


@dataclass(frozen=True)
class Task:
    """An order to a delegate. `boundary` is what the sandbox enforces for this step (see delegate.boundary);
    `restore_to` is the tree to put back first, when an earlier attempt may have been cut short."""

    request: Request
    permit: Permit
    token: str = field(repr=False)
    workspace: str = ""
    boundary: Mapping[str, Json] = field(default_factory=dict)
    payload: Json = None
    restore_to: str = ""


PRIVATE_HOLDS = "private_holds"
"""The fact that says what the private result is, where it is the value as it was before personal data was masked in it."""


@dataclass(frozen=True)
class Report:
    """What became of a task.

    `status` is `succeeded`, `failed` or `unknown`. `value` is the redacted result, structured, the same on every
    machine (no times, no absolute paths): the model reads it. `facts` are what the delegate measured around
    it for the control plane alone: `tree` after, `sandbox` (what was hard and what soft), `usage`, `duration_ms`.
    `private` is the raw result where it differs (a model's reply), for the working store only.
    """

    action_digest: str
    delegate: str
    status: str
    value: Json
    facts: Mapping[str, Json]
    signature: Signature
    private: bytes = field(default=b"", repr=False)

    @cached_property
    def content(self) -> dict[str, Json]:
        """What is signed, made once; digests stand for the value and the private result."""
        return {
            "type": "bridle/report/1",
            "action": self.action_digest,
            "delegate": self.delegate,
            "status": self.status,
            "value": digest(self.value),
            "facts": dict(self.facts),
            "private": digest_bytes(self.private),
        }


class Delegate(Protocol):
    """A delegate as the control plane sees it; in the same process when embedded, else behind a queue."""

    @property
    def name(self) -> str: ...

    async def carry_out(self, task: Task) -> Report:
        """Do it. Raise TrustError when the task's permit, digest or token does not hold: nothing was done."""
        ...

    async def look_up(self, task: Task) -> Report | None:
        """Ask the target what became of an earlier attempt; None when nothing of it is there."""
        ...

    async def cancel(self, execution: str) -> int:
        """Stop at once what runs, or waits to run, for an execution; return how many tasks were told to.

        Those are the tasks of the workspace with this name and of those whose names begin with it and a dot; a fork's name
        stops that fork's alone. Their reports end `failed` with `why: cancelled`. Harmless when nothing runs.
        """
        ...

    async def running(self, execution: str) -> int:
        """Return how many tasks run, or wait to run, for an execution here: those that a cancel tells to stop."""
        ...

    async def serves(self, execution: str, service: str) -> bool:
        """True for a background service that was begun here and was not stopped, also when it has ended by itself."""
        ...

    async def snapshot(self, workspace: str) -> str:
        """Store the workspace as it stands and return its tree's digest."""
        ...

    async def probe(self) -> Mapping[str, Json]:
        """Return what the sandbox proved it can enforce: `{"backend", "hard": [...], "soft": [...], "missing": [...]}`."""
        ...


def sign_permit(
    signer: Signer,
    *,
    action_digest: str,
    delegate: str,
    decision: str,
    token_id: str,
    expires_at: datetime,
    expect: Mapping[str, Json],
) -> Permit:
    """Sign a decision for one delegate and one action."""
    permit = Permit(action_digest, delegate, decision, token_id, expires_at, dict(expect), UNSIGNED)
    return replace(permit, signature=signer.sign_json(permit.content))


def check_permit(task: Task, *, delegate: str, control_plane: Verifier, now: datetime) -> None:
    """Raise TrustError unless the task's permit is a live decision about exactly this action for this delegate."""
    permit = task.permit
    if task.request.digest != permit.action_digest:
        hint = "nothing was done; somebody changed it on its way here: bridle audit verify"
        raise TrustError("the permit speaks of another action", hint=hint, reason="permit-mismatch")
    if permit.delegate != delegate:
        hint = f"this is {delegate}, and nothing was done; bridle principals list shows both"
        raise TrustError(f"the permit is for {permit.delegate}", hint=hint, reason="permit-mismatch")
    if now >= permit.expires_at:
        hint = "nothing was done; look at the clocks of both machines (bridle doctor), then try again"
        raise TrustError("the permit has expired", hint=hint, reason="permit-expired")
    try:
        control_plane.verify_json(permit.content, permit.signature)
    except TrustError as error:
        hint = (
            "nothing was done; if the control plane's key was rotated (bridle keys list), start this process again; "
            "else bridle audit verify says what somebody changed"
        )
        raise TrustError(f"the permit does not hold: {error.what}", hint=hint, reason=error.reason) from error


def sign_report(
    signer: Signer,
    *,
    action_digest: str,
    delegate: str,
    status: str,
    value: Json,
    facts: Mapping[str, Json],
    private: bytes = b"",
) -> Report:
    """Sign what became of a task."""
    report = Report(action_digest, delegate, status, value, dict(facts), UNSIGNED, private)
    return replace(report, signature=signer.sign_json(report.content))


def check_report(report: Report, request: Request, *, delegate_key: Verifier) -> None:
    """Raise TrustError unless the report is the delegate's and speaks of this action."""
    if report.action_digest != request.digest:
        raise TrustError("the report speaks of another action", reason="report-mismatch")
    delegate_key.verify_json(report.content, report.signature)
