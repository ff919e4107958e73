"""Puts together what carries executions: the durable engine, who stands in line for it, and its desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bridle.adapters.people.variables_file import load_variables
from bridle.adapters.rego.step_sets import RegorusSets
from bridle.adapters.sql.database import engine_url
from bridle.adapters.sql.locks import SqlLockStore
from bridle.app.acting import Acting, loop_window
from bridle.app.controls import describe_controls
from bridle.app.folders import POLICY_TIMEOUT_S, agent_roots
from bridle.app.store import Store
from bridle.engine.admission import Admission, Limits
from bridle.engine.control import Control
from bridle.engine.desk import Desks
from bridle.engine.drain import Carried, Drain, DrainedRun
from bridle.engine.durable import Run, Timing
from bridle.engine.finish import Ending
from bridle.engine.interpreter import interpret
from bridle.engine.locks import Locks
from bridle.engine.proof import Proof
from bridle.engine.retention import Retention
from bridle.engine.starting import Starting
from bridle.engine.steps import Bench
from bridle.engine.worker import PlanWorker
from bridle.trust.bindings import list_events

if TYPE_CHECKING:
    from bridle.adapters.dbos.durable import DbosDurable


@dataclass(frozen=True)
class Engine:
    """What carries executions."""

    durable: DbosDurable
    control: Control
    admission: Admission
    drain: Drain
    carried: Carried
    locks: Locks
    proof: Proof
    retention: Retention


async def launch_engine(
    store: Store,
    acting: Acting,
    *,
    refresh_tools: Callable[[], Awaitable[None]],
    timing: Timing,
    takes_over: bool,
) -> Engine:
    """Start the engine of this process; the journal knows from then on who appends."""
    from bridle.adapters.dbos.durable import DbosDurable  # heavy: only what acts needs it

    settings, journal = store.settings, store.journal
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
    locks = Locks(journal, SqlLockStore(store.database), durable.wake)
    proof = _build_proof(store, acting)
    limits = Limits(within_s=timing.lease_s, account=settings.max_executions)
    admission = Admission(journal=journal, line=store.line, process=durable.executor, limits=limits)
    starting = _build_starting(store, acting, durable, admission)
    desks = Desks(
        _build_bench(store, acting, locks, refresh_tools),
        executions=store.executions,
        finisher=Ending(journal, proof, store.clock, store.kills),
        starter=starting,
        wake=durable.wake,
    )
    await durable.launch()
    journal.holder = durable.executor
    control = _build_control(store, durable, starting, admission)
    retention = _build_retention(store)
    return Engine(durable, control, admission, drain, carried, locks, proof, retention)


def _build_proof(store: Store, acting: Acting) -> Proof:
    return Proof(
        journal=store.journal,
        signer=store.signer,
        delegate_key=acting.delegate_key,
        folder=store.settings.data_dir / "evidence",
    )


def _build_retention(store: Store) -> Retention:
    from bridle.adapters.dbos.history import DbosHistory

    return Retention(
        journal=store.journal,
        history=store.history,
        engine=DbosHistory(),
        clock=store.clock,
        loop_window=loop_window(store.settings),
    )


def _build_starting(store: Store, acting: Acting, durable: DbosDurable, admission: Admission) -> Starting:
    return Starting(
        journal=store.journal,
        executions=store.executions,
        durable=durable,
        delegate=acting.delegate,
        clock=store.clock,
        admission=admission,
        redactor=acting.redactor,
        signer=store.signer,
        controls=partial(describe_controls, store.settings, acting.policy, store.limits),
    )


def _build_control(store: Store, durable: DbosDurable, starting: Starting, admission: Admission) -> Control:
    return Control(
        journal=store.journal,
        executions=store.executions,
        approvals=store.approvals,
        durable=durable,
        starting=starting,
        notary=store.notary,
        clock=store.clock,
        admission=admission,
        project=store.settings.project,
        shared=lambda: load_variables(store.settings.config_dir),
    )


def _build_bench(
    store: Store, acting: Acting, locks: Locks, refresh_tools: Callable[[], Awaitable[None]]
) -> Bench:
    return Bench(
        gate=acting.gate,
        journal=store.journal,
        approvals=store.approvals,
        principals=store.principals,
        clock=store.clock,
        roots=agent_roots(),
        model=store.settings.model,
        locks=locks,
        keys=store.signer.keys,
        sets=RegorusSets(timeout_s=POLICY_TIMEOUT_S),
        manifests=acting.catalogue,
        refresh_tools=refresh_tools,
        approved_agents_only=store.settings.approved_agents_only,
        events=list_events(acting.policy.bindings),
    )
