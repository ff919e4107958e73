"""The command line as a process of its own, in a room: what a test types and what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.forks import Child, Forks
from support.room import Room

COMMAND_LINE = "support.forks:command_line"


@dataclass(frozen=True)
class Done:
    """An ended command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Bridle:
    """Bridle in one room."""

    forks: Forks
    room: Room

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end."""
        return finish(self.start(*arguments, environment=environment))

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        call: str = COMMAND_LINE,
        argument: Any = None,
        terminal: str = "",
    ) -> Child:
        """Start a command, or what `call` names with `argument` or else the arguments."""
        return self.forks.start(
            call,
            list(arguments) if argument is None else argument,
            environment={**self.room.environment, **(environment or {})},
            folder=self.room.path,
            terminal=terminal,
        )

    def newest(self) -> str:
        """Return the id of the newest execution."""
        return str(self("executions", "--json").json[0]["execution"])

    def records(self, kind: str = "") -> list[dict[str, Any]]:
        """Return the journal's records, of one kind or all."""
        found = self("audit", "list", "--json").json
        return [record for record in found if kind in ("", record["kind"])]


def finish(child: Child) -> Done:
    """Wait for a command's end."""
    code = child.wait()
    return Done(code, child.stdout, child.stderr)
