"""The descriptors that one launch hands to its sandbox, and what arrives at those it keeps.

Rules:
- Every descriptor is opened close-on-exec; only those named to the launcher are inherited.
- A path below the workspace is opened one component at a time and never through a symbolic link: what lies in the
  workspace was written by the command of an earlier step.
- What arrives is read without blocking and handed on at once; nothing is kept here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from bridle.core.boundary import clean_path
from bridle.core.errors import InputError
from bridle.delegate.sandbox.policy import SandboxUnavailable

CHUNK_BYTES = 1 << 16


class Descriptors:
    """Descriptors of one launch, closed together once the child has its copies.

    `inherited` are those that the child gets; bubblewrap closes each of them before the command starts.
    """

    def __init__(self) -> None:
        self.inherited: list[int] = []
        self._kept: list[int] = []

    def keep(self, descriptor: int) -> int:
        """Take over `descriptor` for ourselves."""
        self._kept.append(descriptor)
        return descriptor

    def give(self, descriptor: int) -> int:
        """Take over `descriptor` for the child."""
        self.inherited.append(self.keep(descriptor))
        return descriptor

    def give_content(self, name: str, content: bytes) -> int:
        """Make an anonymous file with `content` for the child."""
        return self.give(make_content(name, content))

    def open_pipe(self) -> tuple[int, int]:
        """Make a pipe; both ends are ours for now."""
        reading, writing = os.pipe()
        return self.keep(reading), self.keep(writing)

    def hand_over(self, descriptor: int) -> int:
        """Let go of `descriptor`: another closes it from now on."""
        self._kept.remove(descriptor)
        return descriptor

    def close(self) -> None:
        self.inherited.clear()
        while self._kept:
            os.close(self._kept.pop())


class Stream:
    """The reading end of a pipe, owned and closed by this.

    Each chunk goes to `take`; when that returns False, or at the end of the data, the pipe is closed.
    """

    def __init__(self, descriptor: int, take: Callable[[bytes], bool]) -> None:
        self.closed = False
        self._descriptor = descriptor
        self._take = take
        self._moved = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    async def wait(self, enough: Callable[[], bool] = lambda: False) -> None:
        """Wait until the pipe is closed or `enough` says so."""
        while not self.closed and not enough():
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._moved.set()

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, CHUNK_BYTES)
        except BlockingIOError:  # woken without data: there will be another call
            return
        if not chunk or not self._take(chunk):
            self.close()
        self._moved.set()


class ProcessHandle:
    """A process that cannot be mistaken for another one that got its number later."""

    def __init__(self, pid: int) -> None:
        self.gone = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._mark_gone)

    def kill(self) -> None:
        if not self.gone.is_set():
            with contextlib.suppress(ProcessLookupError):  # it ended a moment ago
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _mark_gone(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.gone.set()


def make_content(name: str, content: bytes) -> int:
    """Return a descriptor on an anonymous file with `content`, at its start."""
    descriptor = os.memfd_create(name)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def open_workspace(path: Path) -> int:
    """Return a descriptor on the workspace; raise SandboxUnavailable when there is none."""
    try:
        return os.open(path.resolve(strict=True), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise SandboxUnavailable(
            f"the workspace cannot be opened: {exc.strerror}",
            where=str(path),
            hint="create the workspace before the command runs",
            reason="workspace-missing",
        ) from exc


def open_below(workspace: int, path: str) -> int:
    """Return a descriptor on a directory or regular file below `workspace`.

    Raise InputError when it is missing, is something else, or when a component is a symbolic link.
    """
    here = os.dup(workspace)
    for part in clean_path(path).split("/"):
        try:
            below = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        except OSError as exc:
            raise _not_usable(path, _say(exc)) from exc
        finally:
            os.close(here)
        here = below
        if not _is_plain(here):
            os.close(here)
            raise _not_usable(path, f"{part!r} is a symbolic link or a special file")
    return here


def _is_plain(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)


def _say(exc: OSError) -> str:
    return "it does not exist" if exc.errno == errno.ENOENT else str(exc.strerror)


def _not_usable(path: str, why: str) -> InputError:
    return InputError(
        f"the path cannot be bound into the sandbox: {why}",
        where=path,
        hint="name an existing directory or regular file that is reached without symbolic links",
        reason="outside-workspace",
    )
