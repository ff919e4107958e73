"""Who carries what, as DBOS has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bridle.adapters.dbos.names import root_of
from bridle.adapters.dbos.pickle_ban import ban_pickle

ban_pickle()

import sqlalchemy as sa  # noqa: E402 - only after the ban
from dbos import DBOS  # noqa: E402
from dbos._dbos import _get_dbos_instance  # noqa: E402
from dbos._schemas.system_database import SystemSchema  # noqa: E402
from dbos._utils import INTERNAL_QUEUE_NAME  # noqa: E402

APPLICATION_VERSION = "interpreter-3"
STATUS = SystemSchema.workflow_status.c
MOST = 1000  # newest first; whoever looks on wants what is new


async def list_held(executor: str) -> set[str]:
    """Return the executions whose workflow or whose branch's workflow (`execution/path`) the process is carrying."""
    rows = await DBOS.list_workflows_async(
        status="PENDING",
        executor_id=executor,
        limit=MOST,
        sort_desc=True,
        load_input=False,
        load_output=False,
    )
    return {root_of(row.workflow_id) for row in rows}


async def list_holders() -> set[str]:
    """Return the processes, alive or dead, under which anything of this interpreter is pending.

    DBOS can list workflows, and not those who hold them. Every process asks once a second, and ten thousand executions may wait.
    """
    query = sa.select(STATUS.executor_id).distinct()
    query = query.where(STATUS.status == "PENDING", STATUS.application_version == APPLICATION_VERSION)

    def look() -> set[str]:
        with _get_dbos_instance()._sys_db.engine.connect() as connection:
            return {str(row.executor_id) for row in connection.execute(query)}

    return await asyncio.to_thread(look)


async def list_pending(holders: set[str]) -> dict[str, str]:
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


@dataclass(frozen=True)
class Carrier:
    """A workflow of an execution, the root's or a branch's, with its status in DBOS's words, who holds it, and the interpreter
    that began it."""

    workflow: str
    status: str
    holder: str
    version: str


async def list_carriers(execution: str) -> list[Carrier]:
    """Return the workflows of an execution: its root and its branches.

    DBOS looks through every workflow there is for those whose id begins so, and each start and each wake asks for this.
    """

    def look() -> list[Carrier]:
        engine = _get_dbos_instance()._sys_db.engine
        query = sa.select(STATUS.workflow_uuid, STATUS.status, STATUS.executor_id, STATUS.application_version)
        branches = STATUS.workflow_uuid.startswith(f"{execution}/", autoescape=True)
        if (
            engine.dialect.name == "sqlite"
        ):  # there the order of texts is that of their bytes: `0` comes after `/`
            branches = sa.and_(
                STATUS.workflow_uuid >= f"{execution}/", STATUS.workflow_uuid < f"{execution}0"
            )
        with engine.connect() as connection:
            rows = connection.execute(query.where(sa.or_(STATUS.workflow_uuid == execution, branches)))
            return [
                Carrier(row.workflow_uuid, row.status, str(row.executor_id), str(row.application_version))
                for row in rows
            ]

    return await asyncio.to_thread(look)


async def recover(orphans: Mapping[str, str]) -> list[str]:
    """Make each workflow eligible again that the process beside it still holds; return those. Who held it must be dead.

    DBOS can do this for all that a process held. A command takes one execution over, and leaves the rest to others.
    """

    def again() -> list[str]:
        engine = _get_dbos_instance()._sys_db
        return [
            workflow
            for workflow, holder in sorted(orphans.items())
            if engine.reenqueue_for_recovery(workflow, [holder], INTERNAL_QUEUE_NAME)
        ]

    return await asyncio.to_thread(again)
