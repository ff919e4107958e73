"""Branches that work at the same moment share a store and a redactor, and do not get into each other's way."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridle.core.canonical import Json
from bridle.delegate.limits import TreeLimits
from bridle.delegate.snapshot import Entry, Snapshots
from bridle.delegate.tree import Kind
from bridle.dispatch.protocol import Report
from bridle.trust.redaction import Redactor, known_values
from integration.delegate.bench import Bench

MAIN = "exe_1"
FORKS = [f"{MAIN}.{number}" for number in range(6)]


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns a thousand times more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


async def fork_and_edit(bench: Bench, name: str) -> Report:
    await bench.do("workspace.fork", {"source": MAIN}, workspace=name)
    for number in range(4):
        arguments: dict[str, Json] = {"path": f"{name}/{number}", "old": "", "new": f"{name} {number}"}
        report = await bench.do("file.edit", arguments, workspace=name)
        assert report.status == "succeeded"
    return report


@pytest.mark.usefixtures("switching")
async def test_six_branches_work_at_once_and_are_merged(bench: Bench) -> None:
    base = await bench.worker.snapshot(MAIN)
    reports = await asyncio.gather(*(fork_and_edit(bench, name) for name in FORKS))
    branches: list[Json] = [
        {"name": name, "tree": report.facts["tree"]} for name, report in zip(FORKS, reports, strict=True)
    ]
    merged = await bench.do("workspace.merge", {"base": base, "branches": branches}, workspace=MAIN)
    assert isinstance(merged.value, Mapping)
    assert merged.value["changed"] == 4 * len(FORKS)


@pytest.mark.usefixtures("switching")
def test_threads_store_trees_at_once(bench: Bench) -> None:
    store = Snapshots(bench.workspaces.store, limits=TreeLimits())

    def put(number: int) -> str:
        return store.put(
            {str(i): Entry(Kind.FILE, store.put_blob(f"{number} {i}".encode())) for i in range(20)}
        )

    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(put, range(40)))
    assert all(store.has(tree) for tree in trees)


def test_a_text_is_redacted_while_another_branch_adds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor, build = Redactor({"first": "open-sesame-42"}, key=b"k" * 32), known_values._automaton
    others: list[threading.Thread] = []

    def build_while_another_adds(forms: Iterable[str]) -> object:
        if len(others) < 2:
            other = threading.Thread(target=redactor.add, args=("later", "another-secret"))
            others.append(other)
            other.start()
            other.join(0.2)  # without a lock it ends here, and what is being built is thrown away
        return build(forms)

    monkeypatch.setattr(known_values, "_automaton", build_while_another_adds)
    assert redactor.redact("it is open-sesame-42").startswith("it is [secret:known:")
    for other in others:
        other.join()
    assert redactor.redact("or another-secret").startswith("or [secret:known:")
