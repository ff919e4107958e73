"""The other engines beside bench/steps.py: a child process that runs no-op steps when it is told to, and says what they took.

    PYTHON bench/others.py prefect|langgraph

PYTHON is that of an environment with requirements/bench.txt. A line with a number of steps on standard input makes one run; the
answer is one line of JSON, `{"wall_s", "cpu_s"}`. `{}` says that it is ready: nobody measures its start.
CPU is that of this process, and of the server that Prefect starts beside itself.

    prefect               a flow whose tasks return a small dictionary; Prefect's own server on its SQLite default, no telemetry
    langgraph             a compiled graph of nodes that return a small dictionary, checkpointed by SqliteSaver
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

Run: TypeAlias = Callable[[int], object]
ANSWER = {"state": "succeeded", "note": "", "ignored": False, "record": "rec_0"}
PREFECT = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DO_NOT_TRACK": "1",
}


def main(engine: str) -> None:
    """Run what standard input asks for, until it ends."""
    with tempfile.TemporaryDirectory(prefix="bridle-bench-") as folder, ENGINES[engine](Path(folder)) as run:
        _say({})
        for line in sys.stdin:
            wall, cpu = time.perf_counter(), _cpu_s()
            run(int(line))
            _say({"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_s() - cpu})


def _say(told: dict[str, float]) -> None:
    print(json.dumps(told), flush=True)


def _cpu_s() -> float:
    """Return the CPU that this process and its children have used, the living ones too."""
    own = str(os.getpid())
    ticks = sum(
        int(fields[11]) + int(fields[12])
        for fields in (_stat(place) for place in Path("/proc").glob("[0-9]*/stat"))
        if fields and fields[1] == own
    )
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _stat(place: Path) -> list[str]:
    try:
        return place.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:  # it has ended since
        return []


@contextmanager
def _prefect(folder: Path) -> Iterator[Run]:
    os.environ.update(PREFECT, PREFECT_HOME=str(folder))
    from prefect import flow, task  # type: ignore[import-not-found] # in the bench's own environment only

    @task  # type: ignore[untyped-decorator]
    def nothing() -> dict[str, Any]:
        return ANSWER

    @flow  # type: ignore[untyped-decorator]
    def bare(steps: int) -> dict[str, Any]:
        for _ in range(steps):
            nothing()
        return ANSWER

    bare(1)  # starts the server, and makes its database
    yield bare


@contextmanager
def _langgraph(folder: Path) -> Iterator[Run]:
    from langgraph.checkpoint.sqlite import SqliteSaver  # type: ignore[import-not-found]

    with SqliteSaver.from_conn_string(str(folder / "graph.db")) as saver:
        graphs: dict[int, Any] = {}
        threads = iter(range(10**9))

        def run(steps: int) -> object:
            graph = graphs.get(steps) or graphs.setdefault(steps, _compile(steps, saver))
            limits = {"recursion_limit": steps + 5, "configurable": {"thread_id": f"run-{next(threads)}"}}
            return graph.invoke({"answer": {}}, limits)

        run(1)  # loads what is loaded late
        yield run


class State(TypedDict):
    """What a graph hands from step to step."""

    answer: dict[str, Any]


def _compile(steps: int, saver: Any) -> Any:
    from langgraph.graph import END, START, StateGraph  # type: ignore[import-not-found]

    graph = StateGraph(State)
    names = [f"step-{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, lambda state: {"answer": ANSWER})
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph.compile(checkpointer=saver)


ENGINES = {"prefect": _prefect, "langgraph": _langgraph}

if __name__ == "__main__":
    main(sys.argv[1])
