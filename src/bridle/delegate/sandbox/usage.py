"""The soft limits: what a running command uses, measured from outside a few times a second.

Rules:
- They are checks after the fact: a command can be over a limit until the next look, and what measures them is
  reported as soft, never as a guarantee.
- Disk is what was added below the writable paths since the start, in blocks that are really taken, and the number of files;
  a single file is bounded hard by RLIMIT_FSIZE. Links are not followed. A look costs at most a tenth of the time.
- What cannot be measured because its name is longer than the kernel takes counts as over the limit.
- A folder that the command closed to us (unprivileged, mode 000) is not counted: that is how far soft goes.
- Memory is what the processes of the namespace hold for themselves; only where there is no hard limit.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PERIOD_S = 0.2
SHARE_OF_TIME = 10
BLOCK_BYTES = 512
BYTES_PER_FILE = 4096  # one file for each 4 KiB: what a file system of that size would have room for
KIB = 1 << 10


@dataclass(frozen=True)
class Usage:
    """What lies below some paths."""

    size_bytes: int
    files: int

    def exceeds(self, before: Usage, limit_bytes: int) -> bool:
        """True when more than `limit_bytes`, or more files than fit into it, were added since `before`."""
        return (
            self.size_bytes - before.size_bytes > limit_bytes
            or self.files - before.files > limit_bytes // BYTES_PER_FILE
        )


_UNBOUNDED = Usage(1 << 62, 1 << 62)


async def watch_disk(roots: Sequence[Path], *, limit_bytes: int) -> str:
    """Return `disk` as soon as more was written below `roots` than allowed; otherwise run until cancelled."""
    before = await asyncio.to_thread(measure_paths, roots)
    pause_s = PERIOD_S
    while True:
        await asyncio.sleep(pause_s)
        started = time.monotonic()
        if (await asyncio.to_thread(measure_paths, roots)).exceeds(before, limit_bytes):
            return "disk"
        pause_s = max(PERIOD_S, SHARE_OF_TIME * (time.monotonic() - started))


async def watch_memory(first_pid: int, *, limit_bytes: int) -> str:
    """Return `oom` as soon as the namespace of `first_pid` holds more than allowed; else run until cancelled."""
    while True:
        await asyncio.sleep(PERIOD_S)
        if sum(map(_read_memory, list_descendants(first_pid))) > limit_bytes:
            return "oom"


def measure_paths(roots: Iterable[Path]) -> Usage:
    """Add up what lies below `roots`."""
    size = files = 0
    waiting = [str(root) for root in roots]
    while waiting:
        try:
            for entry in _scan(waiting.pop()):
                files += 1
                size += entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
        except OSError as exc:
            if exc.errno == errno.ENAMETOOLONG:
                return _UNBOUNDED
            if exc.errno not in (
                errno.ENOENT,
                errno.ENOTDIR,
                errno.EACCES,
            ):  # it went away, or was closed to us
                raise
    return Usage(size, files)


def list_descendants(pid: int) -> list[int]:
    """Return `pid` and all that descend from it; orphans of the namespace hang below its first process."""
    found, waiting = [pid], [pid]
    while waiting:
        children = _list_children(waiting.pop())
        found += children
        waiting += children
    return found


def _scan(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def _list_children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return []


def _read_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0
    held = (line.split()[1] for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return sum(map(int, held)) * KIB
