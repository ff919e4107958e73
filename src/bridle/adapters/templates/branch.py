"""A tree of files as it stands on a branch of the author's own repository: read with git, where nothing is checked out.

Rules
  1. This is the planner reading the author's files, as it reads the pipeline itself: no credential, no network, no program of
     the repository. What is not here is not fetched.
  2. Only a local branch counts: what a remote has is drafts of others until somebody fetches them.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import cached_property
from pathlib import Path

from bridle.adapters.templates.tree import Tree, refuse_large
from bridle.core.errors import InputError, UnavailableError

GIT_TIMEOUT_S = 30
_BRANCH = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./+-]{0,250}[A-Za-z0-9_+-])?", re.ASCII)
_ALONE = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


class BranchTree(Tree):
    """The files of one branch; raise InputError when there is no such branch."""

    def __init__(self, top: Path, branch: str) -> None:
        if not _BRANCH.fullmatch(branch) or ".." in branch:
            raise InputError(
                f"{branch[:80]!r} names no branch",
                reason="bad-branch",
                hint="write a branch of this repository",
            )
        self._top = top
        self._ref = f"refs/heads/{branch}"
        self.label = f"{branch}:"
        self._git(
            "rev-parse",
            "--verify",
            "--quiet",
            f"{self._ref}^{{commit}}",
            hint=f"git fetch origin {branch}:{branch}",
        )

    def list_names(self, folder: str) -> tuple[str, ...]:
        start = f"{folder}/"
        inside = (path[len(start) :] for path in self._files if path.startswith(start))
        return tuple(sorted({name.partition("/")[0] for name in inside}))

    def read(self, path: str) -> bytes | None:
        if path not in self._files:
            return None
        refuse_large(self._files[path], self.label + path)
        return self._git("cat-file", "blob", f"{self._ref}:{path}")

    @cached_property
    def _files(self) -> dict[str, int]:
        """Regular files and their sizes: a link in a tree is no file."""
        listed = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", self._ref)
        entries = (entry.split("\t", 1) for entry in listed.decode("utf-8", "replace").split("\0") if entry)
        files = ((head.split(), path) for head, path in entries)
        return {path: int(words[3]) for words, path in files if words[0].startswith("100")}

    def _git(self, *words: str, hint: str = "repair the repository") -> bytes:
        command = ["git", "-C", str(self._top), "-c", "protocol.allow=never", *words]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=GIT_TIMEOUT_S,
                env={**os.environ, **_ALONE},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"git {words[0]} cannot be run: {error}", hint="bridle doctor") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            what = f"there is no {self.label}{f' ({said})' if said else ''}"
            raise InputError(what, reason="no-branch", hint=hint)
        return done.stdout
