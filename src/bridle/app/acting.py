"""Puts together what acts: the gate, and the delegate of this process behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bridle.adapters.models.connect import connect_model, price_of
from bridle.adapters.models.prices import Price, parse_price
from bridle.adapters.models.recording import record
from bridle.adapters.people.redaction_file import load_redaction_rules
from bridle.adapters.rego.bound import BoundPolicy
from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.deeds import SqlDeeds
from bridle.adapters.sql.tokens import SqlTokens
from bridle.adapters.sql.writings import SqlWritings
from bridle.app.cases import build_book
from bridle.app.folders import turn_folders
from bridle.app.store import Store
from bridle.core.canonical import Json
from bridle.core.settings import Settings
from bridle.delegate.app import build_delegate
from bridle.delegate.effectors.model import ModelPort, build_model_effector
from bridle.delegate.worker import Worker
from bridle.engine.retention import parse_age
from bridle.gate.budgets import Price as WorstPrice
from bridle.gate.external import Catalogue
from bridle.gate.facts import FactSource
from bridle.gate.gate import Gate
from bridle.gate.inside import Inside
from bridle.gate.loops import LoopLimits
from bridle.gate.manifest import Manifests
from bridle.gate.ports import Ports
from bridle.operating.cases.book import CaseBook
from bridle.trust.keys import Signer, Verifier
from bridle.trust.redaction import Redactor
from bridle.trust.tokens import hash_secret


@dataclass(frozen=True)
class Acting:
    """The gate, with what it judges by and what it has carry out."""

    policy: BoundPolicy
    delegate: Worker
    delegate_key: Verifier
    tokens: SqlTokens
    catalogue: Catalogue
    book: CaseBook
    redactor: Redactor
    gate: Gate


def build_acting(store: Store, policy: BoundPolicy, delegate_signer: Signer) -> Acting:
    """Return the gate of this process, and its delegate."""
    settings, tokens, catalogue = store.settings, SqlTokens(store.database), Catalogue()
    folders = turn_folders()
    override = parse_price(settings.model_price) if settings.model_price else None
    delegate = _build_delegate(store, delegate_signer, tokens, _connector(settings, folders, override))
    ports = Ports(
        journal=store.journal,
        manifests=catalogue,
        approvals=store.approvals,
        budgets=store.budgets,
        policy=policy,
        delegate=delegate,
        delegate_key=delegate_signer.verifier,
        signer=store.signer,
        redactor=Redactor(rules=load_redaction_rules(settings.config_dir)),
        clock=store.clock,
        price=(price := price_of(folders=folders, price=override)),
        own_keys=settings.own_keys_only,
        inside=(book := build_book(store, catalogue)),
        facts=build_facts(
            store,
            catalogue,
            account=policy.account,
            inside=book,
            price=price,
            delegate=delegate.name,
            delegate_key=delegate_signer.verifier.raw.hex(),
        ),
    )
    return Acting(policy, delegate, ports.delegate_key, tokens, catalogue, book, ports.redactor, Gate(ports))


def build_facts(
    store: Store,
    manifests: Manifests,
    *,
    account: Mapping[str, Json] | None = None,
    inside: Inside | None = None,
    price: WorstPrice | None = None,
    delegate: str = "",
    delegate_key: str = "",
) -> FactSource:
    """Return what gathers the facts of actions from a store."""
    return FactSource(
        journal=store.journal,
        principals=store.principals,
        tokens=SqlTokens(store.database),
        budgets=store.budgets,
        deeds=SqlDeeds(store.database),
        attempts=SqlAttempts(store.database),
        clock=store.clock,
        writings=SqlWritings(store.database),
        cases=store.sessions,
        overrides=store.overrides,
        limits=store.limits,
        loops=LoopLimits(store.settings.loop_limit, loop_window(store.settings)),
        manifests=manifests,
        account=account or {},
        inside=inside,
        price=price,
        delegate=delegate,
        delegate_key=delegate_key,
    )


def loop_window(settings: Settings) -> timedelta:
    """Return how far back the gate looks for loops; raise InputError when that is no age."""
    return parse_age(settings.loop_window, where="BRIDLE_LOOP_WINDOW")


def _build_delegate(
    store: Store, signer: Signer, tokens: SqlTokens, connect: Callable[[str], ModelPort]
) -> Worker:
    async def lives(secret: str, token_id: str) -> bool:
        token = await tokens.find(hash_secret(secret))
        return token is not None and token.id == token_id and store.clock.now() < token.expires_at

    return build_delegate(
        store.settings,
        signer=signer,
        control_plane=store.signer.verifier,
        token_lives=lives,
        clock=store.clock,
        model_effector=build_model_effector(connect),
    )


def _connector(
    settings: Settings, folders: tuple[Path, ...], price: Price | None
) -> Callable[[str], ModelPort]:
    """Return what connects a model by its name; what it says is recorded where the settings want that."""

    def connect(name: str) -> ModelPort:
        port = connect_model(name, folders=folders, price=price)
        if not settings.record:
            return port
        return record(port, Path(settings.record), source=name, priced_as=getattr(port, "priced_as", name))

    return connect
