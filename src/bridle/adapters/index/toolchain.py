"""The toolchain of the sandbox: a virtual environment of the *system's* Python that a command sees as /opt/venv.

Rules
  1. The Python lies below /usr, which the sandbox mounts; one in somebody's home can't be reached from inside.
  2. Only wheels, each with its hash, go in: nothing of a package runs while it is set up.
  3. Its folder is named after the requirements and the Python, made beside and renamed; `toolchain` points at it.
  4. Root's commands run as user 65534 inside: the folder, and every folder above it, must let that user pass.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from bridle.core.errors import UnavailableError
from bridle.core.settings import Settings

SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
POINTER = "toolchain"
SETUP_TIMEOUT_S = 600


def prepare_toolchain(settings: Settings, requirements: Path) -> Path:
    """Return the toolchain's folder, making it first when it is not there; `work_dir/toolchain` then points at it."""
    python, version = find_system_python()
    work = settings.work_dir
    _open_way(work)
    target = work / f"{POINTER}-{name_toolchain(requirements.read_bytes(), version)}"
    if not target.is_dir():
        _build(python, requirements, target)
    _point(work / POINTER, target.name)
    return target


def name_toolchain(requirements: bytes, version: str) -> str:
    """Return what tells one toolchain from another: twelve hexadecimal digits of its inputs' hash."""
    return hashlib.sha256(requirements + version.encode()).hexdigest()[:12]


def find_system_python() -> tuple[str, str]:
    """Return path and full version of a Python below /usr; raise UnavailableError when there is none."""
    for path in SYSTEM_PYTHONS:
        if Path(path).exists():
            answer = _run([path, "-I", "-c", "import sys; print(sys.version)"])
            return path, answer.strip()
    raise UnavailableError("there is no system Python", where="/usr/bin", hint="apt-get install -y python3")


def _build(python: str, requirements: Path, target: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        _run([python, "-I", "-m", "venv", "--without-pip", str(temporary)])
        inside = str(temporary / "bin" / "python")
        _run(
            [
                *_installer(inside),
                "--no-deps",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "-r",
                str(requirements),
            ]
        )
        _run([inside, "-I", "-m", "compileall", "-q", str(temporary / "lib")])
        temporary.chmod(0o755)
        temporary.rename(target)
    except OSError as exc:
        if not target.is_dir():  # else another process made the same one at the same moment
            raise UnavailableError(f"cannot make the toolchain: {exc}", where=str(target)) from exc
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _installer(python: str) -> list[str]:
    if importlib.util.find_spec("pip"):
        own = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        return [*own, "--python", python, "install", "--quiet"]
    # uv made our own environment then; copies, because links to its cache would share the owner's files
    return ["uv", "pip", "install", "--quiet", "--link-mode", "copy", "--python", python]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SETUP_TIMEOUT_S,
            umask=0o022,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise UnavailableError(f"cannot run {command[0]}: {exc}") from exc
    if done.returncode:
        last = done.stderr.strip().splitlines()[-3:]
        raise UnavailableError(
            f"{' '.join(command[:4])} … failed: {' / '.join(last)}",
            hint="check the network and the package index, then run it again",
            reason="toolchain-unavailable",
        )
    return done.stdout


def _open_way(work: Path) -> None:
    """Make the work folder; when we are root, see that user 65534 can walk to it."""
    work.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    work.chmod(0o755)
    for folder in work.resolve().parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise UnavailableError(
                f"the sandbox's user cannot pass {folder}",
                where=str(work),
                hint="set BRIDLE_WORK_DIR to a folder that every user may enter, such as /var/lib/bridle/work",
            )


def _point(pointer: Path, name: str) -> None:
    if pointer.is_symlink() and str(pointer.readlink()) == name:
        return
    temporary = pointer.with_name(f".{pointer.name}-{os.getpid()}")
    temporary.symlink_to(name)
    temporary.replace(pointer)
