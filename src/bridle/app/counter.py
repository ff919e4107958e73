"""What a person at a terminal works with, without anything that could act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridle.adapters.people.redaction_file import load_redaction_rules
from bridle.app.cases import build_book
from bridle.app.folders import agent_roots
from bridle.app.publishing import publish_new
from bridle.app.residents import register_residents
from bridle.app.rotating import open_delegate_key
from bridle.app.store import Store, open_store
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.settings import Settings
from bridle.delegate.app import ATTESTORS
from bridle.delegate.app import NAME as DELEGATE
from bridle.delegate.effectors.evidence import load_attestors
from bridle.delegate.evidence import read_exhibit
from bridle.engine.retention import parse_age
from bridle.operating.digest import Digests
from bridle.operating.reception import Reception
from bridle.trust.notary import Author
from bridle.trust.principals import Principal
from bridle.trust.redaction import Redactor


@dataclass(frozen=True)
class Counter:
    """The store with its desks, and who stands before them: `user` is the operating system's."""

    store: Store
    user: Principal

    def author(self, name: str = "", comment: str = "") -> Author:
        """Return who says something here, as what they call themselves."""
        return Author(self.user.id, name, comment)


@asynccontextmanager
async def open_counter(settings: Settings) -> AsyncIterator[Counter]:
    """Open the store and its desks; principals that are always there are registered if they are not yet."""
    with open_store(settings) as store:
        delegate_signer = open_delegate_key(settings.config_dir, await store.enrolled.get(DELEGATE))
        yield Counter(store, await register_residents(store.journal, store.enrolled, delegate_signer))
        await publish_new(settings, store.journal)


def build_reception(store: Store) -> Reception:
    """Return the reception of a store."""
    return Reception(
        journal=store.journal,
        sessions=store.sessions,
        principals=store.principals,
        approvals=store.approvals,
        redactor=Redactor(rules=load_redaction_rules(store.settings.config_dir)),
        clock=store.clock,
        roots=agent_roots(),
        book=build_book(store),
        project=store.settings.project,
        approved_agents_only=store.settings.approved_agents_only,
    )


def build_digests(store: Store) -> Digests:
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
        clock=store.clock,
        every=every,
    )


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
