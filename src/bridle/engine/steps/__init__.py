"""One file per kind of step. Each turns a step of the plan into actions and says how it ended.

A kind is an async function of a Leg and returns Ended or Waiting. It performs actions through the gate and does nothing else
that could be seen from outside, so running it again after a crash changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.dispatch.protocol import Request
from bridle.engine.execution import Execution, Executions, Starter
from bridle.engine.locks import Locks
from bridle.engine.position import Position
from bridle.gate.action import Action, Asked, Denied, Done, Purpose, Result, Unknown, action_key
from bridle.gate.approvals import Approvals
from bridle.gate.gate import Gate
from bridle.gate.manifest import Manifests
from bridle.pipeline.lookup import holds_marker
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Step
from bridle.trust.journal import Journal
from bridle.trust.keys import KeyRing
from bridle.trust.policy import SetEngine
from bridle.trust.principals import Principals
from bridle.trust.tokens import Minted


@dataclass(frozen=True)
class Bench:
    """What every kind of step works with. `roots` are folders of agents, `model` the account's default model,
    `keys` are those that people's verdicts are signed with, `sets` answers for policy steps; `manifests` know the tools,
    once `refresh_tools` has looked what holds now; `approved_agents_only` is the account's setting of that name; `events` are
    those that a policy set is bound to."""

    gate: Gate
    journal: Journal
    approvals: Approvals
    principals: Principals
    clock: Clock
    roots: tuple[Path, ...]
    model: str
    locks: Locks
    keys: KeyRing
    sets: SetEngine
    manifests: Manifests
    refresh_tools: Callable[[], Awaitable[None]]
    approved_agents_only: bool = False
    events: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Leg:
    """One leg of one step: the step with its expressions rendered (`body`), and the token it acts with.

    `left_s` is how long the blocks around it may still take, or None, and `deadline_of` whose `timeout` that is;
    `deployment` what its stage deploys, and where, or None; `services` is the path of the stage whose background services the
    step reaches, or empty.
    """

    bench: Bench
    execution: Execution
    plan: Plan
    step: Step
    position: Position
    path: str
    body: Mapping[str, Json]
    context: Mapping[str, Json]
    token: Minted
    started_at: datetime
    workspace: str
    left_s: float | None
    executions: Executions
    starter: Starter
    deployment: Mapping[str, Json] | None = None
    deadline_of: str = ""
    services: str = ""

    def times_left(self) -> list[timedelta]:
        """Return how long the step may still take by its own `timeout`, and by those around it; nothing where there is none."""
        left = [] if self.left_s is None else [timedelta(seconds=self.left_s)]
        if self.step.timeout_s is None:
            return left
        return [*left, self.started_at + timedelta(seconds=self.step.timeout_s) - self.bench.clock.now()]


@dataclass(frozen=True)
class Ended:
    """How a step ended, and, in `hint`, what to do about that. `error` is its class in the failure strategies' words, or empty;
    `enforced` is what the policy sets said that are enforced around it."""

    state: State
    output: Json = None
    note: str = ""
    error: str = ""
    enforced: tuple[Mapping[str, Json], ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Waiting:
    """It waits until somebody wakes it, otherwise it looks again after `timeout_s`; `asks` when it is for a verdict."""

    timeout_s: float
    note: str = ""
    asks: bool = False


Ending: TypeAlias = Ended | Waiting
STOPPED: Mapping[str, str] = {
    "wall": "stopped: wall: it ran longer than it may; raise the step's `timeout`, or make it shorter",
    "output": "stopped: output: it printed more than a step may; write to a file in the workspace instead",
    "oom": "stopped: oom: it needed more memory than a step may use",
    "pids": "stopped: pids: it started more processes than a step may",
    "disk": "stopped: disk: it wrote more than a step may",
    "cancelled": "stopped: cancelled: somebody cancelled the execution while it ran",
    "setup": "stopped: setup: the sandbox was ended from outside, and nobody knows how far the command came",
}
Perform: TypeAlias = Callable[[Leg], Awaitable[Ending]]
MAY_HOLD_SECRETS: Mapping[str, frozenset[str]] = {
    "run": frozenset({"env", "with"}),
    "background": frozenset({"env", "with"}),
    "chain": frozenset({"plan"}),
    "policy": frozenset({"sets"}),
}


def refuse_secrets(step: Step, body: Mapping[str, Json]) -> None:
    """Raise InputError when a secret stands where no delegate would put its value, and others would read its name as text."""
    allowed = MAY_HOLD_SECRETS.get(step.kind, frozenset())
    for name, value in body.items():
        if name not in allowed and holds_marker(value):
            raise InputError(
                f"{name!r} of a {step.kind} step can't hold a secret",
                where=step.place,
                hint="a secret can only be given to a command, in its `env`",
                reason="secret-outside-env",
            )


def step_action(
    leg: Leg,
    tool: str,
    arguments: Mapping[str, Json],
    *,
    boundary: Boundary,
    path: str = "",
    call: int = 0,
    purpose: Purpose = Purpose.BUILD,
) -> Action:
    """Return an action of a step that is a tool call, performed as the person who started the execution."""
    step = path or leg.path
    request = Request(
        key=action_key(leg.execution.id, step, call=call),
        tool=tool,
        arguments=arguments,
        principal=leg.execution.initiator,
        purpose=str(purpose),
    )
    return Action(
        request=request,
        execution=leg.execution.id,
        step=step,
        boundary=boundary,
        token=leg.token.secret,
        workspace=leg.workspace,
        deployment=leg.deployment,
        case=case_of(leg.execution),
    )


def case_of(execution: Execution) -> str:
    """Return the case that an execution works on, or an empty string."""
    return str(execution.options.get("case", ""))


async def end_with(leg: Leg, result: Result) -> Ending:
    """Turn a result of the gate into how the step ended."""
    if isinstance(result, Denied):
        return Ended(State.DENIED, note=f"{result.rule}: {result.reason}", error="policy-evaluation")
    if isinstance(result, Unknown):
        return Ended(State.UNKNOWN, note=result.reason, error="unknown")
    if isinstance(result, Asked):
        return await wait_for(leg, result.approval)
    return _end_done(result)


async def wait_for(leg: Leg, approval_id: str) -> Waiting:
    """Wait for the verdicts, no longer than until the request expires or its default holds."""
    approval = await leg.bench.approvals.get(approval_id)
    assert approval is not None
    left_s = (approval.answered_by - leg.bench.clock.now()).total_seconds()
    return Waiting(max(left_s, 0.0) + 1.0, approval.message, asks=True)


def _end_done(result: Done) -> Ended:
    if result.status == "succeeded":
        return Ended(State.SUCCEEDED, result.value)
    value = result.value if isinstance(result.value, Mapping) else {}
    hint = str(value.get("next") or "") if "error" in value else ""
    return Ended(State.FAILED, result.value, note=_why(value), error=_error_class(value), hint=hint)


def _why(value: Mapping[str, Json]) -> str:
    """What ended it comes before what it had reported by then."""
    if "error" in value:
        return str(value["error"])
    if value.get("why", "exit") != "exit":
        return STOPPED.get(str(value["why"]), f"stopped: {value['why']}")
    report = value.get("report")
    if isinstance(report, Mapping) and _is_red(report):
        return f"{report['tests']} tests, {report['failures']} failures, {report['errors']} errors"
    return f"exit code {value.get('exit_code')}"


def _is_red(report: Mapping[str, Json]) -> bool:
    return any(report.get(name) != 0 for name in ("failures", "errors"))


def _error_class(value: Mapping[str, Json]) -> str:
    """A red report is `verification`; a command cut off by time is `timeout`; the rest nobody has named.

    A suite that fails and reports no failure has not said what is wrong with it: that is no verdict.
    """
    report = value.get("report")
    if value.get("why") == "wall":
        return "timeout"
    if isinstance(report, Mapping) and value.get("why") == "exit" and _is_red(report):
        return "verification"
    return "unknown"
