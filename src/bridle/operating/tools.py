"""Tools of servers as the house knows them: what servers say, what was approved of that, what their owners' entries make of it.

Rules
  1. To ask a server is an action of the control plane itself, `server.describe`, through the gate: who asked, and what was said,
     is in the journal.
  2. What is new is pinned as it is seen first: by whoever named the server in the file of servers. What changes later, or
     vanishes, is recorded, and its tool is stopped until somebody approves what is said now.
  3. The catalogue that the gate reads is made from the pins of the store and the entries of the owners' files, each time anew:
     an approval that another process recorded holds at the next call.
  4. A server whose file of entries is broken has no tool: a manifest that cannot be read is not the same as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock
from bridle.core.decoding import decode
from bridle.core.errors import ExecutionError, InputError, TrustError
from bridle.core.ids import new_id
from bridle.core.yaml_text import load_yaml
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Done, Purpose
from bridle.gate.entries import Entries, read_entries
from bridle.gate.external import Catalogue, Described, Pin, build_manifest
from bridle.gate.gate import Gate
from bridle.gate.manifest import Manifest, is_external
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind
from bridle.trust.lending import lend
from bridle.trust.principals import Principals
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import mint

STREAM = "servers"
DESCRIBE = "server.describe"
LOOK_TTL = timedelta(minutes=5)


@dataclass(frozen=True)
class SeeTool:
    """Guard: note what a server says of a tool, None for nothing; what is seen first is pinned."""

    tool: str
    seen: Described | None
    guards = "tool {0.tool}"


@dataclass(frozen=True)
class ApproveTool:
    """Guard: pin what is seen; fails when the server says something else by now."""

    tool: str
    seen: Described
    guards = "tool {0.tool}"


class Pins(Protocol):
    """Reads pins. Changing them is a guard of the journal."""

    async def all(self) -> list[Pin]:
        """Return what is known of every tool that any server had."""
        ...


class Tools:
    """Looks at servers, and keeps the catalogue. `folder` has the owners' files, one for each of `servers`."""

    def __init__(
        self,
        *,
        gate: Gate,
        journal: Journal,
        principals: Principals,
        pins: Pins,
        catalogue: Catalogue,
        clock: Clock,
        folder: Path,
        servers: Sequence[str],
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._principals = principals
        self._pins = pins
        self._catalogue = catalogue
        self._clock = clock
        self._folder = folder
        self.servers = tuple(servers)
        self._filled: object = None

    async def look(self, server: str) -> list[Pin]:
        """Ask a server what it has, and record what changed; raise ExecutionError when it does not answer."""
        named = {f"mcp.{server}.{item.name}": item for item in await self._ask(server)}
        said = {tool: item for tool, item in named.items() if is_external(tool)}
        known = {pin.tool: pin for pin in await self._of(server)}
        entries: list[Entry] = []
        guards: list[Guard] = []
        for tool in sorted({*said, *known}):
            now, pin = said.get(tool), known.get(tool)
            before = pin.seen if pin else None
            if pin is not None and (now.digest if now else "") == (before.digest if before else ""):
                continue
            entries.append(
                Entry(
                    Kind.TOOL_SEEN,
                    STREAM,
                    tool,
                    {"seen": now.to_json() if now else None, "first": pin is None},
                )
            )
            guards.append(SeeTool(tool, now))
        if entries:
            await self._journal.append(entries, guards)
        await self.refresh()
        return await self._of(server)

    async def find_changed(self, tool: str) -> Pin:
        """Return what is pinned of a tool and what its server said of it last; raise InputError unless the two differ."""
        pin = next((item for item in await self._pins.all() if item.tool == tool), None)
        if pin is None or pin.seen is None:
            raise InputError(
                f"no server has {tool!r}", hint="bridle tools list shows what there is", reason="no-tool"
            )
        if pin.seen.digest == pin.pinned.digest:
            raise InputError(
                f"{tool} is described as it was approved",
                hint="there is nothing to approve",
                reason="not-changed",
            )
        return pin

    async def approve(self, tool: str, *, digest: str, by: str) -> Pin:
        """Pin what a server says of a tool now, which has to be what was shown by this digest.

        Raise InputError when it says nothing, nothing new, or something else by now.
        """
        pin = await self.find_changed(tool)
        assert pin.seen is not None
        if pin.seen.digest != digest:
            raise _changed_again(tool)
        body: dict[str, Json] = {"by": by, "seen": pin.seen.to_json(), "before": pin.pinned.to_json()}
        try:
            await self._journal.append(
                [Entry(Kind.TOOL_APPROVED, STREAM, tool, body)], [ApproveTool(tool, pin.seen)]
            )
        except GuardError as error:
            raise _changed_again(tool) from error
        await self.refresh()
        return Pin(tool, pin.seen, pin.seen)

    def known(self) -> Mapping[str, Manifest]:
        """Return what is known of servers' tools, by name."""
        return self._catalogue.external()

    def stopped(self, tool: str) -> str:
        """Return why a tool is not to be used now, or an empty string."""
        manifest = self._catalogue.get(tool)
        return manifest.stopped if manifest else "nothing is known of it"

    async def refresh(self) -> None:
        """Fill the catalogue with what holds now."""
        pins = await self._pins.all()
        holds = (pins, [_stamp(self._folder / f"{server}.yaml") for server in self.servers])
        if holds == self._filled:
            return
        entries = {server: self._entries(server) for server in self.servers}
        manifests = {}
        for pin in pins:
            _, server, name = pin.tool.split(".", 2)
            if server in entries and is_external(pin.tool):
                known = entries[server]
                manifests[pin.tool] = build_manifest(
                    pin.tool, known.tools.get(name), pin, read_only=known.read_only
                )
        self._catalogue.put(manifests)
        self._filled = holds

    async def _of(self, server: str) -> list[Pin]:
        return [pin for pin in await self._pins.all() if pin.tool.startswith(f"mcp.{server}.")]

    def _entries(self, server: str) -> Entries:
        """Return what the owner says of a server's tools."""
        path = self._folder / f"{server}.yaml"
        if not path.exists():
            return Entries({})
        try:
            text = decode(path.read_bytes(), where=str(path))
        except OSError as error:
            hint = "let whoever runs bridle read it"
            raise InputError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
        return read_entries(load_yaml(text, where=str(path)), server=server, where=str(path))

    async def _ask(self, server: str) -> list[Described]:
        control_plane = await self._principals.get(CONTROL_PLANE)
        if control_plane is None:
            raise TrustError("the control plane is not registered", hint="open the store with bridle first")
        key = f"{STREAM}/{server}#{new_id('lok')}"
        minted = mint(
            actor=control_plane,
            initiator=control_plane,
            asked_for=frozenset({"server:describe"}),
            execution=STREAM,
            step=key,
            expires_at=self._clock.now() + LOOK_TTL,
        )
        request = Request(key, DESCRIBE, {"server": server}, CONTROL_PLANE, str(Purpose.OPERATIONS))
        async with lend(self._journal, minted) as secret:
            result = await self._gate.perform(Action(request, STREAM, key, Boundary(), token=secret))
        return _read(server, result)


def _changed_again(tool: str) -> InputError:
    return InputError(
        f"{tool} is not what was shown any more", hint="look at it once more", reason="not-open"
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(server: str, result: object) -> list[Described]:
    told = result.value if isinstance(result, Done) else None
    value = told if isinstance(told, Mapping) else {}
    if not isinstance(result, Done) or result.status != "succeeded":
        why: Json = value.get("error") or getattr(result, "reason", "it was not done")
        what, hint = f"the server {server!r} was not described: {why}", str(value.get("next") or "")
        raise ExecutionError(what, hint=hint, reason="server-not-described")
    tools = value.get("tools")
    assert isinstance(tools, (list, tuple))  # the delegate's report is signed, and this is its shape
    return [Described.from_json(as_mapping(item)) for item in tools]
