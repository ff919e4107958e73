"""Which executions a process carries, as DBOS has it."""

from __future__ import annotations

from bridle.adapters.dbos.pickle_ban import ban_pickle

ban_pickle()

from dbos import DBOS  # noqa: E402 - only after the ban

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
