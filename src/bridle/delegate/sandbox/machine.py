"""What this machine offers to the sandbox: programs, filters, control groups, and who we are.

Rules:
- As root the command's user is dropped to 65534 *before* bubblewrap starts: with `--uid` alone the user inside would
  be root outside. As anybody else the user stays, and the namespace shows it as 65534.
- After that drop every folder on the way to the workspace has to let 65534 through; it is checked, and said.
- Lower limits that are already in force are kept.
"""

from __future__ import annotations

import os
import resource
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from bridle.core.boundary import Limits
from bridle.delegate.sandbox.cgroup import Seat
from bridle.delegate.sandbox.policy import SandboxUnavailable
from bridle.delegate.sandbox.seats import find_seats
from bridle.delegate.sandbox.seccomp.filters import FOLDER, load_filters

SANDBOX_UID = 65534  # `nobody`: owns nothing on a well-kept host
MIB = 1 << 20

_PACKAGES = {"bwrap": "bubblewrap", "prlimit": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux"}


@dataclass(frozen=True)
class Machine:
    """Checked and ready; `drops_to` is the user to become before the start, None when we are not root.

    `drop` is how a command line begins that becomes this user. Python can do that too, but copies the whole process for it.
    """

    bwrap: str
    prlimit: str
    filters: tuple[bytes, ...]
    seats: tuple[Seat, ...]
    drops_to: int | None
    drop: tuple[str, ...]

    def has_hard(self, controller: str) -> bool:
        return any(seat.controller == controller for seat in self.seats)


def inspect_machine(*, program: str = "bwrap", filters: Path = FOLDER, use_cgroups: bool = True) -> Machine:
    """Look at this machine; raise SandboxUnavailable when something without a substitute is missing."""
    drops_to = SANDBOX_UID if os.geteuid() == 0 else None
    return Machine(
        bwrap=find_program(program),
        prlimit=find_program("prlimit"),
        filters=load_filters(filters),
        seats=find_seats() if use_cgroups else (),
        drops_to=drops_to,
        drop=() if drops_to is None else _become(drops_to),
    )


def _become(uid: int) -> tuple[str, ...]:
    return (
        find_program("setpriv"),
        f"--reuid={uid}",
        f"--regid={uid}",
        "--clear-groups",
        "--inh-caps=-all",
        "--",
    )


def require_reachable(path: Path, *, uid: int | None) -> None:
    """Raise SandboxUnavailable when the user `uid` cannot walk to the directory `path`; None is ourselves."""
    if uid is None:
        return
    for folder in (path, *path.parents):
        state = folder.stat()
        bit = stat.S_IXUSR if state.st_uid == uid else stat.S_IXGRP if state.st_gid == uid else stat.S_IXOTH
        if not state.st_mode & bit:
            raise SandboxUnavailable(
                f"the sandbox's user {uid} cannot pass through {folder}",
                where=str(path),
                hint="keep workspaces and toolchains where others may walk, such as below /var/lib (BRIDLE_WORK_DIR)",
                reason="workspace-unreachable",
            )


def compile_rlimits(limits: Limits) -> list[str]:
    """Return prlimit's arguments: soft and hard alike, so that a command cannot raise them again."""
    wanted = (
        ("core", resource.RLIMIT_CORE, 0),
        ("nofile", resource.RLIMIT_NOFILE, 1024),
        ("fsize", resource.RLIMIT_FSIZE, limits.disk_mib * MIB),
        ("memlock", resource.RLIMIT_MEMLOCK, 1 << 16),
        ("msgqueue", resource.RLIMIT_MSGQUEUE, 0),
        ("nice", resource.RLIMIT_NICE, 0),
        ("rtprio", resource.RLIMIT_RTPRIO, 0),
    )
    return [f"--{name}={(value := _lower(kind, wish))}:{value}" for name, kind, wish in wanted]


def _lower(kind: int, wish: int) -> int:
    _, ceiling = resource.getrlimit(kind)
    return wish if ceiling == resource.RLIM_INFINITY else min(wish, ceiling)


def find_program(name: str) -> str:
    """Return the path of a program; raise SandboxUnavailable with the package that it is in."""
    found = shutil.which(name)
    if found is None:
        package = _PACKAGES.get(Path(name).name, name)
        raise SandboxUnavailable(
            f"the program {name} was not found",
            where="PATH",
            hint=f"install it: apt-get install {package} (other distributions call it the same)",
            reason="program-missing",
        )
    return str(Path(found).absolute())
