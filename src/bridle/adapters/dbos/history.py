"""What DBOS remembers of ended workflows, and how it is made to forget them."""

from __future__ import annotations

from collections.abc import Sequence

from bridle.adapters.dbos.pickle_ban import ban_pickle
from bridle.engine.retention import EngineHistory

ban_pickle()

from dbos import DBOS  # noqa: E402 - only after the ban

LIVE_STATUS = ["PENDING", "ENQUEUED", "DELAYED"]


class DbosHistory(EngineHistory):
    """Implements `engine.retention.EngineHistory` on the DBOS of this process."""

    async def forget(self, executions: Sequence[str]) -> list[str]:
        rows = await DBOS.list_workflows_async(
            workflow_id_prefix=list(executions), status=LIVE_STATUS, load_input=False, load_output=False
        )
        live = {row.workflow_id.partition("/")[0] for row in rows}
        forgotten = [execution for execution in executions if execution not in live]
        if forgotten:
            await DBOS.delete_workflows_async(forgotten, delete_children=True)
        return forgotten
