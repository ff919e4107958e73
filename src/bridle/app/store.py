"""What is written down, opened without anything that could act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridle.adapters.people.folder import PeopleFolder
from bridle.adapters.sql.admission import SqlLine
from bridle.adapters.sql.approvals import SqlApprovals
from bridle.adapters.sql.breakers import SqlCircuits
from bridle.adapters.sql.budgets import SqlBudgets
from bridle.adapters.sql.cases import SqlCases
from bridle.adapters.sql.credentials import SqlCredentials
from bridle.adapters.sql.database import Database, open_database
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.kills import SqlKills
from bridle.adapters.sql.limits import SqlRooms
from bridle.adapters.sql.pins import SqlPins
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.retention import SqlHistory
from bridle.adapters.sql.sessions import SqlSessions
from bridle.adapters.sql.store_clock import open_clock
from bridle.adapters.sql.work import SqlWork
from bridle.adapters.sql.working import WorkingStore
from bridle.app.folders import open_limits, open_people, open_roles
from bridle.app.rotating import open_control_plane_key
from bridle.core.clock import Clock
from bridle.core.settings import Settings
from bridle.gate.fleet import FleetLimits
from bridle.operating.work import WorkDesk
from bridle.trust.access import GrantedPrincipals
from bridle.trust.credentials import KeyDesk
from bridle.trust.deputy_desk import DeputyDesk
from bridle.trust.keys import Signer, load_secret
from bridle.trust.kill_desk import KillDesk
from bridle.trust.notary import Notary
from bridle.trust.overrides import OverrideDesk
from bridle.trust.registry import Registry


@dataclass(frozen=True)
class Store:
    """What is written down, and the desks that only write: enough to read, verify and export, and to take people's words.
    `enrolled` are the principals' rows, `principals` those with what their roles give them."""

    settings: Settings
    database: Database
    journal: SqlJournal
    executions: SqlExecutions
    line: SqlLine
    approvals: SqlApprovals
    budgets: SqlBudgets
    enrolled: SqlPrincipals
    principals: GrantedPrincipals
    credentials: SqlCredentials
    people: PeopleFolder
    history: SqlHistory
    sessions: SqlSessions
    cases: SqlCases
    pins: SqlPins
    work: SqlWork
    limits: FleetLimits
    kills: SqlKills
    signer: Signer
    clock: Clock
    notary: Notary
    registry: Registry
    key_desk: KeyDesk
    kill_desk: KillDesk
    work_desk: WorkDesk
    overrides: OverrideDesk
    deputies: DeputyDesk


@contextmanager
def open_store(settings: Settings, *, clock: Clock | None = None) -> Iterator[Store]:
    """Open what is written down, without anything that could act."""
    database = open_database(settings.store_url)
    try:
        signer = open_control_plane_key(settings.config_dir, database)
        enrolled = SqlPrincipals(database)
        working = WorkingStore(load_secret(settings.config_dir / "working.key"))
        clock = clock or open_clock(database)
        journal = SqlJournal(database, working, clock, signer)
        principals = GrantedPrincipals(enrolled, open_roles(settings))
        people = open_people(settings)
        notary = Notary(principals=principals, people=people, signer=signer, own_keys=settings.own_keys_only)
        registry = Registry(journal=journal, principals=enrolled, notary=notary)
        credentials, kills, work = SqlCredentials(database), SqlKills(database), SqlWork(database)
        yield Store(
            settings=settings,
            database=database,
            journal=journal,
            executions=SqlExecutions(database),
            line=SqlLine(database),
            approvals=SqlApprovals(database),
            budgets=SqlBudgets(database),
            enrolled=enrolled,
            principals=principals,
            credentials=credentials,
            people=people,
            history=SqlHistory(database, working),
            sessions=SqlSessions(database),
            cases=SqlCases(database),
            pins=SqlPins(database),
            work=work,
            kills=kills,
            limits=FleetLimits(open_limits(settings), SqlRooms(database), SqlCircuits(database)),
            signer=signer,
            clock=clock,
            notary=notary,
            registry=registry,
            key_desk=KeyDesk(registry, credentials, clock),
            kill_desk=KillDesk(journal=journal, kills=kills, notary=notary, clock=clock),
            work_desk=WorkDesk(journal=journal, work=work, notary=notary),
            overrides=OverrideDesk(journal=journal, notary=notary, clock=clock),
            deputies=DeputyDesk(journal=journal, notary=notary, clock=clock),
        )
    finally:
        database.close()
