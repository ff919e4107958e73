"""`bridle serve`: a process that carries executions, and takes over what another process left."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import Policies, Store, put, say

if TYPE_CHECKING:
    from bridle.engine.serving import News

GRACE_S = 30.0
AsJsonLines = Annotated[
    bool, typer.Option("--json", help="Print one JSON document a line on standard output.")
]
Grace = Annotated[
    float,
    typer.Option("--grace", min=0, help="Seconds that a step in hand may still take once it is to end."),
]


@root.command(name="serve", epilog="Example: bridle serve --store postgresql://bridle@db/bridle")
def serve(
    store: Store = "", policies: Policies = None, grace_s: Grace = GRACE_S, as_json: AsJsonLines = False
) -> int:
    """Carry executions for a team until interrupted: take over within seconds what another process left.

    Interrupted once (SIGINT, SIGTERM), it finishes the steps in hand and leaves the rest to others; twice, it ends at once. When
    another process has taken over what it carried, it ends with exit code 5.
    """
    from bridle.core.settings import load_settings

    settings = load_settings(store_url=store, policies=policies or ())
    run_server(_serve(settings, grace_s, print_line if as_json else print_event))
    return 0


def run_server(work: Coroutine[Any, Any, None]) -> None:
    """Run a process that serves to its end, on the loop that hands work between threads at the least cost."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _serve(settings: Any, grace_s: float, show: Callable[[str, dict[str, str]], None]) -> None:
    from bridle.app import open_app, open_server

    def tell(news: News) -> None:
        execution = news.execution
        show(
            news.what,
            {
                "execution": execution.id,
                "pipeline": execution.pipeline,
                "state": str(execution.state),
                "note": execution.note,
            },
        )

    with interrupts() as stop:
        async with open_app(settings, takes_over=True) as app:
            async with open_server(app, tell=tell) as server:
                await server.serve(
                    stop,
                    lost=app.durable.lost,
                    ready=lambda: show("serving", {"process": app.durable.executor}),
                )
                left = await app.drain.settle(grace_s=grace_s)
            show("stopped", {"steps_cut_short": str(left)})


@contextmanager
def interrupts() -> Iterator[asyncio.Event]:
    """Set the event at the first signal; the second one ends the process as if nobody listened."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, interrupt)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def print_line(what: str, said: dict[str, str]) -> None:
    """Print an event as one JSON document on a line of its own."""
    print(json.dumps({"at": datetime.now(UTC).isoformat(), "event": what, **said}), flush=True)


def print_event(what: str, said: dict[str, str]) -> None:
    """Print an event for a person."""
    if "execution" not in said:
        say(f"{what} {' '.join(f'{name} {value}' for name, value in said.items())}")
        return
    state = said["state"] if what == "ended" else ""
    note = f"({' '.join(said['note'].split())})" if said["note"] else ""
    put(" ".join(word for word in (what, said["execution"], said["pipeline"], state, note) if word))
