"""Somebody's own repository, as far as a starter has to know it: where it is, its branch, what is committed there.

It only asks git; nothing is changed.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bridle.core.errors import InputError, UnavailableError

OWN_BRANCH = "bridle/notes"
GIT_TIMEOUT_S = 30
LARGEST_FILE_BYTES = 1 << 20
README = ("README.md", "README.rst", "README.txt", "README")
TEXTS = (
    ".md",
    ".rst",
    ".txt",
    ".toml",
    ".json",
    ".py",
    ".js",
    ".ts",
    ".go",
    ".rs",
    ".java",
    ".c",
    ".yaml",
    ".yml",
)


@dataclass(frozen=True)
class Project:
    """A repository with a commit on a branch. `files` are those of the commit; `changed` says that more lies beside it."""

    root: Path
    branch: str
    files: tuple[str, ...]
    changed: bool

    def read(self, path: str) -> str:
        """Return a committed file's text; what is too large or no text reads as empty."""
        data = _git(self.root, "cat-file", "blob", f"HEAD:{path}")
        return data.decode(errors="replace") if len(data) <= LARGEST_FILE_BYTES else ""

    def choose_text(self) -> str:
        """Return a file that is worth reading: a README, else something that is text by its name."""
        named = [name for name in README if name in self.files]
        texts = [file for file in self.files if file.endswith(TEXTS)]
        return (named or texts or list(self.files))[0]

    def choose_notes(self) -> str:
        """Return a name for the notes that nothing has yet."""
        names = ["bridle-notes.md", *(f"bridle-notes-{number}.md" for number in range(2, 100))]
        return next(name for name in names if name not in self.files)


def find_project(folder: Path) -> Project:
    """Return the repository that `folder` lies in; raise InputError that says what it lacks."""
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), hint="name the folder of a repository")
    folder = folder.resolve()
    root = Path(_ask(folder, "rev-parse", "--show-toplevel", otherwise=_NO_REPOSITORY))
    _ask(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", otherwise=_NO_COMMIT)
    branch = _ask(root, "symbolic-ref", "--short", "--quiet", "HEAD", otherwise=_NO_BRANCH)
    if branch == OWN_BRANCH:
        raise InputError(
            f"{OWN_BRANCH} is the branch that the starter pushes to, and it is checked out",
            where=str(root),
            hint="git switch to the branch you work on",
        )
    files = _git(root, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode(errors="replace").split("\0")
    if not any(files):
        raise InputError("the last commit holds no file", where=str(root), hint="commit your files first")
    changed = bool(_git(root, "status", "--porcelain").strip())
    return Project(root, branch, tuple(file for file in files if file), changed)


_NO_REPOSITORY = (
    "this is no git repository with files",
    "go to one, or: git init && git add . && git commit",
)
_NO_COMMIT = ("nothing is committed yet", "git add . && git commit: only what is committed is seen")
_NO_BRANCH = ("no branch is checked out", "git switch to a branch")


def _ask(folder: Path, *words: str, otherwise: tuple[str, str]) -> str:
    done = _run(folder, *words)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        what, hint = otherwise
        raise InputError(f"{what}{f' ({said[0]})' if said else ''}", where=str(folder), hint=hint)
    return done.stdout.decode(errors="replace").strip()


def _git(folder: Path, *words: str) -> bytes:
    done = _run(folder, *words)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise InputError(f"git {words[0]} failed: {said}", where=str(folder), hint="repair the repository")
    return done.stdout


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_S,
        )
    except FileNotFoundError as exc:
        raise UnavailableError("git is not installed", hint="bridle doctor names what is missing") from exc
    except subprocess.TimeoutExpired as exc:
        raise UnavailableError(
            f"git {words[0]} took longer than {GIT_TIMEOUT_S} s", where=str(folder)
        ) from exc
