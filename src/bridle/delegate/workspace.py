"""Workspaces: one folder per name, which commands in the sandbox share with the file tools, one at a time.

    root/live/<name>       the folder itself; belongs to the sandbox's user when we are root
    root/throwaway/…       copies of a snapshot for one use
    root/store/            snapshots, and where each workspace stands (delegate.travel); only the delegate's user may
                           enter. It may lie elsewhere, where several machines share it
    root/machine           a name for this root, so that a record of it can be told from those of other machines
    root/mirrors/<name>    the bare git repository of a workspace and what was cloned; never inside the folder
    root/locks/<name>      held by whoever works in the folder, across threads and processes

The root has to be reachable by user 65534 when we are root: the sandbox runs as that user.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from bridle.core.errors import InputError, UnavailableError
from bridle.delegate.connectors import Connectors
from bridle.delegate.disk import full_disk_named, write_whole
from bridle.delegate.limits import TreeLimits
from bridle.delegate.paths import opened_folder
from bridle.delegate.placing import remove, sandbox_owner
from bridle.delegate.restore import restore
from bridle.delegate.snapshot import Snapshots, Stamps
from bridle.delegate.stops import Stop

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LOCK_POLL_S = 0.02


@contextmanager
def _unusable_named(root: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError, PermissionError) as exc:
        what, hint = (
            f"workspaces cannot be kept there: {exc.strerror}",
            "BRIDLE_WORK_DIR names a folder that is yours",
        )
        raise UnavailableError(what, where=str(root), hint=hint, reason="no-work-folder") from exc


class Workspaces:
    """The workspaces below one root, and the connectors by which origins are reached from them."""

    def __init__(
        self,
        root: Path,
        *,
        limits: TreeLimits | None = None,
        store: Path | None = None,
        connectors: Connectors | None = None,
    ) -> None:
        self.limits = limits or TreeLimits()
        self.connectors = connectors
        self._root = root
        self._stamps: dict[str, Stamps] = {}
        with full_disk_named(str(root)), _unusable_named(root):
            root.mkdir(mode=0o755, parents=True, exist_ok=True)
            for name, mode in (("live", 0o711), ("throwaway", 0o711), ("mirrors", 0o700), ("locks", 0o700)):
                (root / name).mkdir(mode=mode, exist_ok=True)
            self.store = store or root / "store"
            self.snapshots = Snapshots(self.store, limits=self.limits)
            self.stands = self.store / "workspaces"
            self.stands.mkdir(mode=0o700, exist_ok=True)
            self.machine = _name_machine(root / "machine")

    def folder(self, name: str) -> Path:
        """Return the folder of a workspace, making it when there is none; raise InputError for a bad name."""
        path = self._root / "live" / _checked(name)
        if not path.exists():
            _make(path)
        return path

    def is_here(self, name: str) -> bool:
        """True when the folder of a workspace is on this machine."""
        return (self._root / "live" / _checked(name)).exists()

    def mirror(self, name: str) -> Path:
        """Return where the git repository of a workspace lies; it need not exist."""
        return self._root / "mirrors" / _checked(name)

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """Open a workspace's folder; give its descriptor."""
        with opened_folder(self.folder(name)) as fd:
            yield fd

    @asynccontextmanager
    async def held(self, *names: str, stop: Stop | None = None) -> AsyncIterator[None]:
        """Wait until nobody works in these workspaces, and keep others out meanwhile; raise CancelledHere when told to stop.

        They are taken in the order of their names, whoever asks: two that want the same ones never wait for each other.
        """
        held: list[int] = []
        try:
            for name in sorted({_checked(name) for name in names}):
                # A lock between processes has no event to wait for.
                while (fd := _lock(self._root / "locks" / name)) < 0:
                    await asyncio.sleep(_LOCK_POLL_S)
                    if stop is not None:
                        stop.check()
                held.append(fd)
            yield
        finally:
            for fd in held:
                os.close(fd)

    def drop(self, name: str) -> None:
        """Remove a workspace that is held: its folder, its mirror, its lock. One that is not there is dropped already."""
        folder, mirror = self._root / "live" / _checked(name), self.mirror(name)
        if folder.exists():
            _discard(folder)
        if mirror.exists():
            shutil.rmtree(mirror)
        self._stamps.pop(name, None)
        (self.stands / name).unlink(missing_ok=True)
        (self._root / "locks" / name).unlink(missing_ok=True)

    def snapshot(self, name: str) -> str:
        """Store a workspace as it stands; return its tree's digest."""
        with self.opened(name) as fd:
            return self.snapshots.take(fd, self._stamps.setdefault(name, {}))

    def restore(self, name: str, tree: str) -> None:
        """Make a workspace exactly the tree `tree`."""
        with self.opened(name) as fd:
            restore(self.snapshots, tree, fd, self._stamps.setdefault(name, {}))

    @asynccontextmanager
    async def throwaway(self, tree: str) -> AsyncIterator[Path]:
        """Give a fresh folder that holds the tree `tree`, and remove it afterwards."""
        path = self._root / "throwaway" / secrets.token_hex(8)
        _make(path)
        try:
            await asyncio.to_thread(self._fill, path, tree)
            yield path
        finally:
            await asyncio.to_thread(_discard, path)

    def _fill(self, path: Path, tree: str) -> None:
        with opened_folder(path) as fd:
            restore(self.snapshots, tree, fd, {})


def _name_machine(path: Path) -> str:
    """Return the name of this root, giving it one the first time; of two who do that at once, one wins."""
    if not path.exists():
        fresh = path.with_name(f".{secrets.token_hex(8)}")
        write_whole(fresh, secrets.token_hex(16).encode())
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text()


def _discard(path: Path) -> None:
    with opened_folder(path.parent) as fd:
        remove(fd, path.name)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is not a workspace's name", reason="bad-workspace-name")
    return name


def _make(path: Path) -> None:
    with full_disk_named(str(path.parent)):
        path.mkdir(mode=stat.S_IRWXU)
        os.chown(path, sandbox_owner(), sandbox_owner())


def _lock(path: Path) -> int:
    """Return the descriptor of a lock that is ours now, or -1. A lock file that was dropped meanwhile is no lock."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), path.stat()):
            return fd
    os.close(fd)
    return -1
