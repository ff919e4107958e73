"""The only way git is run: on a bare repository of ours, in an environment of ours.

Rules
  1. No git program ever runs in a workspace or has one as its work tree: `.git/hooks`, `.git/config` and
     `.gitattributes` there are text like any other.
  2. No configuration of the system or the user, no hooks, no prompts, no credential helpers, and only the
     transports file, https and ssh. (The hooks of an origin are its owner's, and run at its owner's.)
  3. It ends: a program that hangs is killed.
  4. A repository of a connector is known by its name everywhere but in the environment of the git that reaches it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridle.core.errors import ExecutionError, InputError, UnavailableError
from bridle.core.visible import hide_userinfo
from bridle.delegate.connectors import Connectors, is_named

TIMEOUT_S = 300
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
)


class GitProgram:
    """Git on the bare repository `git_dir`, which need not exist yet."""

    def __init__(self, git_dir: Path, connectors: Connectors | None = None) -> None:
        self._git_dir = git_dir
        self.connectors = connectors

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git and return what it printed, without the last line feed."""
        return self.output(*arguments, stdin=stdin, env=env).decode().rstrip("\n")

    def output(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git and return what it printed; raise ExecutionError when it failed."""
        run = self.run(*arguments, stdin=stdin, env=env)
        if run.returncode:
            raise ExecutionError(f"git {arguments[0]} failed: {last_line(run)}", reason="git-failed")
        return run.stdout

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git, whatever comes of it; raise UnavailableError when it is missing or hangs."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            return subprocess.run(
                ["git", *settings, *arguments],
                input=stdin,
                capture_output=True,
                cwd="/",
                env={**self._environment(), **self._reach(arguments), **(env or {})},
                timeout=TIMEOUT_S,
                check=False,
                start_new_session=True,  # Ctrl-C at the terminal cuts no push short
            )
        except FileNotFoundError as exc:
            raise UnavailableError("there is no git here", hint="install git", reason="no-git") from exc
        except subprocess.TimeoutExpired as exc:
            raise UnavailableError(
                f"git {arguments[0]} did not end in {TIMEOUT_S} s", reason="git-hangs"
            ) from exc

    def _reach(self, arguments: Sequence[str]) -> dict[str, str]:
        """Return what is needed to reach a repository that is named by a connector."""
        named = next(filter(is_named, arguments), "")
        if named and self.connectors is None:
            raise InputError(f"there are no connectors for {named[:120]}", reason="no-connectors")
        return self.connectors.environment(named) if named and self.connectors else {}

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_DIR": str(self._git_dir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        }


def last_line(run: subprocess.CompletedProcess[bytes]) -> str:
    """Return what git called fatal first, which is the cause; advice follows it. Else the last thing it said.

    Git repeats the address it was given: no credentials are told (core.visible).
    """
    lines = run.stderr.decode(errors="replace").strip().splitlines()
    fatal = (line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: "))
    return hide_userinfo(next(fatal, lines[-1] if lines else f"exit code {run.returncode}"))
