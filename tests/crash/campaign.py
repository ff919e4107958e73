"""The campaign: the demo undisturbed, and the demo killed at a point and carried on by another process.

What has to hold wherever the first process died
  1. It ends as the undisturbed run did: the same states, the same actions with the same decisions and results, the same cost,
     the same commit on the origin's main.
  2. Nothing happened twice: one push in the origin's own log, one outcome for each action, one approval, used.
  3. No turn of the model that had been answered, durably, before the kill was asked for again.
  4. No token and no reservation is left. The journal verifies, with no action left open, and so does the evidence.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bridle.adapters.sql.schema import reservations, tokens
from bridle.app import ORIGIN, Store, open_store
from bridle.engine.summary import summarise
from bridle.trust.audit import verify_journal
from bridle.trust.evidence.bundle import verify_bundle
from bridle.trust.journal import Kind, Record
from bridle.trust.keys import Verifier
from crash.points import name_kind
from support.forks import Forks, NotEnded
from support.room import Room, opened_room

KILLED, NEVER = -9, -1
NEVER_REACHED = "the point was never reached"
PATIENCE_S = 60.0  # twenty times what it takes


@dataclass(frozen=True)
class Ending:
    """What an execution came to, without times and ids: two runs of the same pipeline have equal ones."""

    state: str
    steps: list[list[str]]
    actions: list[list[str]]
    cost: dict[str, Any]
    main: str
    pushes: list[str]
    approvals: list[str]
    outcomes_twice: list[str]
    tokens_left: int
    reservations_left: int
    open_intents: list[str]
    evidence: list[str]


@dataclass(frozen=True)
class Reference:
    """The undisturbed run: how it ended and which points it passed, in order."""

    ending: Ending
    points: list[str]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Reference:
        content = json.loads(text)
        return cls(Ending(**content["ending"]), content["points"])


def run_undisturbed(forks: Forks) -> Reference:
    """Run the demo once with nothing happening to it."""
    with _opened() as room:
        code, stderr = _carry(forks, room)
        assert code == 0, stderr
        return Reference(read_ending(room), _lines(room.path / "points"))


def crash_at(forks: Forks, point: str, reference: Reference, *, fault: str = "") -> list[str]:
    """Kill a run at `point`, have another process carry it on, and return what does not hold.

    `fault` names something that the second process does wrong on purpose.
    """
    with _opened() as room:
        code, stderr = _carry(forks, room, fatal=point)
        if code != KILLED:
            return [f"{NEVER_REACHED}: the run ended with {code} {stderr}"]
        answered = read_answered_turns(room)
        code, stderr = _carry(forks, room, fault=fault)
        if code != 0:
            return [f"carrying on ended with {code}: {stderr}"]
        return [*_bought_twice(room, answered), *_differences(read_ending(room), reference.ending)]


def crash_everywhere(forks: Forks, reference: Reference, *, store: str = "") -> list[str]:
    """Carry one execution with process after process, each killed where none has died yet: before or after a kind of point.

    Kinds that the dying itself has led around are tried one by one, unless the execution is in a `store` that was handed in;
    return what does not hold.
    """
    visited: list[str] = []
    with _opened(store) as room:
        code = KILLED
        while code == KILLED:
            answered = read_answered_turns(room)
            code, stderr = _carry(forks, room, visited=visited)
            visited += [name_kind(point) for point in _lines(room.path / "points")[-2:] if code == KILLED]
            if bought := list(_bought_twice(room, answered)):
                return [f"after dying at {visited[-2:]}: {bought}"]
        if code != 0:
            return [f"after dying at {visited[-2:]} it ended with {code}: {stderr}"]
        found = list(_differences(read_ending(room), reference.ending))
    if store:
        return found
    for point in reference.points:
        if point.endswith(" #1") and name_kind(point) not in visited:
            visited.append(name_kind(point))
            found += [f"{point}: {complaint}" for complaint in crash_at(forks, point, reference)]
    return found


def read_answered_turns(room: Room) -> set[int]:
    """Return the turns of the model whose outcome the journal has; looking must not make a store where none is yet."""
    if not room.key.exists():
        return set()
    with open_store(room.settings) as store:
        outcomes = [record for record in _records(store) if record.kind is Kind.OUTCOME]
    keys = [record.subject for record in outcomes if record.body["tool"] == "model.call"]
    return {int(key.rpartition("#")[2].partition(".")[0]) for key in keys}


def read_ending(room: Room) -> Ending:
    """Read what is left: the store, the origin and the evidence; everything that can be verified is."""
    with open_store(room.settings) as store:
        (execution,) = asyncio.run(store.executions.find())
        records = _records(store)
        audit = verify_journal(
            records,
            checkpoints=asyncio.run(store.journal.checkpoints()),
            control_plane=store.signer.verifier,
            origin=ORIGIN,
        )
        approvals = asyncio.run(store.approvals.find())
        left = [_count(store, table) for table in (tokens, reservations)]
    summary = summarise(execution, [record for record in records if record.execution == execution.id])
    views = [step for steps in summary.stages.values() for step in steps]
    return Ending(
        state=str(summary.state),
        steps=[[step.path, str(step.state), step.note] for step in views],
        actions=[
            [
                view.key.removeprefix(execution.id),
                view.tool,
                view.principal,
                view.effect,
                view.rule,
                view.status,
                view.note,
            ]
            for view in summary.actions
        ],
        cost=dict(summary.cost),
        main=room.main(),
        pushes=room.pushes(),
        approvals=[str(approval.state) for approval in approvals],
        outcomes_twice=_twice(records),
        tokens_left=left[0],
        reservations_left=left[1],
        open_intents=list(audit.open_intents),
        evidence=_verify_evidence(room, execution.id),
    )


def _bought_twice(room: Room, answered: set[int]) -> Iterator[str]:
    again = answered & {int(turn) for turn in _lines(room.path / "turns")}
    if again:
        yield f"turns that had been answered were asked for again: {sorted(again)}"


def _carry(
    forks: Forks, room: Room, *, fatal: str = "", visited: Sequence[str] | None = None, fault: str = ""
) -> tuple[int, str]:
    """Let one process work; afterwards `points` and `turns` are what that process passed and asked for."""
    files = {name: room.path / name for name in ("points", "turns")}
    for file in files.values():
        file.unlink(missing_ok=True)
    job = {name: str(file) for name, file in files.items()}
    child = forks.start(
        "crash.child:carry_demo",
        {**job, "fatal": fatal, "visited": visited, "fault": fault},
        environment=room.environment,
        folder=room.path,
    )
    try:
        return child.wait(PATIENCE_S), child.stderr[-3000:]
    except NotEnded as error:
        return NEVER, str(error)


@contextmanager
def _opened(store: str = "") -> Iterator[Room]:
    with opened_room(store=store) as room:
        room.make_origin()
        yield room


def _records(store: Store) -> list[Record]:
    return asyncio.run(store.journal.read())


def _count(store: Store, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return int(asyncio.run(store.database.read(lambda connection: connection.execute(query).scalar_one())))


def _twice(records: Sequence[Record]) -> list[str]:
    counted = Counter(record.subject for record in records if record.kind is Kind.OUTCOME)
    return [subject for subject, count in counted.items() if count > 1]


def _verify_evidence(room: Room, execution: str) -> list[str]:
    bundle = room.path / "data" / "evidence" / f"{execution}.json"
    if not bundle.exists():
        return ["there is none"]
    verified = verify_bundle(bundle.read_bytes(), key=Verifier.from_pem(room.key.read_bytes()), origin=ORIGIN)
    return list(verified.checks)


def _differences(found: Ending, wanted: Ending) -> Iterator[str]:
    for field in fields(Ending):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if one != other:
            yield f"{field.name}: {_shorten(one, other)}, undisturbed {_shorten(other, one)}"


def _shorten(one: Any, other: Any) -> Any:
    """Leave out what both lists have."""
    if isinstance(one, list) and isinstance(other, list):
        return [item for item in one if item not in other] or (one if len(one) != len(other) else "the order")
    return one


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []
