"""Where a process can die: every durable commit and every effect, found by hooking them, none listed by hand.

A point is a moment at which something has just become, or is just about to become, true outside this process
  commit of a transaction that wrote something, ours or the durable engine's     before it and after it
  effect, or the question what became of one, carried out by the delegate        before it and after it

Its label says what is there: the tables and the journal's kinds for a commit, the tool for an effect. Labels are the same in
every run, times and ids are not part of them; the same label may be passed several times, so a point is a label and its number.
Commits of the leases come by the clock and not by the work: each is one point, however often it is passed.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, default

from bridle.adapters.sql.database import COMMIT
from bridle.adapters.sql.prepared import Prepared
from bridle.core.errors import BridleError
from bridle.gate import effects

WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE)\b(?:\s+INTO|\s+FROM)?\s+\"?(?:\w+\"?\.\"?)?(\w+)", re.IGNORECASE
)
LEASES = "workers"
BY_THE_CLOCK = (
    "commit update:lock_tickets"  # a held lock is kept now and then, whatever the work does: no point of it
)
DURABLE_STEP = re.compile(r"\bstep:\S+?(?=:? )")

Pass = Callable[[str], None]


class Points:
    """Counts the points that this process passes and writes each to `log`.

    The process is killed at the point `fatal`; or at the one that is the `number`th it passes; or, with `visited` kinds, before
    the first of a kind that is not among them. That finds also what only a process passes that carries on where another died.
    Nothing becomes true between the last point and this one: who dies here has died after that one too, which may be the new one.
    """

    def __init__(
        self, log: int, *, fatal: str = "", number: int = 0, visited: Iterable[str] | None = None
    ) -> None:
        self._log = log
        self._fatal = fatal
        self._left = number
        self._visited = None if visited is None else frozenset(visited)
        self._last = ""
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, label: str) -> None:
        if label.startswith(f"{BY_THE_CLOCK}:"):
            return
        with self._lock:
            self._passed[label] += 1
            number = self._passed[label]
            if LEASES in label and number > 1:
                return
            name = f"{label} #{number}"
            os.write(self._log, f"{name}\n".encode())
            self._left -= 1
            if name == self._fatal or self._left == 0 or self._is_new(name_kind(name)):
                os.kill(os.getpid(), signal.SIGKILL)
            self._last = name_kind(name)

    def _is_new(self, kind: str) -> bool:
        here = {kind, self._last or kind}
        return self._visited is not None and kind.endswith("before") and not here <= self._visited


def name_kind(point: str) -> str:
    """Return what is at a point. The names of the pipeline's steps are no kinds of their own."""
    return DURABLE_STEP.sub("step", point.rpartition(" #")[0])


def hook_commits(reach: Pass) -> None:
    """Reach a point before and after every commit of every engine of this process that wrote something."""
    pending = threading.local()  # what the transaction of this thread has written so far
    commit: Any = default.DefaultDialect.do_commit
    rollback: Any = default.DefaultDialect.do_rollback

    def note_rows(statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        pending.written = [*getattr(pending, "written", []), *_describe(statement, rows)]

    def note_commit(commit: Callable[..., Any], *words: Any) -> Any:
        written, pending.written = getattr(pending, "written", []), []
        label = "commit " + " ".join(dict.fromkeys(written)) if written else ""
        if label:
            reach(f"{label}: before")
        done = commit(*words)
        if label:
            reach(f"{label}: after")
        return done

    def do_commit(self: Any, connection: Any) -> None:
        note_commit(commit, self, connection)

    def do_rollback(self: Any, connection: Any) -> None:
        pending.written = []
        rollback(self, connection)

    default.DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    default.DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]

    @sa.event.listens_for(Engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        note_rows(statement, getattr(context, "compiled_parameters", None) or [])

    run: Any = Prepared._run

    def noted(self: Prepared, connection: Any, values: Mapping[str, object]) -> Any:
        if self is COMMIT:
            return note_commit(run, self, connection, values)
        note_rows(self._compiled.text, [values])
        return run(self, connection, values)

    Prepared._run = noted  # type: ignore[method-assign]  # SQLAlchemy hears nothing of it


def hook_effects(reach: Pass) -> None:
    """Reach a point before and after everything that the gate has a delegate do."""
    for name in ("carry_out", "look_up"):
        setattr(effects, name, _around(name, getattr(effects, name), reach))


def _around(name: str, effect: Any, reach: Pass) -> Any:
    async def around(delegate: Any, task: Any, **more: Any) -> Any:
        label = f"effect {name} {task.request.tool}"
        reach(f"{label}: before")
        try:
            done = await effect(delegate, task, **more)
        except BridleError:
            reach(f"{label}: after")
            raise
        reach(f"{label}: after")
        return done

    return around


def _describe(statement: str, rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what a statement writes: kinds of records, the name of a durable step, or else verb and table."""
    found = WRITES.match(statement)
    if found is None:
        return []
    verb, table = found[1].lower(), found[2]
    kinds = [str(row["kind"]) for row in rows if table == "journal" and "kind" in row]
    steps = [f"step:{row['function_name']}" for row in rows if row.get("function_name")]
    return kinds or steps or [f"{verb}:{table}"]
