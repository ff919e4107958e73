"""What the child processes of these tests do: carry workflows that are lists of operations, and leave a trace.

A workflow is a list of `["step", name, how]` and `["wait", name, timeout_s]`. `how` is `at once`, `hold` (until the file
`release` is there), `tidy` (until it is cut short; then it puts away in a thread what it used), `raise` (a bug), `store down`
(until the file `release` is there) or `store silent` (no lease can be renewed, and the step does not end either). Each start of a
step is a line `name pid` in the file `trace`.
"""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

from dbos import DBOS

from bridle.adapters.dbos.durable import DbosDurable
from bridle.adapters.sql.database import engine_url, open_database
from bridle.adapters.sql.leases import Leases
from bridle.core.errors import BridleError, UnavailableError
from bridle.engine.durable import Timing
from bridle.gate.outcomes import NotRecordedError

LEASE_S = 0.8


@dataclass(frozen=True)
class Scene:
    """Where a child works; `lease_s` is how long it may be silent."""

    url: str
    folder: str
    lease_s: float = LEASE_S
    takes_over: bool = True

    @property
    def trace(self) -> Path:
        return Path(self.folder) / "trace"

    @property
    def release(self) -> Path:
        return Path(self.folder) / "release"

    def open(self):
        timing = Timing(beat_s=self.lease_s / 4, lease_s=self.lease_s, poll_s=0.05)
        return DbosDurable(
            open_database(self.url),
            engine_url=engine_url(self.url),
            workflow=_walk,
            timing=timing,
            takes_over=self.takes_over,
        )


async def _walk(run, argument):
    scene = Scene(**argument["scene"])
    results = []
    for kind, name, how in argument["operations"]:
        if kind == "wait":
            await run.wait(timeout_s=how)
        else:
            results.append(await run.step(name, _work(scene, name, how)))
    return {"by": [result["by"] for result in results]}


def _work(scene, name, how):
    async def work():
        with scene.trace.open("a") as trace:
            trace.write(f"{name} {os.getpid()}\n")
        await HOWS[how](scene)
        return {"by": os.getpid()}

    return work


async def _at_once(scene):
    pass


async def _hold(scene):
    while not scene.release.exists():  # noqa: ASYNC110 - another process makes the file
        await asyncio.sleep(0.01)


async def _raise(scene):
    raise ZeroDivisionError("a bug")


async def _store_down(scene):
    if not scene.release.exists():
        raise NotRecordedError("the disk is full", hint="free some space")  # any kind of unavailable passes


async def _store_silent(scene):
    async def beat(leases, worker):
        raise UnavailableError("the disk is full", hint="free some space")

    Leases.beat = beat
    await _hold(scene)


async def _tidy(scene):
    try:
        await _hold(scene)
    finally:  # cut short twice: by the end of the loop, and by the workflow that this ends as well
        await asyncio.shield(asyncio.to_thread((Path(scene.folder) / "tidied").touch))


HOWS = {
    "at once": _at_once,
    "hold": _hold,
    "tidy": _tidy,
    "raise": _raise,
    "store down": _store_down,
    "store silent": _store_silent,
}


def carry(order):
    """Start the workflows of `order["start"]` and print what became of them; without any, carry what others left."""
    asyncio.run(_carry(Scene(**order["scene"]), order))


def wake(order):
    """Wake a workflow that another process carries."""
    asyncio.run(_wake(Scene(**order["scene"]), order))


def leave(order):
    """Start a workflow and end as an interrupted command does: once its first step is under way."""
    asyncio.run(_leave(Scene(**order["scene"]), order["operations"]))


async def _leave(scene, operations):
    durable = scene.open()
    await durable.launch()
    argument = {"execution": "exe_1", "scene": vars(scene), "operations": operations}
    await durable.start("exe_1", argument)
    while not scene.trace.exists():  # noqa: ASYNC110 - a step that DBOS runs makes the file
        await asyncio.sleep(0.01)
    await durable.close()


async def _carry(scene, order):
    durable = scene.open()
    await durable.launch()
    print("launched", flush=True)
    for execution, operations in order["start"].items():
        argument = {"execution": execution, "scene": order["scene"], "operations": operations}
        try:
            await durable.start(execution, argument, anew=order["anew"])
        except BridleError as error:
            print(json.dumps({"reason": error.reason, "what": error.what}), flush=True)
            return
    for execution in order["start"]:
        print(json.dumps(await _result(durable, execution)), flush=True)
    if not order["start"]:
        await asyncio.Event().wait()
    await durable.close()


async def _result(durable, execution):
    try:
        return await durable.result(execution)
    except BridleError as error:
        return {"error": type(error).__name__, "what": error.what}


async def _wake(scene, order):
    durable = scene.open()
    await durable.launch()
    await durable.wake(order["execution"], order["path"])
    await durable.close()


def list_all(order):
    """Print every workflow's id, with inputs and outputs loaded, as an operator's tool might."""
    asyncio.run(_list_all(Scene(**order["scene"])))


async def _list_all(scene):
    durable = scene.open()
    await durable.launch()
    print([row.workflow_id for row in await DBOS.list_workflows_async(load_input=True, load_output=True)])
    await durable.close()
