"""Puts the parts of a process together. Nothing here decides anything."""

from __future__ import annotations

from dataclasses import dataclass

from bridle.adapters.rego.bound import BoundPolicy
from bridle.app.acting import Acting, build_acting
from bridle.app.engine import Engine, launch_engine
from bridle.app.operations import Operations, build_operations, build_tools
from bridle.app.residents import register_residents
from bridle.app.rotating import open_delegate_key
from bridle.app.store import Store
from bridle.delegate.app import NAME as DELEGATE
from bridle.engine.durable import Timing
from bridle.trust.principals import Principal


@dataclass(frozen=True)
class App(Store, Acting, Engine, Operations):
    """A store and everything that acts on it. `user` is the operating system's."""

    user: Principal


async def wire(store: Store, policy: BoundPolicy, timing: Timing | None, *, takes_over: bool) -> App:
    """Return the whole of a process, with its engine launched."""
    timing = timing or Timing()
    signer = open_delegate_key(store.settings.config_dir, await store.enrolled.get(DELEGATE))
    user = await register_residents(store.journal, store.enrolled, signer)
    acting = build_acting(store, policy, signer)
    tools = build_tools(store, acting)
    engine = await launch_engine(
        store, acting, refresh_tools=tools.refresh, timing=timing, takes_over=takes_over
    )
    operations = build_operations(store, acting, tools, durable=engine.durable, timing=timing)
    return App(**vars(store), **vars(acting), **vars(engine), **vars(operations), user=user)
