"""Desks for a person at a terminal, without anything that could act: the register of principals, the reception of sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridle.adapters.people.redaction_file import load_redaction_rules
from bridle.app.cases import build_book
from bridle.app.folders import agent_roots
from bridle.app.residents import register_residents
from bridle.app.rotating import open_delegate_key
from bridle.app.store import Store, open_store
from bridle.core.canonical import Json
from bridle.core.clock import Clock, SystemClock
from bridle.core.errors import InputError
from bridle.core.settings import Settings
from bridle.delegate.app import ATTESTORS
from bridle.delegate.app import NAME as DELEGATE
from bridle.delegate.effectors.evidence import load_attestors
from bridle.delegate.evidence import read_exhibit
from bridle.engine.retention import parse_age
from bridle.operating.digest import Digests
from bridle.operating.reception import Reception
from bridle.operating.work import WorkDesk
from bridle.trust.credentials import KeyDesk
from bridle.trust.kills import KillDesk
from bridle.trust.principals import Principal
from bridle.trust.redaction import Redactor
from bridle.trust.registry import Registry


@dataclass(frozen=True)
class Counter:
    """What a command about principals works with; `user` is the operating system's."""

    store: Store
    registry: Registry
    keys: KeyDesk
    user: Principal


@dataclass(frozen=True)
class Lobby:
    """What a command about sessions works with; `user` is the operating system's."""

    store: Store
    reception: Reception
    user: Principal


@dataclass(frozen=True)
class SwitchRoom:
    """What a command about kills works with; `user` is the operating system's."""

    store: Store
    desk: KillDesk
    user: Principal


@asynccontextmanager
async def open_lobby(settings: Settings) -> AsyncIterator[Lobby]:
    """Open the store and the reception; principals that are always there are registered if they are not yet."""
    with open_store(settings) as store:
        delegate_signer = open_delegate_key(settings.config_dir, await store.enrolled.get(DELEGATE))
        user = await register_residents(store.journal, store.enrolled, delegate_signer)
        yield Lobby(store, build_reception(store, SystemClock()), user)


def read_exhibit_file(
    settings: Settings, data: bytes, *, type_: str, subject: str, name: str
) -> dict[str, Json]:
    """Read a file as evidence, as the delegate does, and return what it says; raise InputError or ExecutionError."""
    keys = load_attestors(settings.config_dir / ATTESTORS)
    said = read_exhibit(data, type_=type_, subject=subject, name=name, keys=keys).to_json()
    redacted = Redactor(rules=load_redaction_rules(settings.config_dir)).redact_json(said)
    if redacted != said:
        raise InputError(
            "the name or maker in the file looks like a secret", where=name, reason="secret-in-evidence"
        )
    return said


@asynccontextmanager
async def open_kill_desk(settings: Settings) -> AsyncIterator[SwitchRoom]:
    """Open the store and the kill switch, without anything that could act."""
    with open_store(settings) as store:
        delegate_signer = open_delegate_key(settings.config_dir, await store.enrolled.get(DELEGATE))
        user = await register_residents(store.journal, store.enrolled, delegate_signer)
        desk = KillDesk(
            journal=store.journal,
            kills=store.kills,
            principals=store.principals,
            people=store.people,
            signer=store.signer,
            clock=SystemClock(),
            own_keys=settings.own_keys_only,
        )
        yield SwitchRoom(store, desk, user)


def build_reception(store: Store, clock: Clock) -> Reception:
    """Return the reception of a store."""
    return Reception(
        journal=store.journal,
        sessions=store.sessions,
        principals=store.principals,
        approvals=store.approvals,
        redactor=Redactor(rules=load_redaction_rules(store.settings.config_dir)),
        clock=clock,
        roots=agent_roots(),
        book=build_book(store, clock),
        project=store.settings.project,
        approved_agents_only=store.settings.approved_agents_only,
    )


def build_digests(store: Store, clock: Clock | None = None) -> Digests:
    """Return what gathers the digests of a store; raise InputError for a schedule that is none."""
    every = parse_age(store.settings.digest, where="BRIDLE_DIGEST")
    if not every:
        raise InputError(
            "a digest is due at least a minute after the last", where="BRIDLE_DIGEST", hint="write 4h"
        )
    return Digests(
        journal=store.journal,
        approvals=store.approvals,
        sessions=store.sessions,
        clock=clock or SystemClock(),
        every=every,
    )


def build_work_desk(store: Store, clock: Clock | None = None) -> WorkDesk:
    """Return the desk for items of work."""
    return WorkDesk(
        journal=store.journal,
        work=store.work,
        principals=store.principals,
        people=store.people,
        signer=store.signer,
        clock=clock or SystemClock(),
        own_keys=store.settings.own_keys_only,
    )


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[Counter]:
    """Open the store and the desk; principals that are always there are registered if they are not yet."""
    with open_store(settings) as store:
        delegate_signer = open_delegate_key(settings.config_dir, await store.enrolled.get(DELEGATE))
        user = await register_residents(store.journal, store.enrolled, delegate_signer)
        registry = Registry(
            journal=store.journal,
            principals=store.enrolled,
            authors=store.principals,
            people=store.people,
            signer=store.signer,
            own_keys=store.settings.own_keys_only,
        )
        yield Counter(store, registry, KeyDesk(registry, store.credentials, SystemClock()), user)
