"""Who carries what, as DBOS has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bridle.adapters.dbos.pickle_ban import ban_pickle

ban_pickle()

import sqlalchemy as sa  # noqa: E402 - only after the ban
from dbos import DBOS  # noqa: E402
from dbos._dbos import _get_dbos_instance  # noqa: E402
from dbos._schemas.system_database import SystemSchema  # noqa: E402
from dbos._utils import INTERNAL_QUEUE_NAME  # noqa: E402

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
    return {row.workflow_id.partition("/")[0] for row in rows}


async def list_holders(version: str) -> set[str]:
    """Return the processes, alive or dead, under which anything of an application version is pending.

    DBOS can list workflows, and not those who hold them. Every process asks once a second, and ten thousand executions may wait.
    """
    status = SystemSchema.workflow_status.c
    query = sa.select(status.executor_id).distinct()
    query = query.where(status.status == "PENDING", status.application_version == version)

    def look() -> set[str]:
        with _get_dbos_instance()._sys_db.engine.connect() as connection:
            return {str(row.executor_id) for row in connection.execute(query)}

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
