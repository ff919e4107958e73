"""Does the work of steps for the interpreter: conditions, tokens, records, failure strategies.

Rules
  1. A step that has ended in the journal has ended: the answer is read from there, and nothing is done again.
  2. A leg begins with a fresh token; the tokens of earlier legs, cut short by a crash, are deleted in the same transaction.
  3. The end of a leg deletes its token, in the transaction that records the end.
  4. What cannot be evaluated fails its step or stage, with the place and the reason; it is never taken for false.
  5. A store that does not answer ends nothing: the error leaves the workflow, which goes on from there when it is resumed.
  6. What the interpreter gets back is state, note and record id. The output is in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import from_iso, iso
from bridle.core.errors import BridleError, UnavailableError
from bridle.core.states import State
from bridle.engine.actors import Actor, find_actor
from bridle.engine.context import Outputs, build_context
from bridle.engine.execution import Execution, MoveExecution
from bridle.engine.interpreter import Progress, StepWorker
from bridle.engine.steps import Bench, Ended, Leg, Perform, Waiting
from bridle.engine.steps.agent import perform_agent
from bridle.engine.steps.approval import perform_approval
from bridle.engine.steps.clone import perform_clone
from bridle.engine.steps.run import perform_run
from bridle.engine.steps.tool import perform_tool
from bridle.engine.steps.wait import perform_wait
from bridle.pipeline.conditions import (
    DEFAULT_OF_STAGE,
    DEFAULT_OF_STEP,
    ConditionResult,
    evaluate_condition,
)
from bridle.pipeline.expressions import Rendered, resolve
from bridle.pipeline.plan import FailureRule, Plan, Stage, Step
from bridle.trust.journal import Entry, Guard, Kind, Record
from bridle.trust.tokens import DeleteTokens, Minted, MintToken, Token, mint

STEP_KINDS: Mapping[str, Perform] = {
    "run": perform_run,
    "clone": perform_clone,
    "tool": perform_tool,
    "approval": perform_approval,
    "agent": perform_agent,
    "wait": perform_wait,
}
TOKEN_TTL = timedelta(hours=12)  # a failsafe: tokens are deleted when their leg ends
NEVER = datetime.min.replace(tzinfo=UTC)
NO_TOKEN = Minted(Token("", "", "", "", "", "", frozenset(), NEVER), secret="")  # nothing can be done with it


class Finisher(Protocol):
    """Ends an execution: records it, signs a checkpoint, issues evidence."""

    async def finish(
        self, execution: Execution, *, failed: bool, steps: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]: ...


class PlanWorker(StepWorker):
    """Works on one execution."""

    def __init__(self, bench: Bench, execution: Execution, finisher: Finisher) -> None:
        self._bench = bench
        self._execution = execution
        self._plan = Plan.from_json(execution.plan)
        self._finisher = finisher
        self._outputs = Outputs(bench.journal)

    async def enter_stage(self, stage: Stage, progress: Progress) -> dict[str, Any]:
        last = await self._bench.journal.last(self._execution.id, stage.id, (Kind.STAGE_ENDED,))
        if last is not None:
            return {"state": last.body["state"]}
        context = await self._context(stage, progress)
        try:
            wanted = _evaluate(stage.condition, context, progress, default=DEFAULT_OF_STAGE)
        except BridleError as error:
            return await self._leave_out(stage, State.FAILED, str(error))
        if wanted.value:
            return {"state": str(State.RUNNING)}
        return await self._leave_out(stage, State.SKIPPED, _why_not(wanted))

    async def run_step(self, stage: Stage, step: Step, progress: Progress) -> dict[str, Any]:
        path = f"{stage.id}/{step.id}"
        kinds = (Kind.STEP_STARTED, Kind.STEP_ENDED)
        last = await self._bench.journal.last(self._execution.id, path, kinds)
        if last is not None and last.kind is Kind.STEP_ENDED:
            return _answer(last)
        context = await self._context(stage, progress)
        rules = step.on_failure or stage.on_failure
        try:
            wanted = _evaluate(step.condition, context, progress, default=DEFAULT_OF_STEP)
            if not wanted.value:
                return await self._end(path, Ended(State.SKIPPED, note=_why_not(wanted)), rules)
            body = resolve(step.with_, context)
            assert isinstance(body.value, Mapping)
            actor = await find_actor(
                self._bench, self._execution, self._plan, step, path=path, body=body.value
            )
            minted = await self._begin(path, actor, last)
        except UnavailableError:
            raise
        except BridleError as error:  # an earlier leg may have left a token behind
            return await self._end(path, _broken(error), rules, token_step=path)
        started_at = from_iso(last.at) if last else self._bench.clock.now()
        leg = self._leg(stage, step, path, body, context, minted, started_at)
        return await self._perform(leg, actor, rules, body)

    async def finish(self, progress: Progress) -> dict[str, Any]:
        return await self._finisher.finish(self._execution, failed=progress.failed, steps=progress.steps)

    async def _context(self, stage: Stage, progress: Progress) -> dict[str, Json]:
        return await build_context(self._execution, progress, self._outputs, stage=stage.id)

    def _leg(
        self,
        stage: Stage,
        step: Step,
        path: str,
        body: Rendered,
        context: Mapping[str, Json],
        minted: Minted,
        started_at: datetime,
    ) -> Leg:
        assert isinstance(body.value, Mapping)
        return Leg(
            bench=self._bench,
            execution=self._execution,
            plan=self._plan,
            stage=stage,
            step=step,
            path=path,
            body=body.value,
            context=context,
            token=minted,
            started_at=started_at,
        )

    async def _perform(
        self, leg: Leg, actor: Actor, rules: tuple[FailureRule, ...], body: Rendered
    ) -> dict[str, Any]:
        try:
            ending = await STEP_KINDS[leg.step.kind](leg)
        except UnavailableError:
            raise
        except BridleError as error:
            ending = await self._interrupted(leg.path, error)
        if isinstance(ending, Waiting):
            await self._suspend(leg.path, actor.step, ending)
            return {"state": str(State.WAITING), "topic": ending.topic, "timeout_s": ending.timeout_s}
        return await self._end(leg.path, ending, rules, token_step=actor.step, unresolved=body.unresolved)

    async def _interrupted(self, path: str, error: BridleError) -> Ended:
        """Tell how a leg ended that raised: an intent without an outcome is an effect of which nobody knows."""
        records = await self._bench.journal.read(execution=self._execution.id)
        own = [record for record in records if record.subject.startswith(f"{self._execution.id}/{path}#")]
        known = {record.subject for record in own if record.kind is Kind.OUTCOME}
        open_intents = {record.subject for record in own if record.kind is Kind.INTENDED} - known
        if not open_intents:
            return _broken(error)
        note = f"begun, and its outcome was not recorded: {error}"
        return Ended(State.UNKNOWN, note=note, error="unknown")

    async def _begin(self, path: str, actor: Actor, last: Record | None) -> Minted:
        """Mint the leg's token and record that it begins, in one transaction."""
        now = self._bench.clock.now()
        entries, guards = list(actor.entries), list(actor.guards)
        guards.append(DeleteTokens(self._execution.id, actor.step))
        minted = NO_TOKEN
        if actor.asked_for:
            minted = mint(
                actor=actor.principal,
                initiator=actor.initiator,
                asked_for=actor.asked_for,
                execution=self._execution.id,
                step=actor.step,
                expires_at=now + TOKEN_TTL,
            )
            entries.append(self._entry(Kind.TOKEN_MINTED, minted.token.id, describe_token(minted)))
            guards.append(MintToken(minted.token))
        if last is None:
            entries.append(self._entry(Kind.STEP_STARTED, path, {"principal": actor.principal.id}))
        else:
            guards.append(MoveExecution(self._execution.id, State.RUNNING, "", now))
        await self._bench.journal.append(entries, guards)
        return minted

    async def _suspend(self, path: str, token_step: str, waiting: Waiting) -> None:
        guards: list[Guard] = [
            DeleteTokens(self._execution.id, token_step),
            MoveExecution(self._execution.id, State.WAITING, waiting.note, self._bench.clock.now()),
        ]
        entry = self._entry(Kind.TOKEN_DELETED, path, {"step": token_step})
        await self._bench.journal.append([entry], guards)

    async def _leave_out(self, stage: Stage, state: State, note: str) -> dict[str, Any]:
        entry = self._entry(Kind.STAGE_ENDED, stage.id, {"state": str(state), "note": note})
        await self._bench.journal.append([entry])
        return {"state": str(state)}

    async def _end(
        self,
        path: str,
        ended: Ended,
        rules: tuple[FailureRule, ...],
        *,
        token_step: str = "",
        unresolved: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        ignored = ended.error != "" and _is_ignored(ended, rules)
        notes = (ended.note, "failure ignored" if ignored else "", _unresolved(unresolved))
        body: dict[str, Json] = {
            "state": str(ended.state),
            "note": "; ".join(note for note in notes if note),
            "ignored": ignored,
            "output": ended.output,
        }
        entries = [self._entry(Kind.STEP_ENDED, path, body)]
        guards: list[Guard] = []
        if token_step:
            entries.insert(0, self._entry(Kind.TOKEN_DELETED, path, {"step": token_step}))
            guards.append(DeleteTokens(self._execution.id, token_step))
        record = (await self._bench.journal.append(entries, guards))[-1]
        self._outputs.keep(record)
        return _answer(record)

    def _entry(self, kind: Kind, subject: str, body: Mapping[str, Json]) -> Entry:
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


def _evaluate(
    condition: str, context: Mapping[str, Json], progress: Progress, *, default: str
) -> ConditionResult:
    return evaluate_condition(
        condition,
        context,
        pipeline_failed=progress.failed,
        stage_failed=progress.stage_failed,
        default=default,
    )


def _why_not(wanted: ConditionResult) -> str:
    return _unresolved(wanted.unresolved) or "condition not met"


def _unresolved(paths: tuple[str, ...]) -> str:
    return f"unresolved: {', '.join(paths)}" if paths else ""


def _broken(error: BridleError) -> Ended:
    return Ended(State.FAILED, note=str(error), error="unknown")


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
