"""Runs the legs of steps: conditions, tokens, records, failure strategies.

Rules
  1. A step that has ended in the journal has ended: the answer is read from there, and nothing is done again.
  2. A leg begins with a fresh token; the tokens of earlier legs, cut short by a crash, are deleted in the same transaction.
  3. The end of a leg deletes its token, if it had one, in the transaction that records the end.
  4. What cannot be evaluated fails its step, with the place and the reason; it is never taken for false.
  5. A store that does not answer ends nothing: the error leaves the workflow, which goes on from there when it is resumed.
  6. What the failure strategy says is decided once, and is part of the record of the attempt's end.
  7. With the end of a step that failed end its requests to people, and its place at a barrier that has not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.core.errors import BridleError, InputError, UnavailableError
from bridle.core.notes import make_note, note_of, split_note, tell_error
from bridle.core.states import State
from bridle.engine.actors import Actor, find_actor
from bridle.engine.blocks import describe_fault, describe_refusal, describe_unresolved, evaluate_node
from bridle.engine.branches import workspace_of
from bridle.engine.choosing import Choosing, has_failed
from bridle.engine.desk import Desk
from bridle.engine.events import ask_events
from bridle.engine.execution import place_of
from bridle.engine.locks import Depart
from bridle.engine.position import Position
from bridle.engine.result import TIME_OVER, Standing
from bridle.engine.services import attend
from bridle.engine.steps import Ended, Leg, Perform, Waiting, refuse_secrets
from bridle.engine.steps.agent import perform_agent
from bridle.engine.steps.approval import perform_approval
from bridle.engine.steps.background import perform_background
from bridle.engine.steps.barrier import perform_barrier
from bridle.engine.steps.chain import perform_chain
from bridle.engine.steps.clone import perform_clone
from bridle.engine.steps.enforced import ask_enforced, refuse_enforced
from bridle.engine.steps.policy import perform_policy
from bridle.engine.steps.queue import perform_queue
from bridle.engine.steps.run import perform_run
from bridle.engine.steps.tool import perform_tool
from bridle.engine.steps.wait import perform_wait
from bridle.engine.work import Answer
from bridle.gate.approvals import Approval, ApprovalState, CloseApproval
from bridle.pipeline.expressions import Rendered, resolve
from bridle.pipeline.failure import FAIL
from bridle.pipeline.tree import Step
from bridle.trust.journal import Entry, Guard, Kind, Record
from bridle.trust.principals import Place
from bridle.trust.tokens import DeleteTokens, Minted, MintToken, Token, describe_token, mint

STEP_KINDS: Mapping[str, Perform] = {
    "run": perform_run,
    "background": perform_background,
    "clone": perform_clone,
    "tool": perform_tool,
    "approval": perform_approval,
    "agent": perform_agent,
    "wait": perform_wait,
    "chain": perform_chain,
    "barrier": perform_barrier,
    "queue": perform_queue,
    "policy": perform_policy,
}
RENDERS_ITSELF = frozenset({"chain", "policy"})  # what they bring along whole is text, not expressions
TOKEN_TTL = timedelta(hours=12)  # a failsafe: tokens are deleted when their leg ends
NEVER = datetime.min.replace(tzinfo=UTC)
NO_TOKEN = Minted(Token("", "", "", "", "", "", frozenset(), NEVER), secret="")  # nothing can be done with it


@dataclass(frozen=True)
class Stepping:
    """One leg of one step, before it is known what it may do."""

    desk: Desk
    position: Position
    standing: Standing

    @property
    def path(self) -> str:
        return self.position.path

    @property
    def step(self) -> Step:
        node = self.position.node
        assert isinstance(node, Step)
        return node

    async def run(self) -> Answer:
        """Run one leg; see `work.Worker.run_step`."""
        desk, path = self.desk, self.path
        kinds = (Kind.STEP_STARTED, Kind.STEP_ENDED)
        last = await desk.bench.journal.last(desk.execution.id, path, kinds)
        if last is not None and last.kind is Kind.STEP_ENDED:
            return answer_of(last)
        cut = await desk.interruption(self.position)
        if cut is not None:
            return cut if last is None or cut["state"] == State.PAUSED else await self._cut_short(cut)
        if desk.is_over(self.standing):
            return await self._time_over(begun=last is not None)
        desk.begin_work(path)
        try:
            return await self._leg(last)
        finally:
            desk.active.discard(path)

    async def _leg(self, last: Record | None) -> Answer:
        desk = self.desk
        try:
            context = await desk.context(self.position)
            wanted = evaluate_node(desk, self.position, self.standing, context)
            if not wanted.value:
                return await self.end(Ended(State.SKIPPED, note=describe_refusal(wanted)))
            is_own = self.step.kind in RENDERS_ITSELF
            body = Rendered(self.step.with_) if is_own else resolve(self.step.with_, context)
            assert isinstance(body.value, Mapping)
            refuse_secrets(self.step, body.value)
            deployment = await desk.deployment(self.position)
            actor = await find_actor(
                desk.bench,
                desk.execution,
                desk.plan,
                self.step,
                path=self.path,
                body=body.value,
                deployment=deployment,
            )
            services = await attend(desk, self.position)
            minted = await self._begin(actor, last, place_of(desk.execution, deployment))
        except UnavailableError:
            raise
        except BridleError as error:  # an earlier leg may have left a token behind
            told = describe_fault(self.position, error) if isinstance(error, InputError) else note_of(error)
            note, hint = split_note(told)
            ended = Ended(State.FAILED, note=note, hint=hint, error="unknown")
            return await self.end(ended, token_step=self.path)
        leg = desk.open_leg(
            self.position,
            body=body.value,
            context=context,
            token=minted,
            started_at=from_iso(last.at) if last else desk.now(),
            workspace=workspace_of(desk.execution, self.position),
            standing=self.standing,
            deployment=deployment,
            services=services,
        )
        return await self._perform(leg, actor, body)

    async def _perform(self, leg: Leg, actor: Actor, body: Rendered) -> Answer:
        try:
            held = await ask_events(leg)
            told = await ask_enforced(leg) if held is None else []
            ending = held or refuse_enforced(told) or await STEP_KINDS[leg.step.kind](leg)
            if told and isinstance(ending, Ended):
                ending = replace(ending, enforced=tuple(told))
        except UnavailableError:
            raise
        except BridleError as error:
            ending = await self._interrupted(error)
        if isinstance(ending, Waiting):
            return await self._suspend(actor, self._bound(ending, leg))
        token_step = actor.step if actor.asked_for else ""
        return await self.end(ending, token_step=token_step, unresolved=body.unresolved)

    def _bound(self, waiting: Waiting, leg: Leg) -> Waiting | Ended:
        """A wait lasts no longer than the step and the blocks around it may."""
        left = self.desk.left_s(self.standing)
        if self.step.timeout_s is not None:
            own = leg.started_at + timedelta(seconds=self.step.timeout_s) - self.desk.now()
            if own <= timedelta(0):
                return _time_out(f"it waited longer than {self.step.timeout_s} s", asks=waiting.asks)
            left = min(left, own.total_seconds())
        return replace(waiting, timeout_s=min(waiting.timeout_s, left + 0.05))

    async def _interrupted(self, error: BridleError) -> Ended:
        """Tell how a leg ended that raised: an intent without an outcome is an effect of which nobody knows."""
        records = await self.desk.bench.journal.read(execution=self.desk.execution.id)
        start = f"{self.desk.execution.id}/{self.path}#"
        own = [record for record in records if record.subject.startswith(start)]
        known = {record.subject for record in own if record.kind is Kind.OUTCOME}
        open_intents = {record.subject for record in own if record.kind is Kind.INTENDED} - known
        if not open_intents:
            return _broken(error)
        note = f"begun, and its outcome was not recorded: {tell_error(error)}"
        return Ended(State.UNKNOWN, note=note, hint=error.hint, error="unknown")

    async def _begin(self, actor: Actor, last: Record | None, place: Place) -> Minted:
        """Mint the leg's token and record that it begins, in one transaction."""
        desk = self.desk
        entries: list[Entry] = []
        guards = list(actor.guards)
        guards.append(DeleteTokens(desk.execution.id, actor.step))
        minted = NO_TOKEN
        if actor.asked_for:
            minted = mint(
                actor=actor.principal,
                initiator=actor.initiator,
                asked_for=actor.asked_for,
                execution=desk.execution.id,
                step=actor.step,
                expires_at=desk.now() + TOKEN_TTL,
                place=place,
                purpose=actor.purpose,
                boundary=desk.bench.principals.boundary(place),
            )
            entries.append(desk.entry(Kind.TOKEN_MINTED, minted.token.id, describe_token(minted)))
            guards.append(MintToken(minted.token))
        if last is None:
            entries.append(desk.entry(Kind.STEP_STARTED, self.path, {"principal": actor.principal.id}))
        if last is not None or desk.waiting:
            guards.append(desk.move(State.RUNNING, ""))
        await desk.append(entries, guards)
        return minted

    async def _suspend(self, actor: Actor, waiting: Waiting | Ended) -> Answer:
        if isinstance(waiting, Ended):
            return await self.end(waiting, token_step=actor.step if actor.asked_for else "")
        entries: list[Entry] = []
        guards: list[Guard] = []
        if actor.asked_for:
            entries.append(self.desk.entry(Kind.TOKEN_DELETED, self.path, {"step": actor.step}))
            guards.append(DeleteTokens(self.desk.execution.id, actor.step))
        guards += self.desk.end_work(self.path, waits=waiting.note)
        if entries or guards:
            await self.desk.append(entries, guards)
        return {"state": str(State.WAITING), "timeout_s": waiting.timeout_s}

    async def _cut_short(self, cut: Answer) -> Answer:
        """Record the end of a step that had begun when it was cancelled or stopped."""
        if self.step.kind == "chain":
            await self.desk.starter.cancel_child(self.desk.execution, path=self.path)
        ended = Ended(State.CANCELLED, note=str(cut["note"]))
        answer = await self.end(ended, token_step=self.path, decides=False)
        return {**answer, **{name: cut[name] for name in ("stop",) if name in cut}}

    async def _time_over(self, *, begun: bool) -> Answer:
        if not begun:
            return {"state": str(State.FAILED), "stop": TIME_OVER, "record": ""}
        whose = self.standing.deadline_of or "a block around it"
        asks = bool(await self._open_approvals())
        ended = _time_out(f"the `timeout` of {whose} is over", asks=asks)
        return {**await self.end(ended, token_step=self.path, decides=False), "stop": TIME_OVER}

    async def end(
        self,
        ended: Ended,
        *,
        token_step: str = "",
        unresolved: tuple[str, ...] = (),
        decides: bool = True,
    ) -> Answer:
        """Record how the attempt ended, and what the failure strategy makes of it."""
        choosing = Choosing(self.desk, self.position)
        reaction, note = await choosing.choose(ended) if decides else (FAIL, "")
        state = State.SUCCEEDED if reaction.reaction in ("success", "proceed-with-default") else ended.state
        notes = (ended.note, note, describe_unresolved(unresolved))
        body: dict[str, Json] = {
            "state": str(state),
            "note": make_note("; ".join(text for text in notes if text), ended.hint),
            "ignored": reaction.reaction == "ignore",
            "output": ended.output,
            "reaction": choosing.describe(reaction) if has_failed(ended) else {},
            **({"enforced": list(ended.enforced)} if ended.enforced else {}),
        }
        entries = [self.desk.entry(Kind.STEP_ENDED, self.path, body)]
        guards: list[Guard] = []
        if token_step:
            entries.insert(0, self.desk.entry(Kind.TOKEN_DELETED, self.path, {"step": token_step}))
            guards.append(DeleteTokens(self.desk.execution.id, token_step))
        guards += self.desk.end_work(self.path)
        if ended.state not in (State.SUCCEEDED, State.SKIPPED):
            guards += await self._withdraw()
        record = (await self.desk.append(entries, guards))[-1]
        if state is not State.SUCCEEDED:
            await self.desk.rouse(self.position)
        return answer_of(record)

    async def _withdraw(self) -> list[Guard]:
        """Nobody is asked any more on behalf of a step that has failed, and nobody counts on it at a barrier (rule 7)."""
        guards: list[Guard] = [CloseApproval(approval.id) for approval in await self._open_approvals()]
        if self.step.kind == "barrier":
            name, of = self.desk.barriers[self.position.address]
            guards.append(Depart(self.desk.execution.id, name, self.path, of=of))
        return guards

    async def _open_approvals(self) -> list[Approval]:
        """Return what people were asked by this step, and nothing was done with."""
        asked = await self.desk.bench.approvals.find(
            execution=self.desk.execution.id, states=(ApprovalState.OPEN, ApprovalState.APPROVED)
        )
        return [approval for approval in asked if approval.topic == self.path]


def answer_of(record: Record) -> Answer:
    """Return the answer that a `step.ended` record holds."""
    body = record.body
    reaction = body.get("reaction") or {}
    assert isinstance(reaction, Mapping)
    return {"state": body["state"], "note": body["note"], "record": record.id, **reaction}


def _time_out(note: str, *, asks: bool) -> Ended:
    """Time that is over while people are asked has refused what they were asked about: no failure strategy forgives it."""
    if asks:
        return Ended(State.DENIED, note=f"nobody answered: {note}", error="approval-rejection")
    return Ended(State.FAILED, note=note, error="timeout")


def _broken(error: BridleError) -> Ended:
    return Ended(State.FAILED, note=tell_error(error), hint=error.hint, error="unknown")
