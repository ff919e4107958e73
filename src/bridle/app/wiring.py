"""Picks implementations and puts them together. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.adapters.models.connect import connect_model, price_of
from bridle.adapters.models.prices import Price, parse_price
from bridle.adapters.models.recording import record
from bridle.adapters.people.redaction_file import load_redaction_rules
from bridle.adapters.rego.bound import BoundPolicy
from bridle.adapters.rego.step_sets import RegorusSets
from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.database import engine_url
from bridle.adapters.sql.deeds import SqlDeeds
from bridle.adapters.sql.leases import Leases
from bridle.adapters.sql.locks import SqlLockStore
from bridle.adapters.sql.obligations import SqlObligations
from bridle.adapters.sql.tokens import SqlTokens
from bridle.agent.shelf import find_top
from bridle.app.cases import build_book, build_cases
from bridle.app.controls import describe_controls
from bridle.app.counter import build_reception
from bridle.app.folders import POLICY_TIMEOUT_S, agent_roots, shipped
from bridle.app.residents import register_residents
from bridle.app.rotating import open_delegate_key
from bridle.app.store import Store
from bridle.core.clock import Clock
from bridle.core.settings import Settings
from bridle.delegate.app import NAME as DELEGATE
from bridle.delegate.app import build_delegate
from bridle.delegate.effectors.model import ModelPort, build_model_effector
from bridle.delegate.servers import load_servers
from bridle.delegate.worker import Worker
from bridle.engine.admission import Admission, Limits
from bridle.engine.control import Control
from bridle.engine.desk import Desks
from bridle.engine.drain import Carried, Drain, DrainedRun
from bridle.engine.durable import Run
from bridle.engine.finish import Ending
from bridle.engine.interpreter import interpret
from bridle.engine.locks import Locks
from bridle.engine.proof import Proof
from bridle.engine.retention import Retention, parse_age
from bridle.engine.starting import Starting
from bridle.engine.steps import Bench
from bridle.engine.worker import PlanWorker
from bridle.gate.external import Catalogue
from bridle.gate.facts import FactSource
from bridle.gate.gate import Gate
from bridle.gate.loops import LoopLimits
from bridle.gate.ports import Ports
from bridle.operating.cases.casework import Casework
from bridle.operating.door import Door
from bridle.operating.erasure import Erasure
from bridle.operating.reception import Reception
from bridle.operating.recovering import Recovering
from bridle.operating.tools import Tools
from bridle.operating.work import Undoing
from bridle.trust.bindings import list_events
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange
from bridle.trust.principals import Principal
from bridle.trust.redaction import Redactor
from bridle.trust.tokens import Tokens, hash_secret

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import DbosDurable, Timing


@dataclass(frozen=True)
class App(Store):
    """A store and everything that acts on it."""

    policy: BoundPolicy
    gate: Gate
    control: Control
    admission: Admission
    drain: Drain
    locks: Locks
    carried: Carried
    retention: Retention
    erasure: Erasure
    delegate: Worker
    durable: DbosDurable
    proof: Proof
    user: Principal
    tokens: SqlTokens
    authentication: Authentication
    exchange: Exchange
    tools: Tools
    door: Door
    undoing: Undoing
    recovering: Recovering
    reception: Reception
    casework: Casework


async def wire(store: Store, policy: BoundPolicy, timing: Timing | None, *, takes_over: bool) -> App:
    from bridle.adapters.dbos.durable import DbosDurable, Timing  # heavy: only what acts needs it
    from bridle.adapters.dbos.history import DbosHistory

    timing = timing or Timing()
    settings, journal, principals, clock = store.settings, store.journal, store.principals, store.clock
    delegate_signer = open_delegate_key(settings.config_dir, await store.enrolled.get(DELEGATE))
    tokens = SqlTokens(store.database)
    loop_window = parse_age(settings.loop_window, where="BRIDLE_LOOP_WINDOW")
    user = await register_residents(journal, store.enrolled, delegate_signer)
    folders = (Path.cwd(), find_top(Path.cwd()), shipped("samples"))
    override = parse_price(settings.model_price) if settings.model_price else None
    delegate = build_delegate(
        settings,
        signer=delegate_signer,
        control_plane=store.signer.verifier,
        token_lives=_token_check(tokens, clock),
        clock=clock,
        model_effector=build_model_effector(_connector(settings, folders, override)),
    )
    redactor = Redactor(rules=load_redaction_rules(settings.config_dir))
    price = price_of(folders=folders, price=override)
    catalogue = Catalogue()
    book = build_book(store, catalogue)
    gate = Gate(
        Ports(
            journal=journal,
            manifests=catalogue,
            approvals=store.approvals,
            budgets=store.budgets,
            facts=FactSource(
                journal=journal,
                principals=principals,
                tokens=tokens,
                budgets=store.budgets,
                deeds=SqlDeeds(store.database),
                attempts=SqlAttempts(store.database),
                clock=clock,
                account=policy.account,
                cases=store.sessions,
                overrides=store.overrides,
                limits=store.limits,
                manifests=catalogue,
                loops=LoopLimits(settings.loop_limit, loop_window),
                delegate=delegate.name,
                delegate_key=delegate_signer.verifier.raw.hex(),
                inside=book,
                price=price,
            ),
            policy=policy,
            delegate=delegate,
            delegate_key=delegate_signer.verifier,
            signer=store.signer,
            redactor=redactor,
            clock=clock,
            price=price,
            own_keys=settings.own_keys_only,
            inside=book,
        )
    )

    servers = settings.servers
    tools = Tools(
        gate=gate,
        journal=journal,
        principals=principals,
        pins=store.pins,
        catalogue=catalogue,
        clock=clock,
        folder=servers.parent / "tools" if servers else Path(),
        servers=tuple(load_servers(servers)) if servers else (),
    )

    async def wake(execution: str, path: str) -> None:
        await durable.wake(execution, path)

    locks = Locks(journal, SqlLockStore(store.database), wake)
    bench = Bench(
        gate=gate,
        journal=journal,
        approvals=store.approvals,
        principals=principals,
        clock=clock,
        roots=agent_roots(),
        model=settings.model,
        locks=locks,
        keys=store.signer.keys,
        sets=RegorusSets(timeout_s=POLICY_TIMEOUT_S),
        manifests=catalogue,
        refresh_tools=tools.refresh,
        approved_agents_only=settings.approved_agents_only,
        events=list_events(policy.bindings),
    )
    proof = Proof(
        journal=journal,
        signer=store.signer,
        delegate_key=delegate_signer.verifier,
        folder=settings.data_dir / "evidence",
    )
    ending = Ending(journal, proof, clock, store.kills)
    drain, carried = Drain(), Carried()

    async def carry(run: Run, argument: Mapping[str, Any]) -> dict[str, Any]:
        desk = await desks.find(argument["execution"])
        with carried.hold(desk.execution.id):
            return await interpret(DrainedRun(run, drain), desk.plan, PlanWorker(desk), argument)

    durable = DbosDurable(
        store.database,
        engine_url=engine_url(settings.store_url),
        workflow=carry,
        timing=timing,
        takes_over=takes_over,
    )
    admission = Admission(
        journal=journal,
        line=store.line,
        process=durable.executor,
        limits=Limits(within_s=timing.lease_s, account=settings.max_executions),
    )
    controls = partial(describe_controls, settings, policy, store.limits)
    starting = Starting(
        journal=journal,
        executions=store.executions,
        durable=durable,
        delegate=delegate,
        clock=clock,
        admission=admission,
        redactor=redactor,
        signer=store.signer,
        controls=controls,
    )
    desks = Desks(bench, executions=store.executions, finisher=ending, starter=starting, wake=durable.wake)
    await durable.launch()
    journal.holder = durable.executor
    control = Control(
        journal=journal,
        executions=store.executions,
        approvals=store.approvals,
        durable=durable,
        delegate=delegate,
        notary=store.notary,
        clock=clock,
        admission=admission,
        controls=controls,
        project=settings.project,
        redactor=redactor,
    )
    leases = Leases(store.database)
    casework = build_cases(store, book, gate)
    authentication = Authentication(store.credentials, principals, clock)
    return App(
        **vars(store),
        tools=tools,
        door=Door(
            gate=gate,
            journal=journal,
            sessions=store.sessions,
            tokens=tokens,
            principals=principals,
            approvals=store.approvals,
            tools=tools,
            catalogue=catalogue,
            clock=clock,
            process=durable.executor,
            living=lambda: leases.live(within_s=timing.lease_s),
            events=bench.events,
        ),
        recovering=Recovering(
            gate=gate,
            journal=journal,
            attempts=SqlAttempts(store.database),
            obligations=SqlObligations(store.database),
            sessions=store.sessions,
            manifests=catalogue,
            clock=clock,
            living=lambda: leases.live(within_s=timing.lease_s),
            refresh=tools.refresh,
            work=store.work,
            casework=casework,
        ),
        undoing=Undoing(desk=store.work_desk, gate=gate, journal=journal, manifests=catalogue, clock=clock),
        reception=build_reception(store),
        casework=casework,
        policy=policy,
        gate=gate,
        control=control,
        admission=admission,
        drain=drain,
        locks=locks,
        carried=carried,
        retention=Retention(
            journal=journal,
            history=store.history,
            engine=DbosHistory(),
            clock=clock,
            loop_window=loop_window,
        ),
        delegate=delegate,
        durable=durable,
        erasure=Erasure(
            journal=journal,
            executions=store.executions,
            sessions=store.sessions,
            principals=principals,
            engine=DbosHistory(),
            traces=store.history,
        ),
        proof=proof,
        user=user,
        tokens=tokens,
        authentication=authentication,
        exchange=Exchange(
            journal=journal,
            tokens=tokens,
            principals=principals,
            authentication=authentication,
            clock=clock,
        ),
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


def _token_check(tokens: Tokens, clock: Clock) -> Any:
    async def lives(secret: str, token_id: str) -> bool:
        token = await tokens.find(hash_secret(secret))
        return token is not None and token.id == token_id and clock.now() < token.expires_at

    return lives
