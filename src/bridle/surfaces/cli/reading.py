"""Opens a store for commands that need what is in it: one that is not there is refused and not made.

A command that made an empty store would report that nothing ever happened, where the truth is that it looked in the wrong
place. Only SQLite makes a store by opening it; whether a PostgreSQL database exists, its server says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.core.errors import InputError
from bridle.trust.journal import JournalError, Kind, Record

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings
    from bridle.trust.keys import Verifier


@contextmanager
def open_existing_store(settings: Settings) -> Iterator[Store]:
    """Open what is written down; raise InputError when there is nothing at that address."""
    from bridle.app import open_store

    check_store(settings)
    with open_store(settings) as opened:
        yield opened


def check_store(settings: Settings) -> None:
    """Raise InputError unless there is a store already, as far as can be seen from here."""
    file = sqlite_file(settings.store_url)
    if file is not None and not file.is_file():
        raise InputError(
            f"there is no store at {file}",
            hint="bridle run makes one; --store names another",
            reason="no-store",
        )


def sqlite_file(url: str) -> Path | None:
    """Return the file that a SQLite address names; None for every other address, which opening judges."""
    scheme, found, rest = url.partition("://")
    name = rest.removeprefix("/").partition("?")[0]
    if not found or scheme.partition("+")[0] != "sqlite" or not name:
        return None
    return Path(name)


def check_listed(listed: Sequence[str], records: Sequence[Record]) -> None:
    """Raise JournalError that names the executions that the store lists and of whose start the journal knows nothing."""
    started = {record.execution for record in records if record.kind is Kind.EXECUTION_STARTED}
    lost = [execution for execution in listed if execution not in started]
    if lost:
        raise JournalError(
            f"the store lists {', '.join(lost)}, and the journal has no record of the start",
            where="the journal",
            hint="records were removed: compare with a copy of the journal",
        )


def read_key(path: Path) -> Verifier:
    """Read a public key in PEM; raise InputError when it is missing or none."""
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.keys import Verifier

    return Verifier.from_pem(open_bytes(path), where=str(path))


def read_trusted_key(key: Path | None, settings: Settings) -> Verifier:
    """Read the public key that was named, else this installation's own; raise InputError when there is none."""
    path = key or settings.config_dir / "control-plane.pub"
    if key is None and not path.is_file():
        hint = (
            "name the public key of whoever signed with --key; BRIDLE_CONFIG_DIR names another folder of keys"
        )
        raise InputError("this installation has no key to verify with", where=str(path), hint=hint)
    return read_key(path)
