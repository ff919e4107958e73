"""What is left when a pipeline has ended: how it came out, and what of it may not be.

Rules 2 to 5 of a trial (see crash.trial) are looked for here, in the journal, the store, the durable engine and the ledger of
the fake delegate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from bridle.adapters.sql.database import engine_url
from bridle.adapters.sql.schema import barrier_arrivals, lock_tickets, reservations, tokens
from bridle.app import ORIGIN, Store, open_store
from bridle.engine.execution import Execution
from bridle.pipeline.plan import Plan
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Kind, Record
from crash.fake_delegate import FakeWorld
from crash.order import find_disorder
from support.room import Room

LEFT_EMPTY = (tokens, reservations, lock_tickets, barrier_arrivals)
TWICE = frozenset({"workspace.drop", "artifact.save"})
ONCE = (
    Kind.INTERVENTION_REQUESTED,
    Kind.INTERVENTION_ANSWERED,
    Kind.INTENDED,
    Kind.OUTCOME,
    Kind.STEP_STARTED,
    Kind.STEP_ENDED,
    Kind.BLOCK_STARTED,
    Kind.BLOCK_ENDED,
)


@dataclass(frozen=True)
class Ending:
    """What a pipeline came to, without times and ids: two runs of the same one have equal endings."""

    states: dict[str, str]
    ends: dict[str, str]
    outcomes: dict[str, str]
    answers: list[str]
    workspaces: dict[str, Any]
    records: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_endings(room: Room, *, real: bool) -> tuple[dict[int, Ending], list[str]]:
    """Read what is left: how the pipeline of each seed ended, and what does not hold in the whole store."""
    with open_store(room.settings) as store:
        executions = asyncio.run(store.executions.find(limit=10_000))
        records = asyncio.run(store.journal.read())
        approvals = asyncio.run(store.approvals.find())
        faults = [*_verify(store, records), *_left(store), *_workflows(room), *_doubled(records)]
    answers: dict[str, list[str]] = {}
    for approval in approvals:
        answers.setdefault(approval.execution, []).append(f"{approval.topic} {approval.state}")
    world = None if real else FakeWorld(room.path / "fakes")
    faults += _done_twice(world) if world else []
    for execution in executions:
        plan, own = (
            Plan.from_json(execution.plan),
            [item for item in records if item.execution == execution.id],
        )
        faults += find_disorder(plan, own)
    endings = {
        int(str(seed)): _ending(family, records, answers, world)
        for seed, family in _families(executions).items()
    }
    return endings, faults


def _families(executions: Sequence[Execution]) -> dict[Any, dict[str, Execution]]:
    """Return, by seed, an execution and the rollbacks below it by the paths they stand at."""
    by_id = {execution.id: execution for execution in executions}
    families: dict[Any, dict[str, Execution]] = {}
    for execution in executions:
        root, path = execution, ""
        while parent := root.options.get("parent"):
            path = f"{root.options['path']}:{path}"
            root = by_id[str(parent)]
        family = families.setdefault(root.options["seed"], {})
        assert path not in family, f"{path or 'the pipeline'} was started twice"
        family[path] = execution
    return families


def _ending(
    family: Mapping[str, Execution],
    records: Sequence[Record],
    answers: Mapping[str, list[str]],
    world: FakeWorld | None,
) -> Ending:
    roles = {execution.id: role for role, execution in family.items()}
    own = [record for record in records if record.execution in roles]
    spaces = world.workspaces() if world else {}
    return Ending(
        states={role: str(execution.state) for role, execution in family.items()},
        ends={
            f"{roles[record.execution]}{record.subject}": f"{record.body['state']} {record.body.get('ignored', '')}"
            for record in own
            if record.kind in (Kind.STEP_ENDED, Kind.BLOCK_ENDED) and not _is_cut(record)
        },
        outcomes={
            f"{roles[record.execution]}{record.subject.removeprefix(record.execution)}": str(
                record.body["status"]
            )
            for record in own
            if record.kind is Kind.OUTCOME
        },
        answers=sorted(
            f"{role}{answer}" for role, item in family.items() for answer in answers.get(item.id, ())
        ),
        workspaces={
            f"{role}{name.removeprefix(item.id)}": files
            for role, item in family.items()
            for name, files in spaces.items()
            if name.startswith(item.id)
        },
        records=len(own),
    )


def _is_cut(end: Record) -> bool:
    """True for a step that a block's time-out ended: after a crash its time can be over before it begins, and it has no end."""
    return end.kind is Kind.STEP_ENDED and str(end.body.get("note", "")).startswith("the `timeout` of ")


def _verify(store: Store, records: Sequence[Record]) -> Iterator[str]:
    audit = verify_journal(
        records,
        checkpoints=asyncio.run(store.journal.checkpoints()),
        control_plane=store.signer.verifier,
        origin=ORIGIN,
    )
    if audit.open_intents:
        yield f"open intents: {audit.open_intents}"


def _left(store: Store) -> Iterator[str]:
    for table in LEFT_EMPTY:
        query = sa.select(table)
        if rows := asyncio.run(
            store.database.read(lambda connection, query=query: connection.execute(query).all())
        ):
            yield f"left in {table.name}: {rows}"


def _workflows(room: Room) -> Iterator[str]:
    engine = sa.create_engine(sa.make_url(engine_url(room.settings.store_url)))
    schema = "" if engine.dialect.name == "sqlite" else "dbos."
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT workflow_uuid, status FROM {schema}workflow_status")).all()  # noqa: S608
    engine.dispose()
    for row in rows:
        if row.status != "SUCCESS":
            yield f"the workflow {row.workflow_uuid} is {row.status}"


def _doubled(records: Sequence[Record]) -> Iterator[str]:
    counted = Counter(
        (record.kind, record.execution, record.subject) for record in records if record.kind in ONCE
    )
    decided = Counter(
        (record.execution, record.subject) for record in records if record.kind is Kind.INTERVENTION_ANSWERED
    )
    for (kind, execution, subject), count in counted.items():
        again = decided[execution, subject] if kind is Kind.STEP_ENDED else 0  # what a person made of the end
        if count > 1 + again:
            yield f"{count} times {kind} of {subject}"
    intended: set[str] = set()
    for record in records:
        if record.kind is Kind.INTENDED:
            intended.add(record.subject)
        if record.kind is Kind.OUTCOME and record.subject not in intended:
            yield f"an outcome without an intent before it: {record.subject}"


def _done_twice(world: FakeWorld) -> Iterator[str]:
    done: set[str] = set()
    for effect in world.ledger():
        if effect["key"] in done and not effect["restored"] and effect["tool"] not in TWICE:
            yield f"done again over what was there: {effect}"
        done.add(effect["key"])


def find_differences(found: Ending, wanted: Ending) -> Iterator[str]:
    """Say in what one ending is not the other."""
    for field in fields(Ending):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if field.name != "records" and one != other:
            yield f"{field.name}: {_only(one, other)}, undisturbed {_only(other, one)}"


def _only(one: Any, other: Any) -> Any:
    """Leave out what both have."""
    if isinstance(one, dict):
        return {name: value for name, value in one.items() if other.get(name, ...) != value}
    return [item for item in one if item not in other]
