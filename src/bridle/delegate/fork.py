"""A fork's git side: a copy of the mirror it came from, and what of it comes back when forks are merged. And a rerun's.

Rules
  1. A fork remembers what it came from: the workspace, its tree, its branches made here and what was cloned into it
     (`fork.json` beside the mirror). What it made itself is what differs from that.
  2. A fork stands whole under its name or not at all: it is made beside and renamed. Objects are shared by hard
     links; git never changes one.
  3. Coming back, branches and the record of the clone are compared three ways, like paths. A branch of the parent may
     stand where it stood or where it shall stand, so that a merge that was cut short can be done again.
  4. Git never deletes a branch here, so none comes back as deleted.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bridle.core.canonical import Json, canonical
from bridle.core.errors import ExecutionError, TrustError
from bridle.delegate.disk import full_disk_named, sync_folder, write_whole
from bridle.delegate.merging import Conflict
from bridle.delegate.mirror import Clone, Mirror

RECORD = "fork.json"
_NOWHERE = "0" * 40


@dataclass(frozen=True)
class Fork:
    """What a fork came from. `heads` are commits by branch."""

    source: str
    tree: str
    heads: Mapping[str, str]
    clone: Clone | None


@dataclass(frozen=True)
class Return:
    """What the forks bring back: commits by branch, the fork that has each, and a clone that one of them made."""

    heads: Mapping[str, str]
    clone: Clone | None
    bearers: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def make_fork(origin: Path, target: Path, *, source: str, tree: str) -> None:
    """Make the mirror at `target` a copy of the one at `origin`, whatever stood there before."""
    mirror = Mirror(origin)
    fork = Fork(source, tree, mirror.heads(), mirror.find_clone())
    fresh = target.with_name(f".{secrets.token_hex(8)}")
    try:
        with full_disk_named(str(target.parent)):
            fresh.mkdir(mode=0o700)
            if (origin / "git").exists():
                shutil.copytree(origin / "git", fresh / "git", copy_function=_copier(origin / "git/objects"))
            if fork.clone is not None:
                Mirror(fresh).note_clone(fork.clone)
            note_fork(fresh, asdict(fork))
            _remove(target)
            fresh.rename(target)
    finally:
        _remove(fresh)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def note_fork(folder: Path, fork: Mapping[str, Json]) -> None:
    """Write down what a fork came from."""
    write_whole(folder / RECORD, canonical(fork))
    sync_folder(folder)


def find_fork(folder: Path, *, name: str) -> Fork | None:
    """Return what a fork came from, None for a workspace that is no fork."""
    return read_fork(folder, name=name) if (folder / RECORD).exists() else None


def read_fork(folder: Path, *, name: str) -> Fork:
    """Return what a fork came from; raise ExecutionError for a workspace that is none."""
    path = folder / RECORD
    if not path.exists():
        raise ExecutionError(f"the workspace {name} is no fork", reason="not-a-fork")
    try:
        content = json.loads(path.read_bytes())
        clone = content.pop("clone")
        return Fork(**content, clone=Clone(**clone) if clone else None)
    except (ValueError, TypeError, KeyError) as exc:
        raise TrustError(
            "the record of what a fork came from is damaged", where=str(path), reason="fork-damaged"
        ) from exc


def compare_mirrors(parent: str, mirrors: Mapping[str, Mirror], forks: Mapping[str, Fork]) -> Return:
    """Find what the forks made; `mirrors` has the parent's too. Nothing is changed."""
    stands = mirrors[parent].heads()
    made: dict[str, dict[str, str]] = {}  # by branch, the commit of each workspace that has a word in it
    clones: dict[str, Clone | None] = {}
    for name, fork in forks.items():
        for branch, commit in mirrors[name].heads().items():
            if fork.heads.get(branch) == commit:
                continue
            made.setdefault(branch, {})[name] = commit
            if stands.get(branch) not in (fork.heads.get(branch), commit):
                made[branch][parent] = stands.get(branch, "")
        if (clone := mirrors[name].find_clone()) != fork.clone:
            clones[name] = clone
    conflicts = [
        Conflict("branch", branch, tuple(sorted(commits)))
        for branch, commits in sorted(made.items())
        if len(set(commits.values())) > 1
    ]
    if len(set(clones.values())) > 1:
        conflicts.append(Conflict("clone", "clone", tuple(sorted(clones))))
    return Return(
        heads={branch: next(iter(commits.values())) for branch, commits in made.items()},
        clone=next(iter(clones.values()), None),
        bearers=tuple(sorted({name for commits in made.values() for name in commits} - {parent} | {*clones})),
        conflicts=tuple(conflicts),
    )


def take_back(parent: Mirror, mirrors: Mapping[str, Mirror], what: Return) -> None:
    """Bring the forks' commits, branches and clone into the parent's mirror; doing it again changes nothing."""
    if not what.heads and what.clone is None:
        return
    parent.make()
    for name in what.bearers:
        held = mirrors[name].heads()
        refs = [f"refs/heads/{branch}" for branch, commit in what.heads.items() if held.get(branch) == commit]
        if what.clone is not None and mirrors[name].find_clone() == what.clone:
            refs.append(f"+{what.clone.point.local}:{what.clone.point.local}")
        parent.take_objects(mirrors[name], refs=refs)
    stands = parent.heads()
    lines = [
        f"update refs/heads/{branch} {commit} {stands.get(branch, _NOWHERE)}\n"
        for branch, commit in sorted(what.heads.items())
    ]
    parent.git.output("update-ref", "--stdin", stdin="".join(lines).encode())
    if what.clone is not None:
        parent.note_clone(what.clone)


def take_over(
    mirror: Mirror, source: Mirror, *, commit: str, tree: str, branches: Mapping[str, str]
) -> Mapping[str, str] | None:
    """Make a mirror what another was when that clone was its newest; return the branches that it still had then.

    None, and nothing is taken, when the source was cloned into again since. Doing it again changes nothing.
    """
    clone = source.find_clone()
    if clone is None or (clone.commit, clone.tree) != (commit, tree):
        return None
    mirror.make()
    taken = {branch: made for branch, made in sorted(branches.items()) if source.has_commit(made)}
    mirror.take_objects(source, refs=[commit, *sorted({*taken.values()})])
    refs = {clone.point.local: commit} | {f"refs/heads/{branch}": made for branch, made in taken.items()}
    lines = [f"update {ref} {target}\n" for ref, target in refs.items()]
    mirror.git.output("update-ref", "--stdin", stdin="".join(lines).encode())
    mirror.note_clone(clone)
    return taken


def _copier(objects: Path) -> Callable[[str, str], None]:
    """Return what copies a file of a repository: objects by hard link, what can change by content."""

    def copy(source: str, target: str) -> None:
        if Path(source).is_relative_to(objects):
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    return copy
