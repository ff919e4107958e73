"""Checks of the machine: Python, folders and keys, git, the sandbox's toolchain, the sample's source, the clock.

They look and change nothing: what is not there yet is made by the first run, not by asking about it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bridle.core.errors import UnavailableError
from bridle.core.settings import Settings
from bridle.surfaces.cli.checks import Check, State

LEAST_FREE_BYTES = 1 << 30  # a store, a workspace and its snapshots fit; much less ends a run in the middle
KEYS = ("control-plane.key", "delegate.key", "working.key", "redaction.key")
SIGNING = KEYS[:2]
FIRST_YEAR = 2025  # this version is younger: a clock before it has not been set
FOLDER_VARIABLES = {"data": "BRIDLE_DATA_DIR", "work": "BRIDLE_WORK_DIR"}


def check_python(settings: Settings) -> Sequence[Check]:
    """At least 3.11."""
    version = sys.version_info
    state = State.OK if version >= (3, 11) else State.FAIL
    fix = "" if state is State.OK else "install Python 3.11 or newer and set Bridle up with it"
    return [
        Check("python", state, f"{version.major}.{version.minor}.{version.micro} at {sys.executable}", fix)
    ]


def check_data(settings: Settings) -> Sequence[Check]:
    """The data folder is there or can be made, and has room."""
    return [_check_folder("data", settings.data_dir)]


def check_work(settings: Settings) -> Sequence[Check]:
    """The work folder too; and when we are root, the sandbox's user can walk to it."""
    from bridle.delegate.sandbox.machine import SANDBOX_UID, require_reachable

    if os.geteuid() == 0:
        require_reachable(_nearest(settings.work_dir), uid=SANDBOX_UID)
    return [_check_folder("work", settings.work_dir)]


def check_keys(settings: Settings) -> Sequence[Check]:
    """All keys are there, are ours alone and can be read; or none is, and nothing was signed yet."""
    from bridle.trust.keys import load_signer, read_private

    folder = settings.config_dir
    there = [name for name in KEYS if (folder / name).exists()]
    for name in there:
        read_private(folder / name)
        if name in SIGNING:
            load_signer(folder / name)
    missing = [name for name in KEYS if name not in there]
    if missing and (there or _has_store(settings)):
        what = f"{', '.join(missing)} missing in {folder}, and what was signed or sealed needs them"
        return [Check("keys", State.FAIL, what, f"restore from your backup what is missing in {folder}")]
    if missing:
        return [_check_folder("keys", folder)]
    if folder.stat().st_mode & 0o077:
        return [Check("keys", State.WARN, f"others may enter {folder}", f"chmod 700 {folder}")]
    return [Check("keys", State.OK, f"{len(there)} in {folder}, each 0600")]


def check_git(settings: Settings) -> Sequence[Check]:
    """The delegate clones, commits and pushes with it."""
    found = shutil.which("git")
    if found is None:
        return [Check("git", State.FAIL, "not on PATH", "apt-get install -y git")]
    done = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10)
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        return [Check("git", State.FAIL, f"{found}: {said}", "apt-get install --reinstall -y git")]
    return [Check("git", State.OK, f"{done.stdout.strip().removeprefix('git version ')} at {found}")]


def check_toolchain(settings: Settings) -> Sequence[Check]:
    """The virtual environment that commands in the sandbox see first; the demo's suite needs it."""
    pointer = settings.work_dir / "toolchain"
    if not pointer.exists():
        what = f"none at {pointer}; commands get the system's Python"
        return [Check("toolchain", State.WARN, what, _setup_command())]
    interpreter = os.path.realpath(pointer / "bin" / "python")
    if not interpreter.startswith("/usr/") or not Path(interpreter).exists():
        what = f"its Python is {interpreter}, which the sandbox does not show"
        return [
            Check(
                "toolchain",
                State.FAIL,
                what,
                f"rm -rf {pointer.resolve()} {pointer}, then {_setup_command()}",
            )
        ]
    return [Check("toolchain", State.OK, f"{pointer.resolve()}, on {interpreter}")]


def require_toolchain(settings: Settings) -> None:
    """Raise UnavailableError where the suite of the demo could not run."""
    for check in check_toolchain(settings):
        if check.state is not State.OK:
            raise UnavailableError(
                f"the sandbox has no toolchain: {check.found}", hint=check.fix, reason="no-toolchain"
            )


def check_sample(settings: Settings) -> Sequence[Check]:
    """The source that the demo repairs lies in the cache with its hash."""
    from bridle.app import find_sample

    found = find_sample(settings)
    if found is None:
        return [
            Check(
                "sample", State.WARN, "not in the cache; bridle demo would have to fetch it", _setup_command()
            )
        ]
    return [Check("sample", State.OK, str(found))]


def check_clock(settings: Settings) -> Sequence[Check]:
    """Approvals and tokens expire by this clock."""
    began, now, again = time.monotonic(), datetime.now(UTC), time.monotonic()
    if again < began:
        return [Check("clock", State.FAIL, "the monotonic clock runs backwards", "restart the machine")]
    shown = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if now.year < FIRST_YEAR:
        return [
            Check("clock", State.FAIL, f"{shown} is before this version was made", "timedatectl set-ntp true")
        ]
    return [Check("clock", State.OK, shown)]


def _check_folder(name: str, folder: Path) -> Check:
    nearest = _nearest(folder)
    variable = FOLDER_VARIABLES.get(name, "BRIDLE_CONFIG_DIR")
    if not nearest.is_dir():
        return Check(name, State.FAIL, f"{nearest} is not a folder", f"move it away, or set {variable}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Check(
            name,
            State.FAIL,
            f"{nearest} cannot be written",
            f"chown it, or set {variable} to a folder of yours",
        )
    free = shutil.disk_usage(nearest).free
    shown = str(folder) if nearest == folder else f"{folder}, made by the first run"
    if free < LEAST_FREE_BYTES:
        return Check(
            name, State.WARN, f"{shown}; only {free >> 20} MiB free", f"free some space, or set {variable}"
        )
    return Check(name, State.OK, f"{shown}; {free >> 30} GiB free")


def _nearest(path: Path) -> Path:
    """Return `path`, or the first folder above it that exists."""
    return next(found for found in (path, *path.absolute().parents) if found.exists())


def _has_store(settings: Settings) -> bool:
    file = sqlite_file(settings)
    return file is not None and file.exists()


def sqlite_file(settings: Settings) -> Path | None:
    """Return the file of an SQLite store, None for any other store."""
    kind, mark, rest = settings.store_url.partition(":///")
    return Path(rest) if mark and kind.startswith("sqlite") and rest else None


def _setup_command() -> str:
    """Return the command that makes toolchain and cache: `./run` in a checkout, else the module it calls."""
    package = Path(__file__).parents[2]
    script = package.parents[1] / "run"
    if script.is_file():
        return f"{script} doctor"
    return f"{sys.executable} -m bridle.adapters.index {package / 'shipped' / 'toolchain.txt'}"
