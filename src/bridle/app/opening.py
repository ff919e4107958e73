"""Opens and closes what acts: the system in this process, and its server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

from bridle.adapters.shelves.open import open_shelf
from bridle.adapters.sql.store_clock import LOOK_S as CLOCK_S
from bridle.adapters.sql.store_clock import look_again
from bridle.app.folders import open_policy
from bridle.app.publishing import publish_new
from bridle.app.store import open_store
from bridle.app.wiring import App, wire
from bridle.core.clock import Clock
from bridle.core.errors import BridleError
from bridle.core.rounds import Round, kept
from bridle.core.settings import Settings
from bridle.engine.durable import Timing
from bridle.engine.interrupts import end_cancelled
from bridle.engine.killing import Killing
from bridle.engine.locks import RENEW_S
from bridle.engine.retention import parse_age
from bridle.engine.serving import Server, Tell
from bridle.trust.log.publication import publish
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.sweeping import sweep_tokens
from bridle.trust.texts import POLICY, keep_texts

LOOK_S = 0.25  # how long a person's wish may wait for what runs here
SWEEP_S, PUBLISH_S, RETAIN_S = 60.0, 10.0, 3600.0
LOOK_OUTDATED_S = 15.0  # how long a person may read a request that is worth nothing
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
                await publish_new(app.settings, app.journal)
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
    try:
        async with kept(_list_sweeps(app)):
            yield server
    finally:
        app.journal.listeners.remove(server.hear)


def _list_sweeps(app: App) -> Iterator[Round]:
    """Yield what a server does for the whole store, while commands do it when they begin or end."""
    sweep = partial(sweep_tokens, app.journal, app.tokens, app.clock)
    yield Round(sweep, SWEEP_S, "the tokens could not be swept")
    yield Round(app.casework.escalation.sweep, SWEEP_S, "overdue cases could not be escalated")
    yield Round(app.recovering.sweep, SWEEP_S, "what was left could not be recovered")
    yield Round(app.outdated.sweep, LOOK_OUTDATED_S, "outdated requests could not be looked for")
    yield Round(app.looking.sweep, SWEEP_S, "targets could not be asked about open work")
    if app.settings.retention:
        age = parse_age(app.settings.retention, where="BRIDLE_RETENTION")
        remove = partial(app.retention.remove, older_than=age, by=CONTROL_PLANE)
        yield Round(remove, RETAIN_S, "the history could not be removed")
    if app.settings.checkpoints:
        tell = partial(publish, app.journal, open_shelf(app.settings.checkpoints))
        yield Round(tell, PUBLISH_S, "the journal could not be published")


async def _recover(app: App) -> None:
    """Leave to a person what is overdue or abandoned, and ask targets about what was left; where the tools' files cannot be
    read, a later process does."""
    try:
        await app.recovering.sweep()
        await app.looking.sweep()
    except BridleError as error:
        log.warning("what processes left behind is not looked at: %s", error)


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
    rounds = [
        Round(partial(end_cancelled, app.executions, app.delegate), LOOK_S, "no wish could be looked at"),
        Round(killing.look, LOOK_S, "no kill could be looked at"),
        Round(lambda: app.locks.keep(tuple(app.carried), pause), RENEW_S, "the locks could not be renewed"),
        Round(partial(look_again, app.clock), CLOCK_S, "the clock could not be looked at"),
    ]
    async with kept(rounds):
        yield
