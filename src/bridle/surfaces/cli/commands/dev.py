"""`bridle dev`: the whole system on loopback in one process, with the door for agents that run elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.commands.serve import (
    GRACE_S,
    AsJsonLines,
    interrupts,
    print_event,
    print_line,
    run_server,
)
from bridle.surfaces.cli.options import Policies, Store, say

if TYPE_CHECKING:
    from bridle.app import App
    from bridle.core.settings import Settings
    from bridle.trust.journal import Record

DEFAULT_PORT = 8642
DEFAULT_FILE = "servers.yaml"
Servers = Annotated[
    Path | None,
    typer.Option(
        "--servers",
        help=f"The file of MCP servers; {DEFAULT_FILE} in this folder if it is there, else BRIDLE_SERVERS.",
        metavar="FILE",
    ),
]
Port = Annotated[int, typer.Option(help="The port to listen on; 0 takes any that is free.", min=0, max=65535)]


@root.command(name="dev", epilog="Example: bridle dev --servers servers.yaml --port 8642")
def dev(
    servers: Servers = None,
    port: Port = DEFAULT_PORT,
    store: Store = "",
    policies: Policies = None,
    as_json: AsJsonLines = False,
) -> int:
    """Serve everything on loopback until interrupted: executions, and the door to the MCP servers of a file.

    An agent that runs elsewhere gets a token and an address from `bridle session open`.
    """
    from bridle.core.settings import load_settings

    settings = with_servers(load_settings(store_url=store, policies=policies or ()), servers)
    run_server(_dev(settings, port, print_line if as_json else print_event))
    return 0


def with_servers(settings: Settings, servers: Path | None) -> Settings:
    """Return the settings with the file of servers that is meant."""
    found = servers or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None)
    return replace(settings, servers=found.absolute()) if found else settings


async def _dev(settings: Settings, port: int, show: Callable[[str, dict[str, str]], None]) -> None:
    from bridle.app import open_app, open_server
    from bridle.surfaces.http import serve_http

    def tell(news: Any) -> None:
        execution = news.execution
        show(news.what, {"execution": execution.id, "pipeline": execution.pipeline,
                         "state": str(execution.state), "note": execution.note})  # fmt: skip

    with interrupts() as stop:
        async with open_app(settings, takes_over=True) as app:
            await _look(app, show)
            http = serve_http(app, port=port, folder=app.settings.data_dir, process=app.durable.executor)
            async with open_server(app, tell=tell) as server, http as url, _told(app, show):
                await server.serve(
                    stop,
                    lost=app.durable.lost,
                    ready=lambda: show("serving", {"door": url, "process": app.durable.executor}),
                )
                left = await app.drain.settle(grace_s=GRACE_S)
            show("stopped", {"steps_cut_short": str(left)})


@asynccontextmanager
async def _told(app: App, show: Callable[[str, dict[str, str]], None]) -> AsyncIterator[None]:
    """Tell what interrupts when it is asked, and what is gathered when it is due."""
    from bridle.app import build_digests
    from bridle.core.clock import SystemClock
    from bridle.operating.digest import risk_of
    from bridle.operating.escalations import describe_escalation, watch_escalations
    from bridle.surfaces.cli.commands.digest import describe_event
    from bridle.trust.journal import Kind

    async def tell_asked(approval: str) -> None:
        found = await app.approvals.get(approval)
        if found is not None and risk_of(found) == "high":
            show("asked", {"approval": found.id, "tool": found.tool, "session": found.execution})

    def hear(records: Sequence[Record], _guards: object) -> None:
        for record in records:
            if record.kind is Kind.APPROVAL_REQUESTED and record.execution.startswith("ses_"):
                tasks.add(task := asyncio.create_task(tell_asked(record.subject)))
                task.add_done_callback(tasks.discard)

    tasks: set[asyncio.Task[None]] = set()
    watching = asyncio.create_task(
        build_digests(app).watch(lambda found: show("digest", describe_event(found)))
    )
    escalating = asyncio.create_task(
        watch_escalations(
            app.approvals, SystemClock(), lambda found: show("escalated", describe_escalation(found))
        )
    )
    app.journal.listeners.append(hear)
    try:
        yield
    finally:
        app.journal.listeners.remove(hear)
        watching.cancel()
        escalating.cancel()
        await asyncio.gather(watching, escalating, *tasks, return_exceptions=True)


async def _look(app: App, show: Callable[[str, dict[str, str]], None]) -> None:
    """Ask every server what it has. One that does not answer is said, and has no tool that was not pinned before."""
    from bridle.core.errors import BridleError

    for name in app.tools.servers:
        try:
            pins = await app.tools.look(name)
        except BridleError as error:
            say(f"bridle: {error}")
            continue
        stopped = [pin.tool for pin in pins if app.tools.stopped(pin.tool)]
        show("server", {"server": name, "tools": str(len(pins)), "stopped": " ".join(stopped) or "none"})
    if not app.tools.servers:
        say("No servers are named, so the door leads nowhere: bridle dev --servers FILE")
