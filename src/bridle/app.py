"""Composition root of the control plane: picks implementations and wires them, once per process.

Heavy libraries are imported here, when a command needs them, and not before: `bridle --help` imports none.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.adapters.models.connect import connect_model, key_references, price_of
from bridle.adapters.models.prices import parse_price
from bridle.adapters.models.recording import record
from bridle.adapters.people.folder import PeopleFolder
from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import load_policy_set
from bridle.adapters.rego.step_sets import RegorusSets
from bridle.adapters.sql.admission import SqlLine
from bridle.adapters.sql.approvals import SqlApprovals
from bridle.adapters.sql.budgets import SqlBudgets
from bridle.adapters.sql.database import Database, engine_url, open_database
from bridle.adapters.sql.deeds import SqlDeeds
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.health import read_health
from bridle.adapters.sql.journal import ORIGIN, SqlJournal
from bridle.adapters.sql.locks import SqlLockStore
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.retention import SqlHistory
from bridle.adapters.sql.tokens import SqlTokens
from bridle.adapters.sql.working import WorkingStore
from bridle.adapters.templates.branch import BranchTree
from bridle.adapters.templates.library import FolderLibrary
from bridle.adapters.templates.tree import DiskTree
from bridle.agent.shelf import find_top, list_roots
from bridle.core.canonical import digest
from bridle.core.clock import Clock, SystemClock
from bridle.core.errors import UnavailableError
from bridle.core.settings import Settings
from bridle.delegate.app import NAME as DELEGATE_NAME
from bridle.delegate.app import build_delegate
from bridle.delegate.effectors.model import ModelPort, build_model_effector
from bridle.delegate.worker import Worker
from bridle.engine.admission import Admission, Limits
from bridle.engine.control import Control
from bridle.engine.desk import Desks
from bridle.engine.drain import Carried, Drain, DrainedRun
from bridle.engine.durable import Run
from bridle.engine.finish import Ending
from bridle.engine.interpreter import interpret
from bridle.engine.locks import Locks, keep_locks
from bridle.engine.proof import Proof
from bridle.engine.retention import Retention, parse_age, retain
from bridle.engine.serving import Server, Tell
from bridle.engine.starting import Starting
from bridle.engine.steps import Bench
from bridle.engine.watch import watch_wishes
from bridle.engine.worker import PlanWorker
from bridle.gate.facts import FactSource
from bridle.gate.gate import Gate
from bridle.gate.loops import LoopLimits
from bridle.gate.manifest import builtin_manifests
from bridle.gate.ports import Ports
from bridle.trust.journal import Entry, Guard, Kind
from bridle.trust.keys import Signer, load_secret, load_signer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.redaction import Redactor
from bridle.trust.tokens import Tokens, hash_secret

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import DbosDurable, Timing


POLICY_TIMEOUT_S = (
    5.0  # a busy machine must not turn an answer into a recorded denial; a rule that hangs is still cut off
)


@dataclass(frozen=True)
class Store:
    """What is written down: enough to read, verify and export."""

    settings: Settings
    database: Database
    journal: SqlJournal
    executions: SqlExecutions
    approvals: SqlApprovals
    budgets: SqlBudgets
    principals: SqlPrincipals
    people: PeopleFolder
    history: SqlHistory
    signer: Signer


@dataclass(frozen=True)
class App(Store):
    """A store and everything that acts on it."""

    policy: Regorus
    gate: Gate
    control: Control
    admission: Admission
    drain: Drain
    locks: Locks
    carried: Carried
    retention: Retention
    delegate: Worker
    durable: DbosDurable
    proof: Proof
    user: Principal


def shipped(name: str) -> Path:
    """Return the folder `agents`, `policies`, `samples` or `templates`: in the package when installed, else in the checkout."""
    inside = Path(__file__).parent / "shipped" / name
    beside = Path(__file__).parents[2] / name
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise UnavailableError(f"the shipped folder {name!r} is missing", hint="install bridle again")


@contextmanager
def open_store(settings: Settings, *, clock: Clock | None = None) -> Iterator[Store]:
    """Open what is written down, without anything that could act."""
    database = open_database(settings.store_url)
    try:
        signer = load_signer(settings.config_dir / "control-plane.key")
        working = WorkingStore(load_secret(settings.config_dir / "working.key"))
        yield Store(
            settings=settings,
            database=database,
            journal=SqlJournal(database, working, clock or SystemClock(), signer),
            executions=SqlExecutions(database),
            approvals=SqlApprovals(database),
            budgets=SqlBudgets(database),
            principals=SqlPrincipals(database),
            people=open_people(settings),
            history=SqlHistory(database),
            signer=signer,
        )
    finally:
        database.close()


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    timing: Timing | None = None,
    takes_over: bool = False,
) -> AsyncIterator[App]:
    """Open the store, the policy, the delegate and the engine; close them in the reverse order.

    A process that `takes_over` carries on whatever others left; one that does not carries what it is asked to.
    """
    clock = clock or SystemClock()
    with open_store(settings, clock=clock) as store:
        policy = open_policy(settings)
        try:
            await policy.start()
            app = await _wire(store, policy, clock, timing, takes_over=takes_over)
            try:
                async with _watched(app):
                    yield app
            finally:
                await app.durable.close()
        finally:
            await policy.close()


def open_policy(settings: Settings) -> Regorus:
    """Make the policy engine with the base set and what is added to it; the caller starts and closes it."""
    paths = [shipped("policies") / "base", *settings.policies]
    return Regorus(load_policy_set(paths), timeout_s=POLICY_TIMEOUT_S)


def agent_roots() -> tuple[Path, ...]:
    """Return the folders in which this process seeks agents, in its order."""
    return list_roots(Path.cwd(), shipped=shipped("agents"))


def open_library(folder: Path) -> FolderLibrary:
    """Return what a pipeline file in `folder` finds: the templates of its repository, then those that ship."""
    top = find_top(folder)
    trees = (DiskTree(top), DiskTree(shipped("templates").parent, label="shipped:"))
    return FolderLibrary(trees, open_branch=lambda branch: BranchTree(top, branch))


def open_people(settings: Settings) -> PeopleFolder:
    """Return the people of this installation, as the configuration folder has them."""
    return PeopleFolder(settings.config_dir)


async def _wire(
    store: Store, policy: Regorus, clock: Clock, timing: Timing | None, *, takes_over: bool
) -> App:
    from bridle.adapters.dbos.durable import DbosDurable, Timing  # heavy: only what acts needs it
    from bridle.adapters.dbos.history import DbosHistory

    timing = timing or Timing()
    settings, journal, principals = store.settings, store.journal, store.principals
    delegate_signer = load_signer(settings.config_dir / "delegate.key")
    tokens = SqlTokens(store.database)
    user = await _register_residents(journal, principals, delegate_signer)
    folders = (Path.cwd(), find_top(Path.cwd()), shipped("samples"))
    override = parse_price(settings.model_price) if settings.model_price else None

    def connect(name: str) -> ModelPort:
        port = connect_model(name, folders=folders, price=override)
        if not settings.record:
            return port
        return record(port, Path(settings.record), source=name, priced_as=getattr(port, "priced_as", name))

    delegate = build_delegate(
        settings,
        signer=delegate_signer,
        control_plane=store.signer.verifier,
        token_lives=_token_check(tokens, clock),
        clock=clock,
        model_effector=build_model_effector(connect),
    )
    gate = Gate(
        Ports(
            journal=journal,
            approvals=store.approvals,
            budgets=store.budgets,
            facts=FactSource(
                journal=journal,
                principals=principals,
                tokens=tokens,
                budgets=store.budgets,
                deeds=SqlDeeds(store.database),
                clock=clock,
                loops=LoopLimits(
                    settings.loop_limit, parse_age(settings.loop_window, where="BRIDLE_LOOP_WINDOW")
                ),
            ),
            policy=policy,
            delegate=delegate,
            delegate_key=delegate_signer.verifier,
            signer=store.signer,
            redactor=Redactor(),
            clock=clock,
            price=price_of(folders=folders, price=override),
        )
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
        verdict_key=store.signer.verifier,
        sets=RegorusSets(timeout_s=POLICY_TIMEOUT_S),
    )
    proof = Proof(
        journal=journal,
        signer=store.signer,
        delegate_key=delegate_signer.verifier,
        folder=settings.data_dir / "evidence",
    )
    ending = Ending(journal, proof, clock)
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
        line=SqlLine(store.database),
        process=durable.executor,
        limits=Limits(within_s=timing.lease_s, account=settings.max_executions),
    )
    starting = Starting(
        journal=journal,
        executions=store.executions,
        durable=durable,
        delegate=delegate,
        clock=clock,
        admission=admission,
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
        people=store.people,
        signer=store.signer,
        clock=clock,
        admission=admission,
    )
    return App(
        **vars(store),
        policy=policy,
        gate=gate,
        control=control,
        admission=admission,
        drain=drain,
        locks=locks,
        carried=carried,
        retention=Retention(journal=journal, history=store.history, engine=DbosHistory(), clock=clock),
        delegate=delegate,
        durable=durable,
        proof=proof,
        user=user,
    )


@asynccontextmanager
async def open_server(app: App, *, tell: Tell) -> AsyncIterator[Server]:
    """Make the server of this process, which tells what becomes of the executions that it carries."""
    from bridle.adapters.dbos.held import list_held

    server = Server(app.control, app.admission, held=lambda: list_held(app.durable.executor), tell=tell)
    app.journal.listeners.append(server.hear)
    tasks = []
    if app.settings.retention:
        age = parse_age(app.settings.retention, where="BRIDLE_RETENTION")
        tasks.append(asyncio.create_task(retain(app.retention, older_than=age, by=CONTROL_PLANE)))
    try:
        yield server
    finally:
        await _end(tasks)
        app.journal.listeners.remove(server.hear)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _watched(app: App) -> AsyncIterator[None]:
    """Have wishes noticed at once, and locks kept, while the app is open."""
    control_plane = await app.principals.get(CONTROL_PLANE)
    assert control_plane is not None  # it was registered when the app was opened

    async def pause(execution: str, lock: str) -> None:
        why = f"the lock {lock} ran out while nobody carried this, and another has it now"
        await app.control.pause(execution, by=control_plane, why=why)

    watching = [
        asyncio.create_task(watch_wishes(app.executions, app.delegate), name="watch-wishes"),
        asyncio.create_task(keep_locks(app.locks, app.carried, pause), name="keep-locks"),
    ]
    try:
        yield
    finally:
        await _end(watching)


async def _register_residents(
    journal: SqlJournal, principals: SqlPrincipals, delegate_signer: Signer
) -> Principal:
    """Register the operating system's user, the control plane and the delegate, once each; return the user."""
    everything = frozenset(manifest.needs for manifest in builtin_manifests().values())
    name = getpass.getuser()
    user = Principal(
        PrincipalKind.USER, name, f"user:{name}", everything | {"approval:verdict"}, asserted=True
    )
    _, _, control_plane = CONTROL_PLANE.partition(":")
    residents = [
        user,
        Principal(PrincipalKind.SERVICE, control_plane, user.id, frozenset({"workspace:verify"})),
        Principal(
            PrincipalKind.DELEGATE,
            DELEGATE_NAME.partition(":")[2],
            user.id,
            frozenset(),
            public_key=delegate_signer.verifier.raw.hex(),
        ),
    ]
    entries: list[Entry] = []
    guards: list[Guard] = []
    for resident in residents:
        known = await principals.get(resident.id)
        if known is None or digest(known.to_json()) != digest(resident.to_json()):
            entries.append(Entry(Kind.PRINCIPAL_REGISTERED, "", resident.id, resident.to_json()))
            guards.append(RegisterPrincipal(resident))
    if entries:
        await journal.append(entries, guards)
    return user


def _token_check(tokens: Tokens, clock: Clock) -> Any:
    async def lives(secret: str, token_id: str) -> bool:
        token = await tokens.find(hash_secret(secret))
        return token is not None and token.id == token_id and clock.now() < token.expires_at

    return lives


def prepare_sample(settings: Settings) -> Path:
    """Make the sample's origin anew, as it was released, and return its path."""
    from bridle.adapters.index.sample import prepare_autofix_origin

    return prepare_autofix_origin(settings, fresh=True).path


def find_sample(settings: Settings) -> Path | None:
    """Return the sample's archive when it lies in the cache, whole; fetch nothing."""
    from bridle.adapters.index.sample import find_autofix_archive

    return find_autofix_archive(settings)


__all__ = [
    "ORIGIN",
    "App",
    "Store",
    "agent_roots",
    "connect_model",
    "find_sample",
    "key_references",
    "open_app",
    "open_library",
    "open_people",
    "open_policy",
    "open_server",
    "open_store",
    "prepare_sample",
    "read_health",
    "shipped",
]
