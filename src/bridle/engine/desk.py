"""What every operation on one execution works with, and the questions that all of them ask first.

Rules
  1. A cancel, a stop of the branch and a deadline are noticed at the beginning of every leg, a pause as well; waits are
     woken for it.
  2. A deadline is the nearest of those around; a wait never outlasts it.
  3. The execution is `waiting` when nothing of it is being worked on and something waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.core.states import State
from bridle.engine.context import Known, build_context, find_deployment
from bridle.engine.execution import Execution, Executions, MoveExecution, Starter
from bridle.engine.interrupts import PauseExecution, Wish
from bridle.engine.position import Position
from bridle.engine.result import CANCEL, Result, Standing
from bridle.engine.steps import Bench, Leg
from bridle.engine.steps.barrier import barriers_of
from bridle.engine.work import Answer
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Address, AnyNode, Step, walk
from bridle.trust.journal import Entry, Guard, GuardError, Kind, Record
from bridle.trust.tokens import Minted

MOST_DESKS = 2_000  # of executions at a time; one that is dropped is opened again when it is needed
WITHOUT_OTHERS_WORDS = frozenset(
    {"run", "background", "clone", "tool", "wait", "barrier", "queue"}
)  # an approval renders another step
PAUSED_LOOK_S = 3600.0  # a resume wakes what is paused; this is for a wake that was lost with its process


class Finisher(Protocol):
    """Ends an execution: records it, signs a checkpoint, issues evidence."""

    async def finish(self, execution: Execution, *, result: Result, outputs: Json) -> dict[str, Any]: ...


@dataclass
class Desk:
    """One execution in this process. `active` are the paths being worked on, `waiting` the notes of those that wait;
    whoever begins services again holds `serving`."""

    bench: Bench
    execution: Execution
    plan: Plan
    executions: Executions
    finisher: Finisher
    starter: Starter
    known: Known
    wake: Callable[[str, str], Awaitable[None]]
    active: set[str] = field(default_factory=set)
    waiting: dict[str, str] = field(default_factory=dict)
    serving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> datetime:
        return self.bench.clock.now()

    def entry(self, kind: Kind, subject: str, body: Mapping[str, Json]) -> Entry:
        return Entry(kind, self.execution.id, subject, body)

    async def append(self, entries: list[Entry], guards: list[Guard]) -> list[Record]:
        """Append to the journal, and know what was appended."""
        records = await self.bench.journal.append(entries, guards)
        for record in records:
            if record.kind in (Kind.STEP_ENDED, Kind.BLOCK_STARTED, Kind.BLOCK_ENDED):
                self.known.take(record)
        return records

    async def rouse(self, ended: Position) -> None:
        """Have those look again who wait at a barrier for something in a node that has ended."""
        depth = len(ended.address)
        here = [meant for address, meant in self.barriers.items() if address[:depth] == ended.address]
        for name, of in dict.fromkeys(here):
            await self.bench.locks.rouse(name, self.execution.id, of=of, but=ended.name)

    async def context(self, position: Position, *, inside: bool = False) -> dict[str, Json]:
        """Return what expressions at a node see, as it stands now; where there are none, nothing is read for them."""
        if not position.address or position.address in self.expressive:
            await self.known.refresh()
        return build_context(self.execution, self.known, position, inside=inside)

    def open_leg(
        self,
        position: Position,
        *,
        body: Mapping[str, Json],
        context: Mapping[str, Json],
        token: Minted,
        started_at: datetime,
        workspace: str,
        standing: Standing,
        deployment: Mapping[str, Json] | None,
        services: str = "",
    ) -> Leg:
        """Return the leg of a step with what it works with."""
        assert isinstance(position.node, Step)
        left_s = self.left_s(standing)
        return Leg(
            bench=self.bench,
            execution=self.execution,
            plan=self.plan,
            step=position.node,
            position=position,
            path=position.path,
            body=body,
            context=context,
            token=token,
            started_at=started_at,
            workspace=workspace,
            left_s=None if left_s == float("inf") else left_s,
            deadline_of=standing.deadline_of,
            executions=self.executions,
            starter=self.starter,
            deployment=deployment,
            services=services,
        )

    async def deployment(self, position: Position) -> Mapping[str, Json] | None:
        """Return what the stage around a node deploys, and where, as it was recorded when the stage began; or None."""
        stage = position.stage()
        deploys = stage is not None and (
            vars(stage.node)["deployment"] or self.execution.options.get("deployment")
        )
        if stage is None or not deploys:
            return None
        await self.known.refresh()
        found = find_deployment(self.known, stage)
        assert found  # it was recorded before the first step of the stage began
        return found

    @cached_property
    def expressive(self) -> frozenset[Address]:
        """The addresses of every block, and of the steps in whose words an expression may stand."""
        everywhere = _holds_expression(self.plan.env)
        return frozenset(
            address for address, node in walk(self.plan.stages) if everywhere or _is_expressive(node)
        )

    @cached_property
    def barriers(self) -> dict[Address, tuple[str, int]]:
        """Where the barriers stand: their names, and how many have to reach them."""
        return barriers_of(self.plan)

    @cached_property
    def has_services(self) -> bool:
        """True for a plan in which something runs in the background."""
        return any(node.kind == "background" for _, node in walk(self.plan.stages))

    async def interruption(self, position: Position) -> Answer | None:
        """Return what stops or holds the node now, or None."""
        wish = await self.executions.wish(self.execution.id)
        if wish == Wish.CANCEL:
            return {"state": str(State.CANCELLED), "stop": CANCEL, "note": "cancelled"}
        if await self._is_stopped(position):
            return {"state": str(State.CANCELLED), "note": "stopped because another branch failed"}
        if wish == Wish.PAUSE:
            try:
                await self.append([], [PauseExecution(self.execution.id)])
            except (
                GuardError
            ):  # somebody has just wanted something else, and woke a node that does not wait yet
                if await self.executions.wish(self.execution.id) == Wish.PAUSE:
                    raise
                return await self.interruption(position)
            return {"state": str(State.PAUSED), "timeout_s": PAUSED_LOOK_S}
        return None

    async def _is_stopped(self, position: Position) -> bool:
        """True when a branch around the node was told to end."""
        for branch in position.branches():
            if await self.bench.journal.last(self.execution.id, branch, (Kind.BRANCH_STOPPED,)):
                return True
        return False

    def is_over(self, standing: Standing) -> bool:
        """True when the time of some block around is over."""
        return standing.deadline != "" and self.now() >= from_iso(standing.deadline)

    def left_s(self, standing: Standing) -> float:
        """Return the seconds until the nearest deadline; infinity when there is none."""
        if not standing.deadline:
            return float("inf")
        return max((from_iso(standing.deadline) - self.now()).total_seconds(), 0.0)

    def move(self, state: State, note: str) -> MoveExecution:
        return MoveExecution(self.execution.id, state, note, self.now())

    def begin_work(self, path: str) -> None:
        self.active.add(path)
        self.waiting.pop(path, None)

    def end_work(self, path: str, *, waits: str | None = None) -> list[Guard]:
        """Note that nobody works on a path any more, and return the change of the execution's state that follows."""
        self.active.discard(path)
        if waits is not None:
            self.waiting[path] = waits
        if self.active or not self.waiting:
            return []
        return [self.move(State.WAITING, next(reversed(self.waiting.values())))]


def _is_expressive(node: AnyNode) -> bool:
    if node.kind not in WITHOUT_OTHERS_WORDS or node.condition:
        return True
    return _holds_expression((node.strategy, node.on_failure, node.env, vars(node).get("with_")))


def _holds_expression(words: object) -> bool:
    text = repr(words)
    return "<+" in text or "${{" in text


@dataclass
class Desks:
    """The desks of this process: the root and the branches of an execution share one."""

    bench: Bench
    _: KW_ONLY
    executions: Executions
    finisher: Finisher
    starter: Starter
    wake: Callable[[str, str], Awaitable[None]]
    _known: dict[str, Desk] = field(default_factory=dict, init=False)

    async def find(self, execution_id: str) -> Desk:
        """Return the desk of an execution; what it read of the journal may be behind, never wrong."""
        known = self._known.get(execution_id)
        if known is not None:
            return known
        execution = await self.executions.get(execution_id)
        assert execution is not None  # it was recorded before anybody carries it
        while len(self._known) >= MOST_DESKS:
            del self._known[next(iter(self._known))]
        return self._known.setdefault(execution_id, self.open(execution))

    def open(self, execution: Execution) -> Desk:
        """Return a fresh desk, as a process has that knows nothing yet."""
        undone = str(execution.options.get("undoes", ""))
        journal = self.bench.journal
        return Desk(
            bench=self.bench,
            execution=execution,
            plan=Plan.from_json(execution.plan),
            executions=self.executions,
            finisher=self.finisher,
            starter=self.starter,
            known=Known(journal, execution.id, undoes=Known(journal, undone) if undone else None),
            wake=self.wake,
        )
