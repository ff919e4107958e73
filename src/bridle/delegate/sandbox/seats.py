"""Where this process may make control group leaves, which decides what is hard and what is soft.

Rules:
- Each controller is looked for where the kernel says that it is (version 1, 2, or one of each on a hybrid host), never
  guessed from what happens to be mounted.
- A controller whose group may not be written is left out; the caller then reports a soft limit.
- Leaves are made below the group of this process, so that the limits above it stay in force.
- Version 2 lets no process sit in an inner group: this process, with those that it started, moves into a group of its own
  first. Where others share its group the kernel refuses that, and the controller is left out.
- Leaves of processes that are gone are emptied and removed.

It does not set limits (cgroup.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

from bridle.delegate.sandbox.cgroup import LEAF, Seat, make_leaf, read_words, remove_empty

CONTROLLERS = ("memory", "pids")
OWN = "bridle-own"

_LEAF_NAME = re.compile(rf"{LEAF}-(?P<owner>\d+)-\d+")


def find_seats(proc: Path = Path("/proc/self")) -> tuple[Seat, ...]:
    """Return the controllers that this process may use for hard limits; leftovers in their folders are removed."""
    found = (find_seat(controller, proc) for controller in CONTROLLERS)
    seats = tuple(seat for seat in found if seat is not None and _can_make_leaf(seat))
    for folder in {seat.folder for seat in seats}:
        _remove_leftovers(folder)
    return seats


def find_seat(controller: str, proc: Path) -> Seat | None:
    """Return where `controller` is, for version 2 after making room for leaves; None when it cannot be used."""
    for line in (proc / "cgroup").read_text(encoding="utf-8").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            folder = _find_folder(proc, path, kind="cgroup", option=controller)
            return Seat(controller, 1, folder) if folder is not None else None
    return _find_unified_seat(controller, proc)


def _find_unified_seat(controller: str, proc: Path) -> Seat | None:
    for line in (proc / "cgroup").read_text(encoding="utf-8").splitlines():
        if line.startswith("0::"):
            folder = _find_folder(proc, line[3:], kind="cgroup2", option="")
            if folder is None:
                return None
            # once this process has stepped aside, its own group shows only what is switched on by then
            around = folder.parent if folder.name == OWN else folder
            offered = read_words(around / "cgroup.controllers")
            return _step_aside(controller, around) if controller in offered else None
    return None


def _find_folder(proc: Path, path: str, *, kind: str, option: str) -> Path | None:
    """Return where the group `path` is mounted; a container may see only a part of the tree."""
    for line in (proc / "mountinfo").read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        root, point = left.split(" ")[3:5]
        if right.split(" ")[0] != kind or (option and option not in right.split(" ")[-1].split(",")):
            continue
        if path == root or path.startswith(root.rstrip("/") + "/"):
            return Path(point) / path[len(root.rstrip("/")) :].lstrip("/")
    return None


def _step_aside(controller: str, parent: Path) -> Seat | None:
    """Make `parent` able to hold leaves with `controller`: its processes move down, then it is switched on."""
    if controller in read_words(parent / "cgroup.subtree_control"):
        return Seat(controller, 2, parent)
    own = parent / OWN
    try:
        own.mkdir(exist_ok=True)
        _move_ourselves(parent, own)
        (parent / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    except OSError:  # not delegated to us, or shared with others: go back, there is no hard limit here
        _step_back(parent, own)
        return None
    return Seat(controller, 2, parent)


def _step_back(parent: Path, own: Path) -> None:
    if own.is_dir() and str(os.getpid()) in read_words(own / "cgroup.procs"):
        _move_ourselves(own, parent)
    remove_empty(own)


def _move_ourselves(source: Path, target: Path) -> None:
    """Move this process, and those of `source` that descend from it, such as the workers that policies are asked in."""
    processes = target / "cgroup.procs"
    # ourselves first: whatever is started from now on is in the target already
    processes.write_text("0", encoding="ascii")
    for pid in read_words(source / "cgroup.procs"):
        if _descends(int(pid)):
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                processes.write_text(pid, encoding="ascii")


def _descends(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        pid = _find_parent(pid)
    return pid == os.getpid()


def _find_parent(pid: int) -> int:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it has ended by itself
        return 0
    return int(state.rpartition(")")[2].split()[1])


def _can_make_leaf(seat: Seat) -> bool:
    try:
        leaf = make_leaf((seat,), memory_bytes=1 << 26, pids=64)
    except OSError:  # read-only or not ours: the caller reports a soft limit
        return False
    return all(remove_empty(folder) for folder in leaf.list_folders())


def _remove_leftovers(folder: Path) -> None:
    for left in folder.glob(f"{LEAF}-*"):
        match = _LEAF_NAME.fullmatch(left.name)
        if match is None or Path("/proc", match["owner"]).exists():
            continue
        _kill_all([int(pid) for pid in read_words(left / "cgroup.procs")])
        remove_empty(left)


def _kill_all(pids: list[int]) -> None:
    if 0 in pids:  # processes of another pid namespace are listed so: their owner may be alive there
        return
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended by itself
            continue
