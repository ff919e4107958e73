"""What a workflow can do, on DBOS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridle.adapters.dbos.names import branch_id
from bridle.adapters.dbos.pickle_ban import ban_pickle
from bridle.adapters.sql.leases import LeaseLost
from bridle.core.errors import UnavailableError
from bridle.engine.durable import Run, Work

ban_pickle()

from dbos import DBOS, SetWorkflowID  # noqa: E402 - only after the ban
from dbos._error import DBOSNonExistentWorkflowError  # noqa: E402

WAKE = "wake"  # the one topic: a workflow does one thing at a time, so it has one wait at most
POLL_S = 0.05
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

log = logging.getLogger("bridle.durable")


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


async def send_wake(workflow: str) -> None:
    """Have a workflow look again at what it waits for."""
    with contextlib.suppress(DBOSNonExistentWorkflowError):  # it has ended since, and waits for nothing
        await DBOS.send_async(workflow, {}, topic=WAKE)


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
