"""How a workspace comes to another machine, and back to one that has lost it: by a record beside the snapshots.

Rules
  1. After each action that says which tree it left, the store holds where the workspace stands: on which machine, at
     which tree, what was cloned, and the commits made here. Machines that share the store share these records.
  2. Before an action, a workspace that stood on another machine last, or whose folder is gone, is made anew from its
     record; whatever an earlier stay left here is replaced. On the machine where it stood last nothing is touched.
  3. Commits made here travel as a git bundle in the store. History does not: it is fetched again from the origin, when a
     tool first needs it. An origin that doesn't answer, or no longer has the commit, is said and nothing is done. The
     address travels as it was cloned from: credentials written in it lie in the store, which only its owner may enter.
  4. A machine that was taken over for dead does not overwrite what the next one has noted: its action has no outcome.
  5. What is no part of a tree (`.bridle/`, compiled Python) does not travel.

Who may work where is not decided here: leases of the control plane see to it that one machine works for an execution.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bridle.core.canonical import canonical
from bridle.core.errors import BridleError, ExecutionError, TrustError
from bridle.core.visible import hide_userinfo
from bridle.delegate.disk import sync_folder, write_whole
from bridle.delegate.fork import find_fork, note_fork
from bridle.delegate.git_program import last_line
from bridle.delegate.mirror import Clone, Mirror, Point
from bridle.delegate.workspace import Workspaces

MIRROR_TOOLS = frozenset(
    {
        "git.clone",
        "git.commit",
        "git.push",
        "workspace.verify",
        "workspace.fork",
        "workspace.merge",
        "workspace.restore",
    }
)
"""Tools that work with the git side of a workspace."""


@dataclass(frozen=True)
class Stand:
    """Where a workspace stands. `clone` and `fork` are the records of its mirror, `bundle` the digest of its commits."""

    machine: str
    tree: str
    clone: Mapping[str, str] | None = None
    fork: Mapping[str, Any] | None = None
    heads: Mapping[str, str] | None = None
    bundle: str = ""


class NotNotedError(Exception):
    """An action was done and where it left the workspace cannot be noted: it has no outcome, and recovery does it again."""


class Travel:
    """Brings workspaces here and notes where they stand. The caller holds them."""

    def __init__(self, spaces: Workspaces) -> None:
        self._spaces = spaces
        self._mirrors = spaces.mirror("x").parent

    def bring(self, name: str, *, mirror_too: bool) -> None:
        """Make a workspace stand here; one that nobody has noted is left as it is."""
        stand = self._read(name)
        if stand is None:
            return
        ours = stand.machine == self._spaces.machine
        if not ours or not self._spaces.is_here(name):
            self._spaces.restore(name, stand.tree)
        if not ours:
            _remove(self._spaces.mirror(name))
            self._write(name, replace(stand, machine=self._spaces.machine))
        if mirror_too and not self._spaces.mirror(name).exists():
            self._make_mirror(name, stand)

    def leave(self, name: str, tree: str, *, mirror_too: bool) -> None:
        """Note where a workspace stands after an action; raise NotNotedError when that is impossible."""
        try:
            known = self._read(name) or Stand(self._spaces.machine, tree)
            if known.machine != self._spaces.machine:
                raise NotNotedError(f"another machine has taken {name} over meanwhile")
            stand = replace(known, machine=self._spaces.machine, tree=tree)
            if mirror_too:
                stand = self._with_mirror(name, stand)
            if stand != known or not self._path(name).exists():
                self._write(name, stand)
        except (BridleError, OSError) as exc:
            raise NotNotedError(f"where {name} stands cannot be noted: {exc}") from exc

    def _with_mirror(self, name: str, stand: Stand) -> Stand:
        mirror, fork = Mirror(self._spaces.mirror(name)), find_fork(self._spaces.mirror(name), name=name)
        found, heads = mirror.find_clone(), mirror.heads()
        clone, bundle = asdict(found) if found else None, stand.bundle
        if heads and (heads, clone) != (stand.heads, stand.clone):
            bundle = self._spaces.snapshots.put_bytes(mirror.bundle(found.commit if found else ""))
            self._spaces.snapshots.sync()
        return replace(stand, clone=clone, fork=asdict(fork) if fork else None, heads=heads, bundle=bundle)

    def _make_mirror(self, name: str, stand: Stand) -> None:
        if not (stand.clone or stand.fork or stand.heads):
            return
        fresh = self._mirrors / f".{secrets.token_hex(8)}"
        try:
            mirror = Mirror(fresh, self._spaces.connectors)
            mirror.make()
            if stand.clone:
                _fetch_clone(mirror, Clone(**stand.clone))
            if stand.heads:
                mirror.unbundle(self._spaces.snapshots.blob(stand.bundle), heads=stand.heads)
            if stand.fork:
                note_fork(fresh, stand.fork)
            fresh.rename(self._spaces.mirror(name))
        finally:
            _remove(fresh)

    def _path(self, name: str) -> Path:
        return self._spaces.stands / name

    def _read(self, name: str) -> Stand | None:
        path = self._path(name)
        try:
            return Stand(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as exc:
            raise TrustError(
                f"the record of where {name} stands is damaged", where=str(path), reason="stand-damaged"
            ) from exc

    def _write(self, name: str, stand: Stand) -> None:
        write_whole(self._path(name), canonical(asdict(stand)))
        sync_folder(self._spaces.stands)


def _fetch_clone(mirror: Mirror, clone: Clone) -> None:
    if clone.kind == "branch" and mirror.tip_of(clone.repository, clone.branch):
        mirror.fetch(clone.repository, clone.branch)
    elif clone.kind == "pull_request" and mirror.knows(clone.repository, clone.point):
        mirror.fetch_point(clone.repository, clone.point)
    elif clone.kind not in ("branch", "pull_request"):
        mirror.fetch_point(clone.repository, Point("commit", clone.commit))
        mirror.git.output("update-ref", clone.point.local, clone.commit)
    if not mirror.has_commit(
        clone.commit
    ):  # the branch was moved meanwhile; many origins give a commit by its id
        run = mirror.git.run(
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", clone.repository, clone.commit
        )
        if run.returncode:
            raise ExecutionError(
                f"the origin no longer gives the commit that was cloned: {last_line(run)}",
                where=hide_userinfo(clone.repository),
                hint="clone again and redo the change",
                reason="clone-commit-gone",
            )
    mirror.note_clone(clone)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
