"""The bare git repository that stands behind a workspace: what the origin has, and what was committed here.

Rules
  1. A repository is named by an absolute path, a URL or a connector; nothing that git could read as an option.
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
from bridle.delegate.connectors import Connectors, is_named
from bridle.delegate.disk import sync_folder, write_whole
from bridle.delegate.git_program import GitProgram, last_line

_BATCH_BYTES = 32 << 20


_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "branch": ("refs/heads/",),
    "tag": ("refs/tags/",),
    "commit": ("",),
    "pull_request": ("refs/pull/", "refs/merge-requests/"),
}


@dataclass(frozen=True)
class Point:
    """What can be asked of an origin: a `branch`, a `tag`, a `commit` or a `pull_request` (`12/head`, `12/merge`), by name."""

    kind: str
    name: str

    @property
    def origins(self) -> tuple[str, ...]:
        """What an origin may call it: forges differ in what they call a pull request."""
        return tuple(f"{folder}{self.name}" for folder in _FOLDERS[self.kind])

    @property
    def local(self) -> str:
        """The reference under which it lies here."""
        return f"refs/remotes/{'origin' if self.kind == 'branch' else self.kind}/{self.name}"

    @property
    def noun(self) -> str:
        return self.kind.replace("_", " ")


@dataclass(frozen=True)
class Clone:
    """What was put into a workspace: the origin, the branch and its commit, and the tree's digest.

    `kind` says what `branch` is the name of, when it is no branch: see Point.
    """

    repository: str
    branch: str
    commit: str
    tree: str
    kind: str = "branch"

    @property
    def point(self) -> Point:
        return Point(self.kind, self.branch)


@dataclass(frozen=True)
class TreeFile:
    """One line of a commit's tree."""

    mode: str
    oid: str
    size_bytes: int
    path: str


class Mirror:
    """A bare repository in a folder that only the delegate may enter."""

    def __init__(self, folder: Path, connectors: Connectors | None = None) -> None:
        self._folder = folder
        self.git = GitProgram(folder / "git", connectors)

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
        return self.fetch_point(repository, Point("branch", branch))

    def fetch_point(self, repository: str, point: Point, *, depth: int = 0) -> str:
        """Bring a branch, a tag or a commit of the origin here; return its commit. A `depth` of 0 is all of its history.

        A commit that was asked for by its id is that commit, or an error: a tag's own id is none.
        """
        self.make()
        origin = self._find_origin(repository, point)
        run = self._fetch(repository, f"+{origin}:{point.local}", depth=depth)
        if run.returncode and point.kind != "commit":
            raise _no_answer(repository, run)
        if run.returncode:  # not every origin gives a commit by its id
            self._find_commit(repository, point)
        commit = self.git.text("rev-parse", "--verify", f"{point.local}^{{commit}}")
        if point.kind == "commit" and commit != point.name:
            raise ExecutionError(f"{point.name} is no commit of the origin", reason="commit-differs")
        return commit

    def _find_origin(self, repository: str, point: Point) -> str:
        """Return what the origin calls the point; raise ExecutionError when it has none."""
        if point.kind == "commit":
            self._ask(repository, "HEAD")  # it answers; whether it gives a commit by its id is tried
            return point.name
        for origin in point.origins:
            if self._ask(repository, origin):
                return origin
        reason = f"no-such-{point.kind.replace('_', '-')}"
        raise ExecutionError(f"the origin has no {point.noun} {point.name}", reason=reason)

    def _find_commit(self, repository: str, point: Point) -> None:
        """Fetch all that the origin shows, and look for the commit among it."""
        run = self._fetch(
            repository, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/remotes/tag/*"
        )
        if run.returncode:
            raise _no_answer(repository, run)
        if not self.has_commit(point.name):
            raise ExecutionError(f"the origin has no commit {point.name}", reason="no-such-commit")
        self.git.output("update-ref", point.local, point.name)

    def _fetch(self, repository: str, *refs: str, depth: int = 0) -> subprocess.CompletedProcess[bytes]:
        shallow = ["--depth", str(depth)] if depth else []
        return self.git.run(
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", *shallow, "--", repository, *refs
        )

    def tip_of(self, repository: str, branch: str) -> str:
        """Ask the origin for a branch's commit; empty when it has no such branch."""
        return self._ask(repository, f"refs/heads/{branch}")

    def knows(self, repository: str, point: Point) -> bool:
        """True when the origin has a branch, a tag or a pull request of that name."""
        return any(self._ask(repository, origin) for origin in point.origins)

    def _ask(self, repository: str, ref: str) -> str:
        check_repository(repository)
        if ref != "HEAD":
            self._check_ref(ref)
        run = self.git.run("ls-remote", "--", repository, ref)
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
        self._check_ref(f"refs/heads/{branch}")

    def _check_ref(self, ref: str) -> None:
        _, kind, name = ref.split("/", 2)
        if name.startswith("-") or self.git.run("check-ref-format", ref).returncode:
            noun = "branch" if kind == "heads" else "tag"
            raise InputError(f"{name!r} is not a {noun}'s name", reason=f"bad-{noun}")

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
                "fetch",
                "-q",
                "--no-tags",
                "--no-write-fetch-head",
                "--update-shallow",
                "--",
                str(other._folder / "git"),
                *refs,
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
    if is_named(repository):
        return  # judged where its address is looked up
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
