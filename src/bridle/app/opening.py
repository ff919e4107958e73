"""Opens and closes what acts: the system in this process, and its server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bridle.adapters.shelves.open import open_shelf
from bridle.adapters.sql.store_clock import keep_clock
from bridle.app.folders import open_policy
from bridle.app.store import open_store
from bridle.app.wiring import App, wire
from bridle.core.clock import Clock
from bridle.core.errors import BridleError, UnavailableError
from bridle.core.settings import Settings
from bridle.engine.killing import Killing
from bridle.engine.locks import keep_locks
from bridle.engine.retention import parse_age, retain
from bridle.engine.serving import Server, Tell
from bridle.engine.watch import watch_wishes
from bridle.trust.log.publication import keep_publishing, publish
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.sweeping import keep_sweeping, sweep_tokens
from bridle.trust.texts import POLICY, keep_texts

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import Timing

log = logging.getLogger("bridle.app")


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    timing: Timing | None = None,
    takes_over: bool = False,
) -> AsyncIterator[App]:
    """Open the store, the policy, the delegate and the engine; close them in the reverse order.

    A process that `takes_over` carries on whatever others left; one that does not carries what it is asked to.
    """
    with open_store(settings, clock=clock) as store:
        policy = open_policy(settings)
        try:
            await policy.start()
            app = await wire(store, policy, timing, takes_over=takes_over)
            await keep_texts(app.journal, POLICY, policy.texts)
            await sweep_tokens(app.journal, app.tokens, app.clock)
            await app.casework.escalation.sweep()
            await _recover(app)
            try:
                async with _watched(app):
                    yield app
                await _publish(app)
            finally:
                await app.durable.close()
                await app.delegate.close()
        finally:
            await policy.close()


@asynccontextmanager
async def open_server(app: App, *, tell: Tell) -> AsyncIterator[Server]:
    """Make the server of this process, which tells what becomes of the executions that it carries."""
    from bridle.adapters.dbos.held import list_held

    server = Server(app.control, app.admission, held=lambda: list_held(app.durable.executor), tell=tell)
    app.journal.listeners.append(server.hear)
    tasks = [asyncio.create_task(keep_sweeping(app.journal, app.tokens, app.clock), name="sweep-tokens")]
    tasks.append(asyncio.create_task(app.casework.escalation.keep(), name="escalate-cases"))
    tasks.append(asyncio.create_task(app.recovering.keep(), name="recover-what-was-left"))
    if app.settings.retention:
        age = parse_age(app.settings.retention, where="BRIDLE_RETENTION")
        tasks.append(asyncio.create_task(retain(app.retention, older_than=age, by=CONTROL_PLANE)))
    if app.settings.checkpoints:
        shelf = open_shelf(app.settings.checkpoints)
        tasks.append(asyncio.create_task(keep_publishing(app.journal, shelf), name="publish-journal"))
    try:
        yield server
    finally:
        await _end(tasks)
        app.journal.listeners.remove(server.hear)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _recover(app: App) -> None:
    """Leave to a person what is overdue or abandoned; where the tools' files cannot be read, a later process does."""
    try:
        await app.recovering.sweep()
    except BridleError as error:
        log.warning("what processes left behind is not looked at: %s", error)


async def _publish(app: App) -> None:
    """Publish what is new where the settings say; a place out of reach is told, and the next command tries again."""
    if not app.settings.checkpoints:
        return
    try:
        await publish(app.journal, open_shelf(app.settings.checkpoints))
    except UnavailableError as error:
        log.warning("the journal is not published: %s", error)


@asynccontextmanager
async def _watched(app: App) -> AsyncIterator[None]:
    """Have wishes noticed at once, and locks kept, while the app is open."""
    control_plane = await app.principals.get(CONTROL_PLANE)
    assert control_plane is not None  # it was registered when the app was opened

    async def pause(execution: str, lock: str) -> None:
        why = f"the lock {lock} ran out while nobody carried this, and another has it now"
        await app.control.pause(execution, by=control_plane, why=why)

    killing = Killing(
        kills=app.kills,
        journal=app.journal,
        delegate=app.delegate,
        wake=app.durable.wake,
        clock=app.clock,
        process=app.durable.executor,
    )
    watching = [
        asyncio.create_task(watch_wishes(app.executions, app.delegate), name="watch-wishes"),
        asyncio.create_task(killing.keep_looking(), name="watch-kills"),
        asyncio.create_task(keep_locks(app.locks, app.carried, pause), name="keep-locks"),
        asyncio.create_task(keep_clock(app.clock), name="keep-clock"),
    ]
    try:
        yield
    finally:
        await _end(watching)
