"""The bare git repository that stands behind a workspace: what the origin has, and what was committed here.

Rules
  1. A repository is named by an absolute path or a URL; nothing that git could read as an option.
  2. Branches below `refs/heads` are those made here; what the origin has lies below `refs/remotes/origin`.
  3. Files come out of the objects byte for byte: no filters, no line endings changed.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bridle.core.canonical import canonical
from bridle.core.errors import ExecutionError, InputError, TrustError, UnavailableError
from bridle.core.visible import hide_userinfo
from bridle.delegate.disk import sync_folder, write_whole
from bridle.delegate.git_program import GitProgram, last_line

_BATCH_BYTES = 32 << 20


@dataclass(frozen=True)
class Clone:
    """What was put into a workspace: the origin, the branch and its commit, and the tree's digest."""

    repository: str
    branch: str
    commit: str
    tree: str


@dataclass(frozen=True)
class TreeFile:
    """One line of a commit's tree."""

    mode: str
    oid: str
    size_bytes: int
    path: str


class Mirror:
    """A bare repository in a folder that only the delegate may enter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.git = GitProgram(folder / "git")

    def clone(self) -> Clone:
        """Return what was cloned; raise ExecutionError when nothing was, TrustError when the record is damaged."""
        path = self._folder / "clone.json"
        if not path.exists():
            raise ExecutionError("nothing was cloned into this workspace", reason="not-cloned")
        return _read_clone(path)

    def find_clone(self) -> Clone | None:
        """Return what was cloned, None when nothing was."""
        return self.clone() if (self._folder / "clone.json").exists() else None

    def note_clone(self, clone: Clone) -> None:
        """Remember what was put into the workspace."""
        write_whole(self._folder / "clone.json", canonical(asdict(clone)))
        sync_folder(self._folder)

    def fetch(self, repository: str, branch: str) -> str:
        """Bring a branch of the origin here; return its commit."""
        self.make()
        if not self.tip_of(repository, branch):
            raise ExecutionError(f"the origin has no branch {branch}", reason="no-such-branch")
        ref = f"refs/remotes/origin/{branch}"
        refspec = f"+refs/heads/{branch}:{ref}"
        run = self.git.run("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", repository, refspec)
        if run.returncode:
            raise _no_answer(repository, run)
        return self.git.text("rev-parse", "--verify", f"{ref}^{{commit}}")

    def tip_of(self, repository: str, branch: str) -> str:
        """Ask the origin for a branch's commit; empty when it has no such branch."""
        check_repository(repository)
        self.check_branch(branch)
        run = self.git.run("ls-remote", "--", repository, f"refs/heads/{branch}")
        if run.returncode:
            raise _no_answer(repository, run)
        return run.stdout.decode().partition("\t")[0].strip()

    @contextmanager
    def index(self) -> Iterator[dict[str, str]]:
        """Give the environment that names an index for one use."""
        path = self._folder / f"index-{secrets.token_hex(8)}"
        try:
            yield {"GIT_INDEX_FILE": str(path)}
        finally:
            path.unlink(missing_ok=True)

    def check_branch(self, branch: str) -> None:
        """Raise InputError for what git would not take as a branch."""
        if branch.startswith("-") or self.git.run("check-ref-format", f"refs/heads/{branch}").returncode:
            raise InputError(f"{branch!r} is not a branch's name", reason="bad-branch")

    def heads(self) -> dict[str, str]:
        """Return the commits of the branches made here, by branch."""
        if not (self._folder / "git").exists():
            return {}
        lines = self.git.text("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
        pairs = (line.split(" ") for line in lines.splitlines())
        return {branch: commit for branch, commit in pairs}

    def take_objects(self, other: Mirror, *, refs: Sequence[str]) -> None:
        """Bring what these refs of another mirror hold; a ref is named alone (objects only) or `from:to`."""
        if refs:
            self.git.output(
                "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", str(other._folder / "git"), *refs
            )

    def bundle(self, base: str) -> bytes:
        """Return the branches made here as a git bundle, without what `base` (or empty) holds; empty when that is all."""
        run = self.git.run("bundle", "create", "-q", "-", "--branches", *(["--not", base] if base else []))
        if run.returncode and b"empty bundle" not in run.stderr:
            raise ExecutionError(f"git bundle failed: {last_line(run)}", reason="git-failed")
        return b"" if run.returncode else run.stdout

    def unbundle(self, bundle: bytes, *, heads: Mapping[str, str]) -> None:
        """Take in what `bundle` returned, and set the branches."""
        if bundle:
            path = self._folder / "bundle"
            path.write_bytes(bundle)
            self.git.output("bundle", "unbundle", str(path))
            path.unlink()
        lines = [f"create refs/heads/{branch} {commit}\n" for branch, commit in sorted(heads.items())]
        self.git.output("update-ref", "--stdin", stdin="".join(lines).encode())

    def local(self, branch: str) -> str:
        """Return the commit of a branch made here, or an empty string."""
        run = self.git.run("rev-parse", "--verify", "-q", f"refs/heads/{branch}^{{commit}}")
        return run.stdout.decode().strip()

    def has_commit(self, commit: str) -> bool:
        """True when this commit is here."""
        return self.git.run("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0

    def is_ancestor(self, commit: str, tip: str) -> bool:
        """True when `commit` is `tip` or lies before it."""
        return self.git.run("merge-base", "--is-ancestor", commit, tip).returncode == 0

    def files(self, commit: str) -> list[TreeFile]:
        """Return the files of a commit; raise ExecutionError for a name that is not UTF-8."""
        lines = self.git.output("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")
        return [_tree_file(line) for line in lines if line]

    def contents(self, files: Sequence[TreeFile]) -> Iterator[bytes]:
        """Give the contents of blobs in order, some at a time."""
        batch: list[TreeFile] = []
        for file in files:
            if batch and sum(item.size_bytes for item in batch) + file.size_bytes > _BATCH_BYTES:
                yield from self._batch(batch)
                batch = []
            batch.append(file)
        yield from self._batch(batch)

    def _batch(self, files: Sequence[TreeFile]) -> Iterator[bytes]:
        answer = self.git.output(
            "cat-file", "--batch", stdin="".join(f"{file.oid}\n" for file in files).encode()
        )
        at = 0
        for file in files:
            end = answer.index(b"\n", at) + 1
            yield answer[end : end + file.size_bytes]
            at = end + file.size_bytes + 1

    def make(self) -> None:
        """Make the repository when there is none."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if not (self._folder / "git" / "HEAD").exists():
            self.git.output("init", "-q", "--bare", "--template=")


def _read_clone(path: Path) -> Clone:
    try:
        clone = Clone(**json.loads(path.read_bytes()))
    except (ValueError, TypeError) as exc:
        raise _damaged(path) from exc
    if not all(isinstance(value, str) for value in asdict(clone).values()):
        raise _damaged(path)
    return clone


def _damaged(path: Path) -> TrustError:
    return TrustError(
        "the record of what was cloned is damaged",
        where=str(path),
        hint="clone again and redo the change",
        reason="clone-damaged",
    )


def check_repository(repository: str) -> None:
    """Raise InputError unless this is an absolute path or a URL of a transport that is allowed."""
    if not repository.startswith(("/", "file://", "https://", "ssh://")) or "\0" in repository:
        raise InputError(
            "the repository is neither an absolute path nor a file, https or ssh URL",
            where=hide_userinfo(repository),
            reason="bad-repository",
        )


def _no_answer(repository: str, run: subprocess.CompletedProcess[bytes]) -> UnavailableError:
    return UnavailableError(
        f"the origin does not answer: {last_line(run)}",
        where=hide_userinfo(repository),
        hint="check that it exists and that the delegate may read it",
        reason="origin-unavailable",
    )


def _tree_file(line: bytes) -> TreeFile:
    head, _, path = line.partition(b"\t")
    mode, _, oid, size = head.decode().split()
    try:
        return TreeFile(mode, oid, 0 if size == "-" else int(size), path.decode())
    except UnicodeDecodeError as exc:
        raise ExecutionError(f"the name {path!r} is not UTF-8", reason="bad-name") from exc
