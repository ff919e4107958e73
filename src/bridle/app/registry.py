"""The register of principals, opened for a person at a terminal: a store and the desk, without anything that could act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridle.app.residents import register_residents
from bridle.app.store import Store, open_store
from bridle.core.clock import SystemClock
from bridle.core.settings import Settings
from bridle.trust.credentials import KeyDesk
from bridle.trust.keys import load_signer
from bridle.trust.principals import Principal
from bridle.trust.registry import Registry


@dataclass(frozen=True)
class Counter:
    """What a command about principals works with; `user` is the operating system's."""

    store: Store
    registry: Registry
    keys: KeyDesk
    user: Principal


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[Counter]:
    """Open the store and the desk; principals that are always there are registered if they are not yet."""
    with open_store(settings) as store:
        delegate_signer = load_signer(settings.config_dir / "delegate.key")
        user = await register_residents(store.journal, store.enrolled, delegate_signer)
        registry = Registry(
            journal=store.journal,
            principals=store.enrolled,
            authors=store.principals,
            people=store.people,
            signer=store.signer,
        )
        yield Counter(store, registry, KeyDesk(registry, store.credentials, SystemClock()), user)
