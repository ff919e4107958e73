"""Several processes on one store: real DBOS in each, forked from one parent so that they start quickly."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bridle.adapters.sql.database import engine_url, open_database
from bridle.adapters.sql.leases import Leases
from integration.durable.jobs import LEASE_S
from support.forks import Child, Forks


@dataclass
class Stage:
    """A store and the processes on it."""

    forks: Forks
    url: str
    folder: Path
    children: list[Child] = field(default_factory=list)

    def carry(
        self, *, takes_over: bool = True, lease_s: float = LEASE_S, anew: bool = False, **workflows: Any
    ) -> Child:
        """Start a process that carries these workflows, or, when none is named, whatever others left."""
        scene = self.scene(takes_over=takes_over, lease_s=lease_s)
        return self.start("carry", {"scene": scene, "start": workflows, "anew": anew})

    def wake(self, execution: str, path: str) -> Child:
        return self.start("wake", {"scene": self.scene(), "execution": execution, "path": path})

    def scene(self, **changes: Any) -> dict[str, Any]:
        return {"url": self.url, "folder": str(self.folder), **changes}

    def start(self, job: str, order: dict[str, Any]) -> Child:
        child = self.forks.start(f"integration.durable.jobs:{job}", order, environment={}, folder=self.folder)
        self.children.append(child)
        return child

    def launched(self, child: Child) -> bool:
        return child.out.exists() and "launched" in child.stdout

    def release(self) -> None:
        """Let held steps go on."""
        (self.folder / "release").touch()

    def trace(self) -> list[tuple[str, int]]:
        """Return which process has begun which step, in order."""
        path = self.folder / "trace"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(name, int(pid)) for name, pid in (line.rsplit(" ", 1) for line in lines)]

    def begun(self, step: str) -> bool:
        return any(name == step for name, _ in self.trace())

    def result(self, child: Child, *, within_s: float = 20.0) -> dict[str, Any]:
        """Wait for the end of a process and return what became of its one workflow."""
        assert child.wait(within_s) == 0, child.stderr
        answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
        return answer

    def engine_rows(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement on DBOS's own tables; `{}` stands for their schema."""
        engine = sa.create_engine(sa.make_url(engine_url(self.url)))
        schema = "" if engine.dialect.name == "sqlite" else "dbos."
        with engine.begin() as connection:
            answer = connection.execute(sa.text(statement.format(schema)), values)
            rows = list(answer) if answer.returns_rows else []
        engine.dispose()
        return rows

    def waits(self, execution: str) -> int:
        """Return how many waits of a workflow are over."""
        query = "SELECT 1 FROM {}operation_outputs WHERE workflow_uuid = :id AND function_name = 'DBOS.recv'"
        return len(self.engine_rows(query, id=execution))

    def leases(self) -> set[str]:
        """Return who has a lease."""
        database = open_database(self.url)
        try:
            return asyncio.run(Leases(database).known())
        finally:
            database.close()

    def status(self, execution: str) -> str:
        query = "SELECT status FROM {}workflow_status WHERE workflow_uuid = :id"
        rows = self.engine_rows(query, id=execution)
        return str(rows[0].status) if rows else ""


def until(happened: Callable[[], Any], *, within_s: float = 20.0) -> float:
    """Wait until something is so and return how many seconds that took; fail when it does not come to be."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < within_s, f"it did not happen within {within_s} s"
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.fixture
def stage(forks: Forks, begun_url: str, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(forks, begun_url, tmp_path)
    yield made
    for child in made.children:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
