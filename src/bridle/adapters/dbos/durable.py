"""Runs workflows on DBOS, and takes over what a dead process left.

Rules
  1. Pickle is refused before anything is read (pickle_ban).
  2. `application_version` is set by hand and changes only when the interpreter's order of operations does; otherwise every edit
     would orphan what is in flight. What another version began, and no live process carries, is refused by name; only one that is
     to be cancelled is begun anew, to find its cancel. The executor id is fresh per process.
  3. A process writes its lease before it launches, and beats once a second. The reaper starts from pending work, not from
      leases: it recovers what no live process holds, and forgets a lease only when nothing is pending under it and its process
     is gone for certain or silent for long: one that carries nothing and was late has lost nothing. A process that does not
     take over (a command of one execution) recovers only what it was told to carry.
     What is recovered is woken: a wake may have died with the process, between what it had recorded and its message.
  4. Recovery attempts are not limited: an approval may outlive a hundred restarts.
  5. While the store does not answer, a process that takes over tries an operation again and again, after longer and longer
     pauses: it has nothing better to do, and what it carries goes on by itself. In a command that breaks the workflow at once,
     and the person who waits is told.
  6. A workflow that broke (a full disk, a bug) stays broken until it is started again; then it goes on from the operation that
     broke, with all that was recorded before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from bridle.adapters.dbos.held import Carrier, list_carriers, list_holders, recover
from bridle.adapters.dbos.pickle_ban import ban_pickle
from bridle.adapters.sql.database import Database, open_sqlite
from bridle.adapters.sql.leases import LeaseLost, Leases
from bridle.core.errors import BridleError, ExecutionError, UnavailableError
from bridle.engine.durable import LEASE_S, OTHER_INTERPRETER, Durable, Run, Work, Workflow

ban_pickle()

from dbos import DBOS, DBOSConfig, SetWorkflowID  # noqa: E402 - only after the ban
from dbos._error import DBOSNonExistentWorkflowError  # noqa: E402
from dbos._serialization import DBOSPortableJSONSerializer, PortableWorkflowError  # noqa: E402

APPLICATION_VERSION = "interpreter-3"
WAKE = "wake"  # the one topic: a workflow does one thing at a time, so it has one wait at most
LIVE_STATUS = ["PENDING", "ENQUEUED"]
BROKEN = "ERROR"
POLL_S = 0.05
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
FORGET_S = 3600.0  # a stalled machine is silent for seconds, one that lost its network for minutes

LATER = "see to that, then bridle resume: it goes on from there"

Result = TypeVar("Result")

log = logging.getLogger("bridle.durable")


@dataclass(frozen=True)
class Timing:
    """How often a process beats, and after how long without a beat it counts as dead."""

    beat_s: float = 1.0
    lease_s: float = LEASE_S
    poll_s: float = 0.2


class DbosRun(Run):
    """A workflow's view of DBOS. `workflow` gives the function that branches run as well.

    One that `persists` tries an operation again for as long as the store does not answer.
    """

    def __init__(self, execution: str, workflow: Callable[[], Any], *, persists: bool) -> None:
        self._execution = execution
        self._workflow = workflow
        self._persists = persists
        self._live: dict[str, Any] = {}

    async def step(self, name: str, work: Work) -> dict[str, Any]:
        async def do() -> dict[str, Any]:  # DBOS looks at the function: a lambda would count as synchronous
            return await (_persist(name, work) if self._persists else work())

        return await DBOS.run_step_async({"name": name, "preemptible": True}, do)

    async def wait(self, *, timeout_s: float) -> None:
        await DBOS.recv_async(topic=WAKE, timeout_seconds=timeout_s)

    async def branch(self, path: str, argument: Mapping[str, Any]) -> None:
        with SetWorkflowID(branch_id(self._execution, path)):
            started = await DBOS.start_workflow_async(
                self._workflow(), {"execution": self._execution, **argument}
            )
        self._live[path] = started

    async def first(self, paths: Sequence[str]) -> tuple[str, dict[str, Any]]:
        by_id = {branch_id(self._execution, path): path for path in paths}
        handles = [self._live[path] for path in paths]
        done: Any = await DBOS.wait_first_async(handles, polling_interval_sec=POLL_S)
        path = by_id[done.workflow_id]
        result: Any = await self._live.pop(path).get_result(polling_interval_sec=POLL_S)
        return path, dict(result)


class DbosDurable(Durable):
    """Implements `engine.durable.Durable`. One per process: DBOS is a singleton.

    `lost` is set once another process has taken over what this one was carrying: nothing that it does counts any more.
    """

    def __init__(
        self,
        database: Database,
        *,
        engine_url: str,
        workflow: Workflow,
        timing: Timing,
        takes_over: bool = True,
    ) -> None:
        self._leases = Leases(database)
        self._timing = timing
        self.executor = uuid.uuid4().hex[:12]
        self._engine_url = engine_url
        self._workflow = _register(workflow, persists=takes_over)
        self._takes_over = takes_over
        self.lost = asyncio.Event()
        self._silent: asyncio.Future[UnavailableError] | None = None
        self._wanted: set[str] = set()
        self._reaper: asyncio.Task[None] | None = None

    async def launch(self) -> None:
        """Write the lease, start DBOS on the running loop and begin to look for abandoned work."""
        await self._leases.enter(self.executor)
        self._silent = asyncio.get_running_loop().create_future()
        # It prints nothing (_config), and the stream that it would print to was that of whoever imported it first.
        logging.getLogger("dbos").handlers = [logging.NullHandler()]
        engine = DBOS(config=_config(self._engine_url, executor=self.executor, timing=self._timing))
        # What is recovered comes through this queue, which is looked at once a second and has no public setting for it.
        engine._registry.get_internal_queue()._polling_interval_sec = self._timing.poll_s
        DBOS.launch()
        await self._reap()
        self._reaper = asyncio.create_task(self._beat_and_reap(), name="durable-reaper")

    async def start(self, execution: str, argument: Mapping[str, Any], *, anew: bool = False) -> None:
        await _outside(self._start(execution, argument, anew=anew))

    async def _start(self, execution: str, argument: Mapping[str, Any], *, anew: bool) -> None:
        self._wanted.add(execution)
        known = await list_carriers(execution)
        if foreign := await self._find_foreign(known):
            if not anew:
                raise _other_interpreter(execution, foreign)
            await DBOS.delete_workflows_async([execution], delete_children=True)
            known = []
        for broken in _find_broken(known):
            await _mend(broken)
        with SetWorkflowID(execution):
            await DBOS.start_workflow_async(self._workflow, dict(argument))
        if known:  # what has just begun is held by nobody else
            await self._reap()

    async def wake(self, execution: str, path: str = "") -> None:
        await _outside(self._wake(execution, path))

    async def _wake(self, execution: str, path: str) -> None:
        rows = await list_carriers(execution)
        if not rows:
            raise ExecutionError(f"the engine does not know {execution}", reason="no-workflow")
        live = [row.workflow for row in rows if row.status in LIVE_STATUS]
        for workflow in find_carriers(execution, path, live) if path else live:
            await _send_wake(workflow)

    async def result(self, execution: str) -> dict[str, Any]:
        try:
            return dict(await self._unless_silent(_outside(_await_result(execution))))
        except PortableWorkflowError as error:
            if error.name in _passing():
                raise UnavailableError(error.message, where=execution, hint=LATER) from error
            raise BridleError(
                f"the workflow of {execution} broke: {error.message or error.name}",
                hint="this is a bug of Bridle's: please report it with the output of bridle logs",
                reason="workflow-broke",
            ) from error

    async def _find_foreign(self, carriers: Sequence[Carrier]) -> list[Carrier]:
        """Return what another interpreter began and no live process carries: it would not find its operations in our order."""
        foreign = [
            row
            for row in carriers
            if row.version != APPLICATION_VERSION and row.status in (*LIVE_STATUS, BROKEN)
        ]
        if not foreign:
            return []
        live = await self._leases.live(within_s=self._timing.lease_s)
        return [] if any(row.holder in live for row in foreign) else foreign

    async def _unless_silent(self, result: Coroutine[Any, Any, Any]) -> Any:
        """Return the result; raise what the store says once it has been silent for longer than a lease.

        The engine itself waits for its tables without an end, and without a word.
        """
        assert self._silent is not None, "launch first"
        waiting = asyncio.ensure_future(result)
        try:
            await asyncio.wait({waiting, self._silent}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise self._silent.result()
            return waiting.result()
        finally:
            waiting.cancel()

    async def held_elsewhere(self, execution: str) -> bool:
        rows = await list_carriers(execution)
        others = await self._leases.live(within_s=self._timing.lease_s) - {self.executor}
        return any(row.status in LIVE_STATUS and row.holder in others for row in rows)

    async def close(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reaper
        # What is cut short cleans up in threads; the engine lent its own to the loop, and takes them along.
        loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(thread_name_prefix="after-engine")
        loop.set_default_executor(threads)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        loop.set_default_executor(threads)  # a step that began meanwhile put the engine's back
        await self._leases.forget(self.executor)

    async def _beat_and_reap(self) -> None:
        said, heard = "", time.monotonic()
        while True:
            await asyncio.sleep(self._timing.beat_s)
            try:
                await self._leases.beat(self.executor)
                await self._reap()
                said, heard = "", time.monotonic()
            except LeaseLost:
                log.warning("another process has taken over what this one was carrying")
                self.lost.set()
                return
            except UnavailableError as error:
                self._note_silence(error, since_s=time.monotonic() - heard)
                if said != str(error):  # said once, not at each beat
                    said = str(error)
                    log.warning("the lease is renewed once this has passed: %s", error)
            except Exception:  # a beat that fails must not end the beating: it is logged, and tried again
                log.exception("the lease could not be renewed")

    def _note_silence(self, error: UnavailableError, *, since_s: float) -> None:
        """A server waits until its store is back; a command of one execution ends, to be resumed."""
        expired = since_s > self._timing.lease_s and not self._takes_over
        if expired and self._silent is not None and not self._silent.done():
            self._silent.set_result(error)

    async def _reap(self) -> None:
        """Recover what no live process holds; then forget the leases under which nothing is pending."""
        live = await self._leases.live(within_s=self._timing.lease_s)
        holders = await list_holders(APPLICATION_VERSION)
        pending = await _list_pending(holders - live - {self.executor})
        orphans = {
            workflow: holder
            for workflow, holder in pending.items()
            if self._takes_over or root_of(workflow) in self._wanted
        }
        if orphans:
            taken = await self._leases.take({*orphans.values()}, within_s=self._timing.lease_s)
            orphans = {workflow: holder for workflow, holder in orphans.items() if holder in taken}
            for workflow in await recover(orphans):
                await _send_wake(workflow)
            holders = await list_holders(APPLICATION_VERSION)
        await self._leases.forget_dead(
            within_s=max(FORGET_S, self._timing.lease_s), but={self.executor, *holders}
        )


async def _persist(name: str, work: Work) -> dict[str, Any]:
    """Do an operation, again while what it needs does not answer; what the journal knows of it is not done twice."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except LeaseLost:
            raise
        except UnavailableError as error:
            log.warning("%s is tried again in %g s: %s", name, pause_s, error)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _passing() -> set[str]:
    """Return the names of what passes, which is all that is left of an error's class when it comes back from the engine."""
    found, names = [UnavailableError], set()
    while found:
        kind = found.pop()
        names.add(kind.__name__)
        found += kind.__subclasses__()
    return names


def _register(workflow: Workflow, *, persists: bool) -> Any:
    async def pipeline(argument: dict[str, Any]) -> dict[str, Any]:
        run = DbosRun(argument["execution"], lambda: registered, persists=persists)
        return await workflow(run, argument)

    registered = DBOS.workflow(name="pipeline", max_recovery_attempts=None)(pipeline)
    return registered


def branch_id(execution: str, path: str) -> str:
    """Return the workflow id of a branch: the root's is the execution's id itself."""
    return f"{execution}/{path}"


def root_of(workflow_id: str) -> str:
    """Return the execution that a workflow belongs to."""
    return workflow_id.partition("/")[0]


def find_carriers(execution: str, path: str, live: Sequence[str]) -> list[str]:
    """Return the live workflows that may carry a path: the one of the longest branch that the path stands in, and those below
    it in whose scope the path stands.

    What a branch carries need not stand below its name: the cells of a loop and later attempts are called otherwise, and a block
    without an id of its own is no part of any path. A workflow that is woken for nothing looks again and waits on.
    """
    sought = f"{branch_id(execution, path)}/"
    nearest = max(
        (workflow for workflow in live if sought.startswith(f"{workflow}/")), key=len, default=execution
    )
    beside = [
        workflow
        for workflow in live
        if len(scope := workflow.rpartition("/")[0]) >= len(nearest) and sought.startswith(f"{scope}/")
    ]
    return [workflow for workflow in live if workflow == nearest or workflow in beside]


async def _send_wake(workflow: str) -> None:
    with contextlib.suppress(DBOSNonExistentWorkflowError):  # it has ended since, and waits for nothing
        await DBOS.send_async(workflow, {}, topic=WAKE)


async def _outside(doing: Coroutine[Any, Any, Result]) -> Result:
    """Do something as if no workflow had asked for it: an execution that starts another one is not its parent in the engine."""
    return await asyncio.create_task(doing, context=contextvars.Context())


async def _await_result(workflow: str) -> dict[str, Any]:
    handle: Any = await DBOS.retrieve_workflow_async(workflow)
    found: dict[str, Any] = await handle.get_result(polling_interval_sec=POLL_S)
    return found


async def _list_pending(holders: set[str]) -> dict[str, str]:
    """Return who of these holds what is pending, by workflow."""
    if not holders:
        return {}
    rows = await DBOS.list_workflows_async(
        status="PENDING",
        executor_id=sorted(holders),
        app_version=APPLICATION_VERSION,
        load_input=False,
        load_output=False,
    )
    return {row.workflow_id: str(row.executor_id) for row in rows}


def _find_broken(carriers: Sequence[Carrier]) -> list[str]:
    """Return the workflows of an execution that broke, the branches before what waits for them."""
    return sorted((row.workflow for row in carriers if row.status == BROKEN), key=len, reverse=True)


def _other_interpreter(execution: str, foreign: Sequence[Carrier]) -> ExecutionError:
    return ExecutionError(
        f"{execution} was begun by another version of Bridle ({foreign[0].version}; this is {APPLICATION_VERSION})",
        hint=f"let that version end it; or bridle cancel {execution}, and then bridle rerun {execution} --from STAGE",
        reason=OTHER_INTERPRETER,
    )


async def _mend(execution: str) -> None:
    """Have a broken workflow go on from the operation whose error it ended with, or else from its last one."""
    steps = await DBOS.list_workflow_steps_async(execution)
    broken = [step["function_id"] for step in steps if step["error"] is not None]
    await DBOS.rewind_workflow_async(execution, start_step=broken[0] if broken else len(steps) + 1)


def _config(url: str, *, executor: str, timing: Timing) -> DBOSConfig:
    parsed = sa.make_url(url)
    config: DBOSConfig = {
        "name": "bridle",
        "system_database_url": parsed.render_as_string(hide_password=False),
        "serializer": DBOSPortableJSONSerializer(),
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "notification_listener_polling_interval_sec": timing.poll_s,
        "scheduler_polling_interval_sec": 1.0,
        "log_level": "CRITICAL",  # what breaks a workflow is raised by `result`, not printed beside it
    }
    if parsed.get_backend_name() == "sqlite":
        config["system_database_engine"] = open_sqlite(parsed, immediate=True, synced=False)
    return config
