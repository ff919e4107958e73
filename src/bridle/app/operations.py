"""Puts together how agents take part in the organisation's work: the door, sessions, cases, and what people look after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.leases import Leases
from bridle.adapters.sql.obligations import SqlObligations
from bridle.app.acting import Acting
from bridle.app.cases import build_cases
from bridle.app.controls import describe_controls
from bridle.app.counter import build_reception
from bridle.app.store import Store
from bridle.delegate.servers import load_servers
from bridle.engine.durable import Timing
from bridle.operating.cases.casework import Casework
from bridle.operating.door import Door
from bridle.operating.erasure import Erasure
from bridle.operating.looking import Looking
from bridle.operating.outdated import Outdated
from bridle.operating.pace import EXCHANGES_A_MINUTE, Pace
from bridle.operating.reception import Reception
from bridle.operating.recovering import Recovering
from bridle.operating.tools import Tools
from bridle.operating.work import Undoing
from bridle.trust.bindings import list_events
from bridle.trust.controls import attest_controls
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange
from bridle.trust.journal import Entry

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import DbosDurable


@dataclass(frozen=True)
class Operations:
    """What sessions, cases and people meet, besides executions."""

    tools: Tools
    door: Door
    reception: Reception
    casework: Casework
    undoing: Undoing
    recovering: Recovering
    outdated: Outdated
    looking: Looking
    erasure: Erasure
    authentication: Authentication
    exchange: Exchange


def build_tools(store: Store, acting: Acting) -> Tools:
    """Return the tools of the servers that the settings name."""
    servers = store.settings.servers
    return Tools(
        gate=acting.gate,
        journal=store.journal,
        principals=store.principals,
        pins=store.pins,
        catalogue=acting.catalogue,
        clock=store.clock,
        folder=servers.parent / "tools" if servers else Path(),
        servers=tuple(load_servers(servers)) if servers else (),
    )


def build_operations(
    store: Store, acting: Acting, tools: Tools, *, durable: DbosDurable, timing: Timing
) -> Operations:
    """Return what stands beside the engine in this process."""
    casework = build_cases(store, acting.book, acting.gate)
    process = Process(durable.executor, partial(Leases(store.database).live, within_s=timing.lease_s))
    authentication = Authentication(store.credentials, store.principals, store.clock)
    return Operations(
        tools=tools,
        door=_build_door(store, acting, tools, process),
        reception=build_reception(store),
        casework=casework,
        undoing=Undoing(
            desk=store.work_desk,
            gate=acting.gate,
            journal=store.journal,
            manifests=acting.catalogue,
            clock=store.clock,
        ),
        recovering=_build_recovering(store, acting, tools, process, casework),
        outdated=_build_outdated(store, acting, tools, process, durable),
        looking=_build_looking(store, acting, tools),
        erasure=_build_erasure(store),
        authentication=authentication,
        exchange=_build_exchange(store, acting, authentication),
    )


@dataclass(frozen=True)
class Process:
    """This process among those of the store, and who of them lives."""

    name: str
    living: Callable[[], Awaitable[set[str]]]


def _build_door(store: Store, acting: Acting, tools: Tools, process: Process) -> Door:
    return Door(
        gate=acting.gate,
        journal=store.journal,
        sessions=store.sessions,
        tokens=acting.tokens,
        principals=store.principals,
        approvals=store.approvals,
        tools=tools,
        catalogue=acting.catalogue,
        clock=store.clock,
        process=process.name,
        living=process.living,
        attest=partial(_attest_controls, store, acting),
        events=list_events(acting.policy.bindings),
    )


def _attest_controls(store: Store, acting: Acting, session: str) -> Entry:
    """No sandbox: what stands behind the door are servers of their owners."""
    controls = describe_controls(store.settings, acting.policy, store.limits)
    return attest_controls(store.signer, session, {"sandbox": None, **controls})


def _build_recovering(
    store: Store, acting: Acting, tools: Tools, process: Process, casework: Casework
) -> Recovering:
    return Recovering(
        gate=acting.gate,
        journal=store.journal,
        attempts=SqlAttempts(store.database),
        obligations=SqlObligations(store.database),
        sessions=store.sessions,
        manifests=acting.catalogue,
        clock=store.clock,
        living=process.living,
        refresh=tools.refresh,
        work=store.work,
        casework=casework,
    )


def _build_outdated(
    store: Store, acting: Acting, tools: Tools, process: Process, durable: DbosDurable
) -> Outdated:
    return Outdated(
        journal=store.journal,
        approvals=store.approvals,
        sessions=store.sessions,
        manifests=acting.catalogue,
        policy=acting.policy.digest,
        executions=store.executions,
        durable=durable,
        process=process.name,
        living=process.living,
        refresh=tools.refresh,
    )


def _build_looking(store: Store, acting: Acting, tools: Tools) -> Looking:
    return Looking(
        gate=acting.gate,
        journal=store.journal,
        principals=store.principals,
        work=store.work,
        desk=store.work_desk,
        manifests=acting.catalogue,
        clock=store.clock,
        refresh=tools.refresh,
    )


def _build_erasure(store: Store) -> Erasure:
    from bridle.adapters.dbos.history import DbosHistory  # heavy: only what acts needs it

    return Erasure(
        journal=store.journal,
        executions=store.executions,
        sessions=store.sessions,
        principals=store.principals,
        engine=DbosHistory(),
        traces=store.history,
    )


def _build_exchange(store: Store, acting: Acting, authentication: Authentication) -> Exchange:
    return Exchange(
        journal=store.journal,
        tokens=acting.tokens,
        principals=store.principals,
        authentication=authentication,
        clock=store.clock,
        admits=Pace(EXCHANGES_A_MINUTE).admits,
    )
