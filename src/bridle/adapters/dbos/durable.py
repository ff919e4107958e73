"""Runs workflows on DBOS.

Rules
  1. Pickle is refused before anything is read (pickle_ban).
  2. `APPLICATION_VERSION` is set by hand and changes only when the interpreter's order of operations does; otherwise every edit
     would orphan what is in flight. What another version began, and no live process carries, is refused by name; only one that is
     to be cancelled is begun anew, to find its cancel. The executor id is fresh per process.
  3. What a dead process left is taken over by the rules of `reaper`. Recovery attempts are not limited: an approval may outlive
     a hundred restarts.
  4. While the store does not answer, a process that takes over tries an operation again and again, after longer and longer
     pauses: it has nothing better to do, and what it carries goes on by itself. In a command that breaks the workflow at once,
     and the person who waits is told.
  5. A workflow that broke (a full disk, a bug) stays broken until it is started again; then it goes on from the operation that
     broke, with all that was recorded before it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa

from bridle.adapters.dbos.held import APPLICATION_VERSION, Carrier, list_carriers
from bridle.adapters.dbos.names import find_carriers
from bridle.adapters.dbos.pickle_ban import ban_pickle
from bridle.adapters.dbos.reaper import Reaper
from bridle.adapters.dbos.run import POLL_S, DbosRun, send_wake
from bridle.adapters.sql.database import Database, open_sqlite
from bridle.adapters.sql.leases import Leases
from bridle.core.errors import BridleError, ExecutionError, UnavailableError
from bridle.engine.durable import OTHER_INTERPRETER, Durable, Timing, Workflow

ban_pickle()

from dbos import DBOS, DBOSConfig, SetWorkflowID  # noqa: E402 - only after the ban
from dbos._serialization import DBOSPortableJSONSerializer, PortableWorkflowError  # noqa: E402

LIVE_STATUS = ["PENDING", "ENQUEUED"]
BROKEN = "ERROR"
LATER = "see to that, then bridle resume: it goes on from there"

Result = TypeVar("Result")


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
        self.executor = uuid.uuid4().hex[:12]
        self._reaper = Reaper(Leases(database), self.executor, timing, takes_over=takes_over)
        self.lost = self._reaper.lost
        self._engine_url = engine_url
        self._timing = timing
        self._workflow = _register(workflow, persists=takes_over)

    async def launch(self) -> None:
        """Write the lease, start DBOS on the running loop and begin to look for abandoned work."""
        await self._reaper.enter()
        # It prints nothing (_config), and the stream that it would print to was that of whoever imported it first.
        logging.getLogger("dbos").handlers = [logging.NullHandler()]
        engine = DBOS(config=_config(self._engine_url, executor=self.executor, timing=self._timing))
        # What is recovered comes through this queue, which is looked at once a second and has no public setting for it.
        engine._registry.get_internal_queue()._polling_interval_sec = self._timing.poll_s
        DBOS.launch()
        await self._reaper.reap()
        self._reaper.begin()

    async def start(self, execution: str, argument: Mapping[str, Any], *, anew: bool = False) -> None:
        await _outside(self._start(execution, argument, anew=anew))

    async def _start(self, execution: str, argument: Mapping[str, Any], *, anew: bool) -> None:
        self._reaper.wanted.add(execution)
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
            await self._reaper.reap()

    async def wake(self, execution: str, path: str = "") -> None:
        await _outside(self._wake(execution, path))

    async def _wake(self, execution: str, path: str) -> None:
        rows = await list_carriers(execution)
        if not rows:
            raise ExecutionError(f"the engine does not know {execution}", reason="no-workflow")
        live = [row.workflow for row in rows if row.status in LIVE_STATUS]
        for workflow in find_carriers(execution, path, live) if path else live:
            await send_wake(workflow)

    async def result(self, execution: str) -> dict[str, Any]:
        try:
            return dict(await self._reaper.unless_silent(_outside(_await_result(execution))))
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
        live = await self._reaper.live()
        return [] if any(row.holder in live for row in foreign) else foreign

    async def held_elsewhere(self, execution: str) -> bool:
        rows = await list_carriers(execution)
        others = await self._reaper.live() - {self.executor}
        return any(row.status in LIVE_STATUS and row.holder in others for row in rows)

    async def close(self) -> None:
        await self._reaper.close()
        # What is cut short cleans up in threads; the engine lent its own to the loop, and takes them along.
        loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(thread_name_prefix="after-engine")
        loop.set_default_executor(threads)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        loop.set_default_executor(threads)  # a step that began meanwhile put the engine's back
        await self._reaper.leave()


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


async def _outside(doing: Coroutine[Any, Any, Result]) -> Result:
    """Do something as if no workflow had asked for it: an execution that starts another one is not its parent in the engine."""
    return await asyncio.create_task(doing, context=contextvars.Context())


async def _await_result(workflow: str) -> dict[str, Any]:
    handle: Any = await DBOS.retrieve_workflow_async(workflow)
    found: dict[str, Any] = await handle.get_result(polling_interval_sec=POLL_S)
    return found


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
