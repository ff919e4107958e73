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
from bridle.adapters.sql.rotations import load_rotations
from bridle.adapters.sql.sessions import SqlSessions
from bridle.adapters.sql.work import SqlWork
from bridle.adapters.sql.working import WorkingStore
from bridle.app.folders import open_limits, open_people, open_roles
from bridle.app.rotating import FILES, finish_rotation
from bridle.core.clock import Clock, SystemClock
from bridle.core.settings import Settings
from bridle.gate.fleet import FleetLimits
from bridle.trust.access import GrantedPrincipals
from bridle.trust.deputy_desk import DeputyDesk
from bridle.trust.keys import Signer, load_secret, load_signer
from bridle.trust.overrides import OverrideDesk


@dataclass(frozen=True)
class Store:
    """What is written down: enough to read, verify and export. `enrolled` are the principals' rows, `principals` those with what
    their roles give them."""

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
    overrides: OverrideDesk
    deputies: DeputyDesk
    limits: FleetLimits
    kills: SqlKills
    signer: Signer


@contextmanager
def open_store(settings: Settings, *, clock: Clock | None = None) -> Iterator[Store]:
    """Open what is written down, without anything that could act."""
    database = open_database(settings.store_url)
    try:
        signer = load_signer(settings.config_dir / "control-plane.key")
        rotations = load_rotations(database, FILES)
        signer = finish_rotation(settings.config_dir / "control-plane.key", signer, rotations)
        enrolled = SqlPrincipals(database)
        working = WorkingStore(load_secret(settings.config_dir / "working.key"))
        clock = clock or SystemClock()
        journal = SqlJournal(database, working, clock, signer)
        principals = GrantedPrincipals(enrolled, open_roles(settings))
        people = open_people(settings)
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
            credentials=SqlCredentials(database),
            people=people,
            history=SqlHistory(database, working),
            sessions=SqlSessions(database),
            cases=SqlCases(database),
            pins=SqlPins(database),
            work=SqlWork(database),
            overrides=OverrideDesk(
                journal=journal,
                principals=principals,
                people=people,
                signer=signer,
                clock=clock,
                own_keys=settings.own_keys_only,
            ),
            deputies=DeputyDesk(
                journal=journal, principals=principals, people=people, signer=signer, clock=clock
            ),
            kills=SqlKills(database),
            limits=FleetLimits(open_limits(settings), SqlRooms(database), SqlCircuits(database)),
            signer=signer,
        )
    finally:
        database.close()
