"""Serving processes on one store, of either kind: the command line itself, in a room."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridle.app import open_store
from bridle.engine.summary import summarise
from bridle.trust.journal import Kind
from integration.durable.conftest import until
from support.commands import Bridle
from support.forks import Child
from support.room import opened_room


@dataclass
class House:
    """A room, and the servers in it."""

    bridle: Bridle
    servers: list[Child] = field(default_factory=list)

    def serve(self, *options: str, **environment: str) -> Child:
        """Start a server and wait until it serves."""
        server = self.bridle.start("serve", "--json", *options, environment=environment)
        self.servers.append(server)
        until(lambda: self.told(server, "serving") or server.poll() is not None, within_s=60)
        assert server.poll() is None, server.stderr
        return server

    def told(self, server: Child, what: str = "", execution: str = "") -> list[Any]:
        """Return what a server has told so far."""
        lines = [json.loads(line) for line in server.stdout.splitlines()]
        return [
            line
            for line in lines
            if what in ("", line["event"]) and execution in ("", line.get("execution", ""))
        ]

    def run(self, pipeline: str, *options: str) -> str:
        """Run a pipeline detached and return its execution."""
        file = self.bridle.room.path / "pipeline.yaml"
        file.write_text(pipeline, "utf-8")
        done = self.bridle("run", str(file), "--detach", "--json", *options)
        assert (done.code, done.json["carried"]) == (0, False), done.said
        return str(done.json["execution"])

    def release(self, execution: str) -> None:
        """Let the step end that waits for it."""
        (self.bridle.room.path / "work" / "workspaces" / "live" / execution / "go").touch()

    async def records(self, execution: str, *kinds: Kind) -> list[Any]:
        """Return what the journal says of an execution, of these kinds or of all."""
        with open_store(self.bridle.room.settings) as store:
            records = await store.journal.read(execution=execution)
        return [record for record in records if not kinds or record.kind in kinds]

    async def summary(self, execution: str) -> Any:
        with open_store(self.bridle.room.settings) as store:
            found = await store.executions.get(execution)
            assert found is not None
            return summarise(found, await store.journal.read(execution=execution))


@pytest.fixture
def house(forks: Any, begun_url: str) -> Iterator[House]:
    with opened_room(store=begun_url) as room:
        made = House(Bridle(forks, room))
        yield made
        for server in made.servers:
            with contextlib.suppress(ProcessLookupError):
                server.kill()
