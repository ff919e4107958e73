"""Runs workflows on DBOS, and takes over what a dead process left.

Rules
  1. Pickle is refused before anything is read (pickle_ban).
  2. `application_version` is set by hand and changes only when the interpreter's order of operations does; otherwise every edit
     would orphan what is in flight. The executor id is fresh per process.
  3. A process writes its lease before it launches, and beats once a second. The reaper starts from pending work, not from
      leases: it recovers what no live process holds, and forgets a lease only when nothing is pending under it. A process
     that does not take over (a command of one execution) recovers only what it was told to carry.
  4. Recovery attempts are not limited: an approval may outlive a hundred restarts.
  5. A workflow that broke (a full disk, a bug) stays broken until it is started again; then it goes on from the operation that
     broke, with all that was recorded before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bridle.adapters.dbos.pickle_ban import ban_pickle
from bridle.adapters.sql.database import Database, open_sqlite
from bridle.adapters.sql.leases import LeaseLost, Leases
from bridle.core.errors import BridleError, ExecutionError, UnavailableError
from bridle.engine.durable import Durable, Run, Work, Workflow

ban_pickle()

from dbos import DBOS, DBOSConfig, SetWorkflowID  # noqa: E402 - only after the ban
from dbos._error import DBOSNonExistentWorkflowError  # noqa: E402
from dbos._serialization import DBOSPortableJSONSerializer, PortableWorkflowError  # noqa: E402

APPLICATION_VERSION = "interpreter-1"
LIVE_STATUS = ["PENDING", "ENQUEUED"]
POLL_S = 0.05

PASSING = frozenset({UnavailableError.__name__, LeaseLost.__name__})  # errors come back by their class's name
LATER = "see to that, then bridle resume: it goes on from there"

log = logging.getLogger("bridle.durable")


@dataclass(frozen=True)
class Timing:
    """How often a process beats, and after how long without a beat it counts as dead."""

    beat_s: float = 1.0
    lease_s: float = 4.0
    poll_s: float = 0.2


class DbosRun(Run):
    """A workflow's view of DBOS."""

    async def step(self, name: str, work: Work) -> dict[str, Any]:
        async def do() -> dict[str, Any]:  # DBOS looks at the function: a lambda would count as synchronous
            return await work()

        return await DBOS.run_step_async({"name": name, "preemptible": True}, do)

    async def wait(self, topic: str, *, timeout_s: float) -> None:
        await DBOS.recv_async(topic=topic, timeout_seconds=timeout_s)


class DbosDurable(Durable):
    """Implements `engine.durable.Durable`. One per process: DBOS is a singleton."""

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
        self._workflow = _register(workflow)
        self._takes_over = takes_over
        self._wanted: set[str] = set()
        self._reaper: asyncio.Task[None] | None = None

    async def launch(self) -> None:
        """Write the lease, start DBOS on the running loop and begin to look for abandoned work."""
        await self._leases.enter(self.executor)
        engine = DBOS(config=_config(self._engine_url, executor=self.executor, timing=self._timing))
        # What is recovered comes through this queue, which is looked at once a second and has no public setting for it.
        engine._registry.get_internal_queue()._polling_interval_sec = self._timing.poll_s
        DBOS.launch()
        await self._reap()
        self._reaper = asyncio.create_task(self._beat_and_reap(), name="durable-reaper")

    async def start(self, execution: str, argument: Mapping[str, Any]) -> None:
        self._wanted.add(execution)
        if await _is_broken(execution):
            await _mend(execution)
        with SetWorkflowID(execution):
            await DBOS.start_workflow_async(self._workflow, dict(argument))
        await self._reap()

    async def wake(self, execution: str, topic: str) -> None:
        try:
            await DBOS.send_async(execution, {"wake": topic}, topic=topic)
        except DBOSNonExistentWorkflowError as error:
            raise ExecutionError(f"the engine does not know {execution}", reason="no-workflow") from error

    async def result(self, execution: str) -> dict[str, Any]:
        handle: Any = await DBOS.retrieve_workflow_async(execution)
        try:
            return dict(await handle.get_result(polling_interval_sec=POLL_S))
        except PortableWorkflowError as error:
            if error.name in PASSING:
                raise UnavailableError(error.message, where=execution, hint=LATER) from error
            raise BridleError(
                f"the workflow of {execution} broke: {error.message}",
                hint="this is a bug of Bridle's: please report it with the output of bridle logs",
                reason="workflow-broke",
            ) from error

    async def held_elsewhere(self, execution: str) -> bool:
        rows = await DBOS.list_workflows_async(workflow_ids=[execution], load_input=False, load_output=False)
        others = await self._leases.live(within_s=self._timing.lease_s) - {self.executor}
        return any(row.status in LIVE_STATUS and row.executor_id in others for row in rows)

    async def close(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reaper
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        await self._leases.forget(self.executor)

    async def _beat_and_reap(self) -> None:
        while True:
            await asyncio.sleep(self._timing.beat_s)
            try:
                await self._leases.beat(self.executor)
                await self._reap()
            except LeaseLost:
                log.warning("another process has taken over what this one was carrying")
                return
            except Exception:  # a beat that fails must not end the beating: it is logged, and tried again
                log.exception("the lease could not be renewed")

    async def _reap(self) -> None:
        """Recover what no live process holds; then forget the leases under which nothing is pending."""
        live = await self._leases.live(within_s=self._timing.lease_s)
        holders = await _holders()
        orphans = {
            holder
            for execution, holder in holders.items()
            if holder not in live | {self.executor} and (self._takes_over or execution in self._wanted)
        }
        if orphans:
            taken = await self._leases.take(orphans, within_s=self._timing.lease_s)
            await asyncio.to_thread(DBOS._recover_pending_workflows, sorted(taken))
            holders = await _holders()
        for dead in await self._leases.known() - live - {self.executor, *holders.values()}:
            await self._leases.forget(dead)


def _register(workflow: Workflow) -> Any:
    async def pipeline(argument: dict[str, Any]) -> dict[str, Any]:
        return await workflow(DbosRun(), argument)

    return DBOS.workflow(name="pipeline", max_recovery_attempts=None)(pipeline)


async def _holders() -> dict[str, str]:
    """Return who holds what is pending, by execution."""
    rows = await DBOS.list_workflows_async(
        status="PENDING", app_version=APPLICATION_VERSION, load_input=False, load_output=False
    )
    return {row.workflow_id: str(row.executor_id) for row in rows}


async def _is_broken(execution: str) -> bool:
    rows = await DBOS.list_workflows_async(workflow_ids=[execution], load_input=False, load_output=False)
    return any(row.status == "ERROR" for row in rows)


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
