"""The worker: what stands between an order and its effect. It believes neither the order nor the result.

Rules, in this order; when one does not hold, nothing is done and TrustError says which
  1. The permit is a live, signed decision of the control plane about exactly this action, for this delegate.
  2. A payload is the one that the arguments name by digest; a payload that nothing names is refused.
  3. The token still lives. When that cannot be found out, it does not.
  4. There is an effector for the tool.
  5. What the permit expects is so: the tree the decision was made about is the one the effector will use, and the
     repository is the one that the workspace was cloned from last. An expectation that this delegate does not know
     how to check does not hold.
  6. Every workspace that the task names is of the execution that it acts for, or of the one that it runs again (delegate.reach).
Before that, a workspace that stood on another machine last is brought here (see delegate.travel).
Then the earlier tree is put back, if the task says so, and the effector runs, alone in its workspaces.
Named secrets, and those that the execution made itself on whatever machine, are known before it runs.
Of what somebody's server answered, personal data is masked in the value too; the answer itself is then the private result.
Afterwards known secrets are taken out of the value, the facts and the private result, and only then is the report signed.

InputError and ExecutionError of an effector are an outcome: `failed`, with the error and the next step as value. Anything else
is raised: after an intent, the gate takes what it does not know as unknown.

A cancel kills at once what runs in the sandbox and leaves model calls; a task that still waits for its workspace never
begins. Both end `failed` with `why: cancelled`. Git and the file tools are not cut short: they end by themselves within
their own limits, and half a push would be unknown to everybody. A cancel is no memory: what begins after it is refused
by its dead token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

from bridle.core.canonical import Json, canonical, digest
from bridle.core.errors import BridleError, ExecutionError, InputError, TrustError
from bridle.core.visible import hide_userinfo, make_visible
from bridle.delegate.effectors import Effector, EffectorContext, EffectorResult
from bridle.delegate.effectors.server import find_described
from bridle.delegate.mirror import Mirror
from bridle.delegate.reach import execution_for, reached_by
from bridle.delegate.stops import CancelledHere, Stop, Stops
from bridle.delegate.travel import MIRROR_TOOLS, Travel
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import PRIVATE_HOLDS, Report, Task, check_permit, sign_report
from bridle.trust.keys import Signer, Verifier

LookUp: TypeAlias = Callable[[Task, EffectorContext], Awaitable[EffectorResult | None]]

Found = TypeVar("Found")

FROM_STORE = frozenset({"git.commit", "workspace.verify"})
"""Tools that work from a stored snapshot, not from the folder as it stands."""

ANY_EXTERNAL = "mcp.*"
EXTERNAL_PREFIX = "mcp."

OF_THE_TREE = frozenset({"tree", "restore_to"})

ABANDONED = frozenset({"model.call"})
"""Tools that are left where they stand when they are cancelled: a question changes nothing, and nobody needs its answer."""


class TokenLives(Protocol):
    """Says whether a token's secret is that of a token which may still be used."""

    async def __call__(self, secret: str, token_id: str) -> bool: ...


class Worker:
    """A delegate that works in this process. Implements `dispatch.protocol.Delegate`."""

    def __init__(
        self,
        *,
        name: str,
        context: EffectorContext,
        effectors: Mapping[str, Effector],
        look_ups: Mapping[str, LookUp],
        signer: Signer,
        control_plane: Verifier,
        token_lives: TokenLives,
    ) -> None:
        self._name = name
        self._context = context
        self._effectors = dict(effectors)
        self._look_ups = dict(look_ups)
        self._signer = signer
        self._control_plane = control_plane
        self._token_lives = token_lives
        self._stops = Stops()
        self._travel = Travel(context.workspaces)

    @property
    def name(self) -> str:
        return self._name

    async def carry_out(self, task: Task) -> Report:
        """Check the task, do it, and sign what became of it. See the module for what is raised."""
        with self._stops.entered(task.workspace or execution_for(task)) as stop:
            await self._check(task)
            effector = _find(self._effectors, task.request.tool)
            try:
                return await self._carry_out(task, effector, stop)
            except CancelledHere as exc:
                value: dict[str, Json] = {"error": exc.what, "reason": exc.reason, "why": "cancelled"}
                return self._report(task, EffectorResult("failed", value))

    async def _carry_out(self, task: Task, effector: Effector, stop: Stop) -> Report:
        names, mirror_too = reached_by(task), task.request.tool in MIRROR_TOOLS
        async with self._context.workspaces.held(*names, stop=stop):
            for name in names:
                await asyncio.to_thread(self._travel.bring, name, mirror_too=mirror_too)
            await self._check_expectations(task)
            stop.check()
            await asyncio.to_thread(self._know_secrets, task)
            if task.workspace and task.restore_to:
                await asyncio.to_thread(self._context.workspaces.restore, task.workspace, task.restore_to)
            report = await self._run(task, effector, stop)
            if task.workspace and "tree" in report.facts:
                await asyncio.to_thread(self._leave, task, str(report.facts["tree"]), mirror_too=mirror_too)
            return report

    def _know_secrets(self, task: Task) -> None:
        self._context.vault.know()
        self._context.secret_outputs.know(execution_for(task))

    def _leave(self, task: Task, tree: str, *, mirror_too: bool) -> None:
        """Note where the workspace stands; a tool that works from the store says nothing of the folder."""
        if task.request.tool in FROM_STORE:
            tree = self._context.workspaces.snapshot(task.workspace)
        self._travel.leave(task.workspace, tree, mirror_too=mirror_too)

    async def cancel(self, execution: str) -> int:
        """Tell what runs for the execution's workspaces to stop. Git and the file tools end by themselves, soon."""
        return self._stops.tell(execution) + self._context.services.tell(execution)

    async def running(self, execution: str) -> int:
        """Return how many tasks of the execution's workspaces are under way."""
        return self._stops.count(execution) + self._context.services.count(execution)

    async def look_up(self, task: Task) -> Report | None:
        """Ask the target about an earlier attempt, under the same checks; a tool without look-up: TrustError.

        What is expected of the workspace's tree is left out: a look-up reads nothing there, and the attempt may have changed it.
        """
        await self._check(task)
        look_up = _find(self._look_ups, task.request.tool)
        async with self._context.workspaces.held(*reached_by(task)):
            if task.workspace:
                await asyncio.to_thread(self._travel.bring, task.workspace, mirror_too=True)
            await self._check_expectations(task, leave_out=OF_THE_TREE)
            await asyncio.to_thread(self._know_secrets, task)
            result = await look_up(task, self._context)
        return self._report(task, result) if result else None

    async def serves(self, execution: str, service: str) -> bool:
        """True for a background service that was begun here and was not stopped, also when it has ended by itself."""
        return self._context.services.is_known(f"{execution}/{service}")

    async def snapshot(self, workspace: str) -> str:
        """Store the workspace as it stands; one that does not exist yet is made, and is empty."""
        async with self._context.workspaces.held(workspace):
            await asyncio.to_thread(self._travel.bring, workspace, mirror_too=False)
            return await asyncio.to_thread(self._context.workspaces.snapshot, workspace)

    async def close(self) -> None:
        """End the background services, and close the connections to servers."""
        await self._context.services.close()
        await self._context.servers.close()

    async def probe(self) -> Mapping[str, Json]:
        """Return what the sandbox enforces here."""
        return (await self._context.sandbox.probe()).to_json()

    async def _check(self, task: Task) -> None:
        now = self._context.clock.now()
        check_permit(task, delegate=self._name, control_plane=self._control_plane, now=now)
        _check_payload(task)
        if not await self._lives(task):
            raise TrustError("the token is no longer valid", hint="start the step again", reason="token-dead")

    async def _lives(self, task: Task) -> bool:
        try:
            return await self._token_lives(task.token, task.permit.token_id) is True
        except BridleError:
            raise
        except Exception as exc:
            raise TrustError("whether the token lives cannot be found out", reason="token-dead") from exc

    async def _check_expectations(self, task: Task, *, leave_out: frozenset[str] = frozenset()) -> None:
        for name, expected in task.permit.expect.items():
            if name in leave_out:
                continue
            found, wanted = await self._found(task, name, expected), expected
            if name == "repository" and isinstance(expected, str):
                wanted = hide_userinfo(expected)
            if found != wanted:
                raise TrustError(
                    f"the decision expects {name} {wanted}, found {found}",
                    hint="nothing was done; it changed after it was decided: start the step again",
                    reason="expectation-failed",
                )

    async def _found(self, task: Task, name: str, expected: Json) -> Json:
        """Return what is true here of one expectation; raise TrustError for an unknown one."""
        spaces = self._context.workspaces
        if name == "tree" and task.request.tool in FROM_STORE:
            return expected if isinstance(expected, str) and spaces.snapshots.has(expected) else None
        if name == "tree":
            if not task.workspace:
                return None
            return task.restore_to or await asyncio.to_thread(spaces.snapshot, task.workspace)
        if name == "described":
            return await find_described(task, self._context)
        if name == "repository":
            return await asyncio.to_thread(_cloned_from, task, spaces)
        if name == "lookup":  # what is asked later; whether it still can be is looked at there
            return expected if task.request.tool.startswith("mcp.") else None
        facts: dict[str, Json] = {
            "boundary": digest(task.boundary),
            "workspace": task.workspace,
            "restore_to": task.restore_to,
            "takes_over": task.request.arguments.get("source"),
        }
        if name not in facts:
            hint = "nothing was done; run the same version of Bridle here as in the control plane"
            raise TrustError(f"this delegate cannot check {name!r}", hint=hint, reason="expectation-unknown")
        return facts[name]

    async def _run(self, task: Task, effector: Effector, stop: Stop) -> Report:
        start = time.monotonic()
        try:
            result = await _effect(task, effector, replace(self._context, stop=stop))
        except CancelledHere:
            raise
        except (InputError, ExecutionError) as exc:
            told: dict[str, Json] = {"error": exc.what, "reason": exc.reason, "next": exc.hint}
            result = EffectorResult(
                "failed", {name: make_visible(str(text), keep="\n\t") for name, text in told.items() if text}
            )
        duration_ms = int((time.monotonic() - start) * 1000)
        try:
            return self._report(task, result, duration_ms=duration_ms)
        except (
            InputError
        ) as exc:  # it was done, whatever it said: that it cannot be written down makes it no failure
            value: dict[str, Json] = {"error": f"what it answered cannot be written down: {exc.what}"}
            return self._report(task, EffectorResult("unknown", value), duration_ms=duration_ms)

    def _redact_facts(self, facts: Mapping[str, Json]) -> Mapping[str, Json]:
        redacted = self._context.redactor.redact_json(dict(facts))
        return redacted if isinstance(redacted, Mapping) else {"dropped": redacted}

    def _report(self, task: Task, result: EffectorResult, *, duration_ms: int = 0) -> Report:
        redactor = self._context.redactor
        value, facts = redactor.redact_json(result.value), self._redact_facts(result.facts)
        private = redactor.redact_bytes(result.private) if result.private else b""
        if task.request.tool.startswith(EXTERNAL_PREFIX):
            told, value = value, redactor.with_personal().redact_json(value)
            if told != value:  # whoever asked needs it as it is; the journal keeps the masked one
                private, facts = canonical(told), {**facts, PRIVATE_HOLDS: "value"}
        return sign_report(
            self._signer,
            action_digest=task.request.digest,
            delegate=self._name,
            status=result.status,
            value=value,
            facts={**facts, "duration_ms": duration_ms},
            private=private,
        )


async def _effect(task: Task, effector: Effector, context: EffectorContext) -> EffectorResult:
    if task.request.tool not in ABANDONED:
        return await effector(task, context)
    result = await context.stop.unless_told(_awaited(effector(task, context)))
    if result is None:
        raise CancelledHere("cancelled before the answer came; the provider may have charged for it")
    return result


async def _awaited(work: Awaitable[Found]) -> Found:
    return await work


def _cloned_from(task: Task, spaces: Workspaces) -> Json:
    """Return the repository that the task's workspace was cloned from last, without credentials, or None."""
    if not task.workspace:
        return None
    try:
        return hide_userinfo(Mirror(spaces.mirror(task.workspace)).clone().repository)
    except ExecutionError:
        return None  # nothing was cloned: no expectation of a repository holds


def _check_payload(task: Task) -> None:
    named = task.request.arguments.get("payload")
    if named is None and task.payload is None:
        return
    if named != digest(task.payload):
        raise TrustError(
            "the payload is not the one that was decided about",
            hint="nothing was done; start the step again, so that it is decided anew",
            reason="payload-mismatch",
        )


def _find(table: Mapping[str, Found], tool: str) -> Found:
    name = ANY_EXTERNAL if tool.startswith("mcp.") else tool
    if name not in table:
        hint = "nothing was done; run the same version of Bridle here as in the control plane"
        raise TrustError(f"this delegate does not do {tool} here", hint=hint, reason="no-effector")
    return table[name]
