"""The hard ceilings of memory and processes: one control group leaf for each command.

Rules:
- A leaf has its limits before a process enters it.
- What could not be removed is said, never left behind in silence.
- A leaf's name holds the id of the process that made it, so that another can tell what was left over.

It does not decide where leaves are made (seats.py), and it does not start, watch or stop commands.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from bridle.core.errors import UnavailableError

LEAF = "bridle-step"
# A dead process leaves its group a little later, mostly within a millisecond; under load it may take long.
REMOVE_PAUSES_S = (*(0.0005,) * 8, *(0.002,) * 10, *(0.01,) * 200)

_COUNTER = itertools.count(1)

# Files in the order in which they have to be written; {} is the limit. Those with `optional` exist on some kernels.
# memory.oom.group stays 0: as in version 1 one process is killed, not all, and a command sees its child's end as the probe does.
_LIMIT_FILES: dict[tuple[str, int], tuple[tuple[str, str, bool], ...]] = {
    ("memory", 1): (
        ("memory.limit_in_bytes", "{}", False),
        ("memory.memsw.limit_in_bytes", "{}", True),
        ("memory.swappiness", "0", True),
    ),
    ("memory", 2): (
        ("memory.max", "{}", False),
        ("memory.swap.max", "0", True),
    ),
    ("pids", 1): (("pids.max", "{}", False),),
    ("pids", 2): (("pids.max", "{}", False),),
}

# Where the kernel counts how often a limit was hit, and what the result then calls it.
_EVENTS: dict[tuple[str, int], tuple[str, str, str]] = {
    ("memory", 1): ("memory.oom_control", "oom_kill", "oom"),
    ("memory", 2): ("memory.events", "oom_kill", "oom"),
    ("pids", 1): ("pids.events", "max", "pids"),
    ("pids", 2): ("pids.events", "max", "pids"),
}


@dataclass(frozen=True)
class Seat:
    """A controller and the folder below which leaves for it may be made."""

    controller: str
    version: int
    folder: Path


@dataclass(frozen=True)
class Leaf:
    """The group of one command: a folder per controller, or one for all of them."""

    seats: tuple[Seat, ...]
    name: str

    def enter(self, pid: int) -> None:
        """Put a process into the leaf; what it starts later follows it."""
        for folder in self.list_folders():
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def find_overrun(self) -> str:
        """Return `oom` or `pids` when that limit was hit, else an empty string."""
        for seat in self.seats:
            file, counter, meaning = _EVENTS[seat.controller, seat.version]
            if _read_counter(seat.folder / self.name / file, counter):
                return meaning
        return ""

    async def remove(self) -> None:
        """Remove the folders; raise UnavailableError when processes stay in them for two seconds."""
        for folder in self.list_folders():
            for pause_s in REMOVE_PAUSES_S:
                if remove_empty(folder):
                    break
                await asyncio.sleep(pause_s)
            else:
                raise UnavailableError(
                    "a control group could not be removed: processes are left in it",
                    where=str(folder),
                    hint="look into its cgroup.procs",
                    reason="cgroup-left",
                )

    def list_folders(self) -> set[Path]:
        return {seat.folder / self.name for seat in self.seats}


def make_leaf(seats: tuple[Seat, ...], *, memory_bytes: int, pids: int) -> Leaf:
    """Create a leaf with its limits set; raise OSError when the kernel refuses."""
    leaf = Leaf(seats, f"{LEAF}-{os.getpid()}-{next(_COUNTER)}")
    limits = {"memory": memory_bytes, "pids": pids}
    try:
        for seat in seats:
            folder = seat.folder / leaf.name
            folder.mkdir(mode=0o755, exist_ok=True)
            _write_limits(folder, seat, limits[seat.controller])
    except OSError:
        for folder in leaf.list_folders():
            remove_empty(folder)
        raise
    return leaf


def _write_limits(folder: Path, seat: Seat, limit: int) -> None:
    for name, text, optional in _LIMIT_FILES[seat.controller, seat.version]:
        if not optional or (folder / name).exists():
            (folder / name).write_text(text.format(limit), encoding="ascii")


def remove_empty(folder: Path) -> bool:
    """Remove a group without processes; return whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # busy: processes are still leaving it, or it is not ours
        return False
    return True


def read_words(file: Path) -> list[str]:
    """Return the words of one of the kernel's files; none when it does not exist."""
    return file.read_text(encoding="ascii").split() if file.exists() else []


def _read_counter(file: Path, name: str) -> int:
    words = read_words(file)
    return int(words[words.index(name) + 1]) if name in words else 0
