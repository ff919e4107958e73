"""Does the work of steps for the interpreter: conditions, tokens, records, failure strategies.

Rules
  1. A step that has ended in the journal has ended: the answer is read from there, and nothing is done again.
  2. A leg begins with a fresh token; the tokens of earlier legs, cut short by a crash, are deleted in the same transaction.
  3. The end of a leg deletes its token, in the transaction that records the end.
  4. What the interpreter gets back is state, note and record id. The output is in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bridle.agent.definition import AgentDefinition
from bridle.core.canonical import Json
from bridle.core.clock import from_iso, iso
from bridle.core.errors import BridleError
from bridle.core.states import State
from bridle.engine.context import Outputs, build_context
from bridle.engine.execution import Execution, MoveExecution
from bridle.engine.interpreter import Progress, StepWorker
from bridle.engine.steps import Bench, Ended, Kind, Leg, Waiting
from bridle.engine.steps.agent import AGENT, definition_of
from bridle.engine.steps.approval import APPROVAL, find_target
from bridle.engine.steps.clone import CLONE
from bridle.engine.steps.run import RUN
from bridle.engine.steps.tool import TOOL
from bridle.engine.steps.wait import WAIT
from bridle.gate.budgets import Budget, OpenBudget
from bridle.gate.manifest import find_manifest
from bridle.pipeline.conditions import evaluate_condition
from bridle.pipeline.expressions import render
from bridle.pipeline.plan import FailureRule, Plan, Stage, Step
from bridle.trust.journal import Entry, Guard, Record
from bridle.trust.journal import Kind as Said
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import DeleteTokens, Minted, MintToken, Token, mint

STEP_KINDS: Mapping[str, Kind] = {
    "run": RUN,
    "clone": CLONE,
    "tool": TOOL,
    "approval": APPROVAL,
    "agent": AGENT,
    "wait": WAIT,
}
TOKEN_TTL = timedelta(hours=12)  # a failsafe: tokens are deleted when their leg ends


NO_TOKEN = Minted(
    Token("", "", "", "", "", "", frozenset(), datetime.min.replace(tzinfo=UTC)), secret=""
)  # for a step that performs no action: nothing can be done with it


class Finisher(Protocol):
    """Ends an execution: records it, signs a checkpoint, issues evidence."""

    async def finish(
        self, execution: Execution, *, failed: bool, steps: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Actor:
    """Who a leg acts as, what its token asks for, and what has to be stored first."""

    principal: Principal
    asked_for: frozenset[str]
    step: str
    entries: tuple[Entry, ...] = ()
    guards: tuple[Guard, ...] = ()


class PlanWorker(StepWorker):
    """Works on one execution."""

    def __init__(self, bench: Bench, execution: Execution, finisher: Finisher) -> None:
        self._bench = bench
        self._execution = execution
        self._plan = Plan.from_json(execution.plan)
        self._finisher = finisher
        self._outputs = Outputs(bench.journal)

    async def enter_stage(self, stage: Stage, progress: Progress) -> dict[str, Any]:
        if not stage.condition:
            return {"run": not progress.failed}
        context = await build_context(self._execution, progress, self._outputs, stage=stage.id)
        answer = evaluate_condition(
            stage.condition,
            context,
            pipeline_failed=progress.failed,
            stage_failed=False,
            default="OnPipelineSuccess",
        )
        return {"run": answer.value}

    async def run_step(self, stage: Stage, step: Step, progress: Progress) -> dict[str, Any]:
        path = f"{stage.id}/{step.id}"
        last = await self._bench.journal.last(self._execution.id, path, (Said.STEP_STARTED, Said.STEP_ENDED))
        if last is not None and last.kind is Said.STEP_ENDED:
            return _answer(last)
        context = await build_context(self._execution, progress, self._outputs, stage=stage.id)
        wanted = evaluate_condition(
            step.condition,
            context,
            pipeline_failed=progress.failed,
            stage_failed=progress.stage_failed,
            default="OnStageSuccess",
        )
        if not wanted.value:
            note = "unresolved: " + ", ".join(wanted.unresolved) if wanted.unresolved else "condition not met"
            return await self._end(path, stage, step, Ended(State.SKIPPED, note=note), token_step="")
        return await self._run_leg(stage, step, path, context, last)

    async def finish(self, progress: Progress) -> dict[str, Any]:
        return await self._finisher.finish(self._execution, failed=progress.failed, steps=progress.steps)

    async def _run_leg(
        self, stage: Stage, step: Step, path: str, context: Mapping[str, Json], last: Record | None
    ) -> dict[str, Any]:
        try:
            body = render(step.with_, context)
            assert isinstance(body, Mapping)
            actor = await self._actor(step, path, body)
            minted = await self._begin(path, actor, last)
        except BridleError as error:
            ended = Ended(State.FAILED, note=str(error), error="unknown")
            return await self._end(path, stage, step, ended, token_step="")
        leg = Leg(
            bench=self._bench,
            execution=self._execution,
            plan=self._plan,
            stage=stage,
            step=step,
            path=path,
            body=body,
            context=context,
            token=minted,
            started_at=from_iso(last.at) if last else self._bench.clock.now(),
        )
        try:
            ending = await STEP_KINDS[step.kind].perform(leg)
        except BridleError as error:
            ending = Ended(State.FAILED, note=str(error), error="unknown")
        if isinstance(ending, Waiting):
            await self._suspend(path, actor.step, ending)
            return {"state": str(State.WAITING), "topic": ending.topic, "timeout_s": ending.timeout_s}
        return await self._end(path, stage, step, ending, token_step=actor.step)

    async def _actor(self, step: Step, path: str, body: Mapping[str, Json]) -> Actor:
        """An agent acts as itself; every other step as the person who started the execution."""
        if step.kind == "agent":
            definition = definition_of(self._bench, body, self._execution.options)
            return await self._agent_actor(definition, path)
        principal = await self._bench.principals.get(self._execution.initiator)
        assert principal is not None
        tool_step, tool_path = step, path
        if step.kind == "approval":
            wanted = body["with"]
            assert isinstance(wanted, Mapping)
            tool_path = str(wanted["for"]).replace(".", "/", 1)
            tool_step = find_target(self._plan, str(wanted["for"]))
        needs = STEP_KINDS[step.kind].needs
        if tool_step.kind == "tool":
            needs = frozenset({find_manifest(str(tool_step.with_["uses"])).needs})
        return Actor(principal, needs, tool_path)

    async def _agent_actor(self, definition: AgentDefinition, path: str) -> Actor:
        principal = Principal(
            kind=PrincipalKind.AGENT,
            name=definition.name,
            owner=definition.owner,
            permissions=definition.permissions,
            version=definition.version,
            digest=definition.digest,
        )
        budget = Budget(
            id=f"{self._execution.id}/{path}",
            max_turns=definition.limits.max_turns,
            max_tokens=definition.limits.max_tokens,
            max_cost_usd=definition.limits.max_cost_usd,
        )
        guards: tuple[Guard, ...] = (OpenBudget(budget),)
        known = await self._bench.principals.get(principal.id)
        if known is not None and known.digest == principal.digest:
            return Actor(known, definition.permissions, path, guards=guards)
        entry = Entry(Said.PRINCIPAL_REGISTERED, self._execution.id, principal.id, principal.to_json())
        return Actor(
            principal, definition.permissions, path, (entry,), (RegisterPrincipal(principal), *guards)
        )

    async def _begin(self, path: str, actor: Actor, last: Record | None) -> Minted:
        """Mint the leg's token and record that it begins, in one transaction. A wait asks for nothing and has no token."""
        now = self._bench.clock.now()
        entries, guards = list(actor.entries), list(actor.guards)
        guards.append(DeleteTokens(self._execution.id, actor.step))
        minted = NO_TOKEN
        if actor.asked_for:
            initiator = await self._bench.principals.get(self._execution.initiator)
            assert initiator is not None
            minted = mint(
                actor=actor.principal,
                initiator=initiator,
                asked_for=actor.asked_for,
                execution=self._execution.id,
                step=actor.step,
                expires_at=now + TOKEN_TTL,
            )
            entries.append(self._entry(Said.TOKEN_MINTED, minted.token.id, describe_token(minted)))
            guards.append(MintToken(minted.token))
        if last is None:
            entries.append(self._entry(Said.STEP_STARTED, path, {"principal": actor.principal.id}))
        else:
            guards.append(MoveExecution(self._execution.id, State.RUNNING, "", now))
        await self._bench.journal.append(entries, guards)
        return minted

    async def _suspend(self, path: str, token_step: str, waiting: Waiting) -> None:
        now = self._bench.clock.now()
        guards: list[Guard] = [
            DeleteTokens(self._execution.id, token_step),
            MoveExecution(self._execution.id, State.WAITING, waiting.note, now),
        ]
        body: dict[str, Json] = {"step": token_step}
        await self._bench.journal.append([self._entry(Said.TOKEN_DELETED, path, body)], guards)

    async def _end(
        self, path: str, stage: Stage, step: Step, ended: Ended, *, token_step: str
    ) -> dict[str, Any]:
        ignored = ended.error != "" and _is_ignored(ended, step.on_failure or stage.on_failure)
        note = "; ".join(part for part in (ended.note, "failure ignored" if ignored else "") if part)
        body: dict[str, Json] = {
            "state": str(ended.state),
            "note": note,
            "ignored": ignored,
            "output": ended.output,
        }
        entries = [self._entry(Said.STEP_ENDED, path, body)]
        guards: list[Guard] = []
        if token_step:
            deleted = self._entry(Said.TOKEN_DELETED, path, {"step": token_step})
            entries.insert(0, deleted)
            guards.append(DeleteTokens(self._execution.id, token_step))
        return _answer((await self._bench.journal.append(entries, guards))[-1])

    def _entry(self, kind: Said, subject: str, body: Mapping[str, Json]) -> Entry:
        return Entry(kind, self._execution.id, subject, body)


def describe_token(minted: Minted) -> dict[str, Json]:
    """Return what the journal says of a new token: everything but the secret."""
    token = minted.token
    return {
        "step": token.step,
        "principal": token.principal,
        "initiator": token.initiator,
        "scope": sorted(token.scope),
        "expires_at": iso(token.expires_at),
    }


def _answer(record: Record) -> dict[str, Any]:
    body = record.body
    return {"state": body["state"], "note": body["note"], "ignored": body["ignored"], "record": record.id}


def _is_ignored(ended: Ended, rules: tuple[FailureRule, ...]) -> bool:
    """The first rule that names the error's class decides; a denial or an unknown outcome is never ignored."""
    if ended.state in (State.DENIED, State.UNKNOWN):
        return False
    for rule in rules:
        if "all" in rule.errors or ended.error in rule.errors:
            return rule.action == "ignore"
    return False
