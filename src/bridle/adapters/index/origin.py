"""A folder of files becomes a bare git repository with one commit, the same commit on every machine.

Rules
  1. Author, date, message, file modes and order are fixed: equal files give an equal hash.
  2. The files go to git as bytes on its standard input. No work tree, no index, no filter, no hook takes part.
  3. git sees no configuration but its own built-in one, and nothing of the caller's environment.
  4. The repository appears whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bridle.core.boundary import clean_path
from bridle.core.errors import ExecutionError, InputError, UnavailableError

IDENTITY = b"Bridle sample <sample@bridle.invalid> 1507852800 +0000"  # the day of the sample's release
MESSAGE = b"Import the released source\n"
GIT_TIMEOUT_S = 60


def make_origin(source: Path, bare: Path) -> str:
    """Make the bare repository `bare` from the files below `source`; return the hash of its commit.

    Raise InputError for a file that is not a plain one, UnavailableError without git.
    """
    if bare.exists():
        raise InputError("there is a repository already", where=str(bare))
    bare.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=bare.parent, prefix=f".{bare.name}-"))
    try:
        _git(
            temporary,
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--object-format=sha1",
            "--initial-branch=main",
        )
        _git(temporary, "fast-import", "--quiet", data=b"".join(_stream(source)))
        commit = read_main(temporary)
        temporary.rename(bare)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return commit


def read_main(bare: Path) -> str:
    """Return the hash of the commit that `main` points at."""
    return _git(bare, "rev-parse", "--verify", "refs/heads/main^{commit}").decode().strip()


def _stream(source: Path) -> Iterator[bytes]:
    yield b"commit refs/heads/main\nauthor %s\ncommitter %s\n" % (IDENTITY, IDENTITY)
    yield b"data %d\n%s\n" % (len(MESSAGE), MESSAGE)
    for path in sorted(source.rglob("*"), key=lambda path: path.relative_to(source).as_posix().encode()):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError("neither a plain file nor a folder", where=str(path))
        if path.is_file():
            yield from _entry(path, _quote(path.relative_to(source).as_posix()))


def _entry(path: Path, name: bytes) -> Iterator[bytes]:
    content = path.read_bytes()
    mode = b"100755" if path.stat().st_mode & 0o100 else b"100644"
    yield b"M %s inline %s\ndata %d\n" % (mode, name, len(content))
    yield content
    yield b"\n"


def _quote(path: str) -> bytes:
    return b'"' + clean_path(path).replace('"', '\\"').encode() + b'"'


def _git(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_DIR": str(folder),
    }
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            input=data,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
        )
    except FileNotFoundError as exc:
        raise UnavailableError("git is not installed", hint="./run doctor names what is missing") from exc
    if done.returncode:
        raise ExecutionError(
            f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}", where=str(folder)
        )
    return done.stdout
