"""Background services: commands that go on while the commands of their stage run, and the network that they share with them.

Rules
  1. A stage has one network here while a service of it is known here: loopback, and nothing else.
  2. A service that ends by itself stays known until it is stopped, so that whoever stops it sees how it ended.
  3. Beginning one that runs already changes nothing: it may have been asked for twice.
  4. None outlives this process, and nothing of it is kept on disk: what it printed is given to whoever stops it.
  5. A cancel ends the services of an execution like its commands (see `stops`); they stay known.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from dataclasses import dataclass, field

from bridle.core.errors import ExecutionError
from bridle.delegate.sandbox.policy import Network, Sandbox, SandboxPolicy, SandboxResult


@dataclass(eq=False)
class Service:
    """One service; `name` is its path in its execution, `stage` whose network it is in."""

    name: str
    stage: str
    workspace: str
    running: asyncio.Task[SandboxResult]
    ended: asyncio.Event
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def tell(self) -> bool:
        """Have it end, from any thread; True when it still runs."""
        self.loop.call_soon_threadsafe(self.ended.set)
        return not self.running.done()


class Services:
    """The services of one delegate."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._known: dict[str, Service] = {}
        self._networks: dict[str, Network] = {}
        self._opening = asyncio.Lock()

    async def start(
        self, name: str, *, stage: str, workspace: str, policy: SandboxPolicy, argv: Sequence[str]
    ) -> None:
        """Start a service, unless it runs; raise SandboxUnavailable where its stage can have no network."""
        if self.is_running(name):
            return
        async with self._opening:
            if stage not in self._networks:
                self._networks[stage] = await self._sandbox.open_network()
        ended = asyncio.Event()
        work = self._sandbox.run(policy, argv, network=self._networks[stage], ended=ended)
        running = asyncio.create_task(work, name=f"service {name}", context=contextvars.Context())
        self._known[name] = Service(name, stage, workspace, running, ended)

    def network(self, stage: str) -> Network:
        """Return the network of a stage; raise ExecutionError when none of its services is known here."""
        if stage not in self._networks:
            raise ExecutionError(
                "the services that this command is to reach do not run here",
                hint="start the step again: its services are begun before it",
                reason="no-service-here",
            )
        return self._networks[stage]

    def is_known(self, name: str) -> bool:
        """True for a service that runs here, and for one that ran here and ended by itself."""
        return name in self._known

    def is_running(self, name: str) -> bool:
        """True for a service that runs here."""
        return name in self._known and not self._known[name].running.done()

    async def stop(self, name: str) -> SandboxResult | None:
        """End a service and return how it went; None when it is not known here. Its network goes with the last of its stage."""
        service = self._known.get(name)
        if service is None:
            return None
        service.tell()
        try:
            return await service.running
        finally:
            self._known.pop(name, None)
            self._close_unused()

    def tell(self, workspace: str) -> int:
        """Have the services of an execution end; return how many still ran."""
        return sum(service.tell() for service in self._of(workspace))

    def count(self, workspace: str) -> int:
        """Return how many services of an execution run."""
        return sum(not service.running.done() for service in self._of(workspace))

    async def close(self) -> None:
        """End all of them, whatever becomes of what they printed."""
        left = list(self._known.values())
        for service in left:
            service.tell()
        await asyncio.gather(*(service.running for service in left), return_exceptions=True)
        self._known.clear()
        self._close_unused()

    def _of(self, name: str) -> list[Service]:
        return [
            service
            for service in list(self._known.values())
            if service.workspace == name or service.workspace.startswith(f"{name}.")
        ]

    def _close_unused(self) -> None:
        used = {service.stage for service in self._known.values()}
        for stage in set(self._networks) - used:
            self._networks.pop(stage).close()
