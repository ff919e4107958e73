"""Puts together how agents take part in the organisation's work: the door, sessions, cases, and what people look after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.leases import Leases
from bridle.adapters.sql.obligations import SqlObligations
from bridle.app.acting import Acting
from bridle.app.cases import build_cases
from bridle.app.counter import build_reception
from bridle.app.store import Store
from bridle.delegate.servers import load_servers
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
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import DbosDurable, Timing


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
    from bridle.adapters.dbos.history import DbosHistory  # heavy: only what acts needs it

    journal, principals, clock, gate = store.journal, store.principals, store.clock, acting.gate
    casework, leases = build_cases(store, acting.book, gate), Leases(store.database)
    authentication = Authentication(store.credentials, principals, clock)
    return Operations(
        tools=tools,
        door=Door(
            gate=gate,
            journal=journal,
            sessions=store.sessions,
            tokens=acting.tokens,
            principals=principals,
            approvals=store.approvals,
            tools=tools,
            catalogue=acting.catalogue,
            clock=clock,
            process=durable.executor,
            living=lambda: leases.live(within_s=timing.lease_s),
            events=list_events(acting.policy.bindings),
        ),
        reception=build_reception(store),
        casework=casework,
        undoing=Undoing(
            desk=store.work_desk, gate=gate, journal=journal, manifests=acting.catalogue, clock=clock
        ),
        recovering=Recovering(
            gate=gate,
            journal=journal,
            attempts=SqlAttempts(store.database),
            obligations=SqlObligations(store.database),
            sessions=store.sessions,
            manifests=acting.catalogue,
            clock=clock,
            living=lambda: leases.live(within_s=timing.lease_s),
            refresh=tools.refresh,
            work=store.work,
            casework=casework,
        ),
        outdated=Outdated(
            journal=journal,
            approvals=store.approvals,
            sessions=store.sessions,
            executions=store.executions,
            durable=durable,
            manifests=acting.catalogue,
            policy=acting.policy.digest,
            process=durable.executor,
            living=lambda: leases.live(within_s=timing.lease_s),
            refresh=tools.refresh,
        ),
        looking=Looking(
            gate=gate,
            journal=journal,
            principals=principals,
            work=store.work,
            desk=store.work_desk,
            manifests=acting.catalogue,
            clock=clock,
            refresh=tools.refresh,
        ),
        erasure=Erasure(
            journal=journal,
            executions=store.executions,
            sessions=store.sessions,
            principals=principals,
            engine=DbosHistory(),
            traces=store.history,
        ),
        authentication=authentication,
        exchange=Exchange(
            journal=journal,
            tokens=acting.tokens,
            principals=principals,
            authentication=authentication,
            clock=clock,
            admits=Pace(EXCHANGES_A_MINUTE).admits,
        ),
    )
