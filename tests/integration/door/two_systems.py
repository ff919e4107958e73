"""The refund of two systems in one process: the services of samples/refunds, their books on disk, a worker that dies anywhere."""

import importlib
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.obligations import SqlObligations
from bridle.adapters.sql.work import SqlWork
from bridle.delegate.effectors.server import Called
from bridle.operating.door import Door
from bridle.operating.recovering import Recovering
from bridle.operating.session import TaskRequest
from bridle.operating.tools import Tools

from .conftest import FakeCrash, say

SAMPLE = Path(__file__).parents[3] / "samples" / "refunds"
TOOLS = {
    "ledger": ("post_refund", "find_posting", "void_refund"),
    "accounts": ("credit", "find_credit"),
}
AMOUNT = "12.50"


@dataclass
class Points:
    """Where the worker can die; it does at the `fatal` one, counted from 1."""

    passed: list = field(default_factory=list)
    fatal: int = 0

    def die_at(self, fatal):
        self.passed, self.fatal = [], fatal

    def __call__(self, label):
        self.passed.append(label)
        if len(self.passed) == self.fatal:
            raise FakeCrash(label)


class Services:
    """The functions of both servers, called in this process."""

    def __init__(self, reach):
        self._reach = reach
        self._modules = {server: importlib.import_module(server) for server in TOOLS}
        self.books = importlib.import_module("books")

    async def describe(self, server):
        return [self._describe(getattr(self._modules[server], name)) for name in TOOLS[server]]

    async def call(self, server, tool, arguments):
        self._reach(f"{tool}: before")
        try:
            answer = Called("succeeded", (), getattr(self._modules[server], tool)(**arguments))
        except ValueError as refused:
            answer = Called("failed", why=str(refused))
        except self.books.LostError:
            answer = Called("unknown", why="the connection was closed")
        self._reach(f"{tool}: after")
        return answer

    def _describe(self, function):
        names = list(inspect.signature(function).parameters)
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        return say(function.__name__, schema={**schema, "required": names})


class TwoSystems:
    """A store, both services, and workers that come and go."""

    def __init__(self, scene, state, monkeypatch):
        self._scene, self._state, self._workers = scene, state, 0
        self.reach = Points()
        monkeypatch.syspath_prepend(str(SAMPLE))
        for name in ("books", *TOOLS):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setenv("REFUNDS_STATE", str(state))
        self.services = Services(self.reach)
        scene.shop.describe, scene.shop.call = self.services.describe, self.services.call
        append = scene.store.journal.append

        async def append_at_a_point(entries, guards=()):
            kinds = " ".join(str(entry.kind) for entry in entries)
            self.reach(f"{kinds}: before")
            written = await append(entries, guards)
            self.reach(f"{kinds}: after")
            return written

        monkeypatch.setattr(scene.store.journal, "append", append_at_a_point)
        parts = scene.parts
        names = ("gate", "journal", "principals", "catalogue", "clock")
        pins = scene.tools._pins
        self._tools = Tools(
            **{name: parts[name] for name in names},
            pins=pins,
            folder=SAMPLE / "tools",
            servers=tuple(TOOLS),
        )
        self.work = SqlWork(scene.store.database)
        self.recovering = make_recovering(scene, refresh=self._tools.refresh)

    async def look(self):
        for server in TOOLS:
            await self._tools.look(server)

    def fault(self, line):
        (self._state / "faults").write_text(line)

    async def ask_for(self, order):
        """Somebody asks for a refund: an event opens a session for it."""
        request = TaskRequest("Pay the customer back", {"order_id": order, "amount": AMOUNT})
        return await self._scene.open(uses="acme.settler@1.0.0", request=request)

    async def work_on(self, opened, order):
        """A new process takes the session and follows the script; return what became of its calls."""
        self._workers += 1
        door = Door(**{**self._scene.parts, "tools": self._tools, "process": f"worker-{self._workers}"})
        caller = await door.enter(opened.secret)
        wanted = {"order_id": order, "amount": AMOUNT}
        posted = await door.call(caller, "ledger__post_refund", wanted)
        if not _is_done(posted):
            return [posted]
        return [posted, await door.call(caller, "accounts__credit", wanted)]

    def count(self, order):
        """Return how often the ledger and the account have it."""
        posted = [one for one in self.services.books.read("ledger").values() if one["order_id"] == order]
        return len(posted), len(self.services.books.read("accounts").get(order, []))

    async def parked(self, order):
        """Return the kinds of open work about an order."""
        journal, found = self._scene.store.journal, []
        for item in await self.work.find():
            (record,) = [one for one in await journal.read(execution=item.stream, subject=item.id)]
            decided = await journal.last(item.stream, item.key, ("action.decided",))
            if decided.body["request"]["arguments"]["order_id"] == order:
                found.append(record.body["kind"])
        return found


def make_recovering(scene, **changes):
    """What looks for what was left behind, as a server has it."""
    names = ("gate", "journal", "sessions", "clock", "living")
    parts = {
        **{name: scene.parts[name] for name in names},
        "manifests": scene.parts["catalogue"],
        "attempts": SqlAttempts(scene.store.database),
        "obligations": SqlObligations(scene.store.database),
        "refresh": scene.tools.refresh,
        "work": SqlWork(scene.store.database),
        "casework": scene.casework,
    }
    return Recovering(**{**parts, **changes})


def _is_done(answer):
    return answer.status == "succeeded" or answer.told.get("rule") == "recovery.done"
