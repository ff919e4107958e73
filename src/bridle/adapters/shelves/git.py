"""A git repository: each publication is a commit, pushed where the repository has an upstream.

Whoever fetches it has a copy that this machine cannot change any more; a push that is no fast-forward is refused by git.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from bridle.adapters.shelves.folder import FolderShelf
from bridle.core.errors import UnavailableError

AUTHOR = ("-c", "user.name=bridle", "-c", "user.email=bridle@localhost")
TIMEOUT_S = 60.0


class GitShelf(FolderShelf):
    """A `FolderShelf` in a work tree, made where there is none. `settle` commits and pushes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".git").exists():
            self._git("init", "-q", "-b", "main")

    def settle(self, what: str) -> None:
        self._git("add", "-A")
        if self._git("status", "--porcelain"):
            self._git(*AUTHOR, "commit", "-q", "--no-verify", "-m", what)
        if self._git("remote"):
            self._git("push", "-q", "origin", "HEAD")

    def _git(self, *words: str) -> str:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", *words]
        try:
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"git cannot be run: {error}", where=str(self.folder)) from error
        if done.returncode:
            raise UnavailableError(
                f"git {words[0]}: {done.stderr.strip()[:500]}",
                where=str(self.folder),
                hint="publish again when it can be reached; nothing is lost",
                reason="no-shelf",
            )
        return done.stdout.strip()
