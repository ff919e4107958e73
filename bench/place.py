"""A fresh installation on a store of its own, for one benchmark: SQLite, or the server that the tests start."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the server that the tests start

from bridle.app import App
from bridle.core.settings import Settings
from bridle.trust.journal import Guard, Record
from support.postgres import run_postgres

STORES = ("sqlite", "postgresql")


def listen(app: App, hear: Callable[[Record], object]) -> None:
    """Have each record told that is appended from now on."""

    def hear_all(records: Sequence[Record], guards: Sequence[Guard]) -> None:
        for record in records:
            hear(record)

    app.journal.listeners.append(hear_all)


@contextmanager
def open_place(kind: str) -> Iterator[Settings]:
    """Make the settings of an installation on a store of `kind`, one of STORES; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bridle-bench-") as made, _open_store(kind, Path(made)) as url:
        folder = Path(made)
        yield Settings(folder / "data", folder / "config", folder / "work", url, model="")


@contextmanager
def _open_store(kind: str, folder: Path) -> Iterator[str]:
    if kind not in STORES:
        raise SystemExit(f"{kind!r} is no store: use one of {', '.join(STORES)}")
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bridle.db'}"
        return
    with run_postgres(durable=True) as server:
        yield server.url(server.create())
