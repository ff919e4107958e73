"""Submodules of a clone: other repositories, whose files lie in folders of this one.

Rules
  1. Only a repository beside this one is taken: on the same origin, below the same folder. Its address stands in a file that
     anybody may have written, and the delegate would ask for it with rights of its own.
  2. It is the commit that the clone names, or an error; the same holds for submodules of submodules.
  3. A pull request has none: its author is anybody.
  4. What is fetched for it is not kept: its files are in the snapshot, and no commit is made in it (effectors.git).
"""

from __future__ import annotations

import posixpath
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bridle.core.errors import ExecutionError
from bridle.core.visible import hide_userinfo, show_name
from bridle.delegate.checkout import Source, store_commit
from bridle.delegate.mirror import Mirror, Point, TreeFile
from bridle.delegate.snapshot import Snapshots

MOST_LEVELS = 5


@dataclass(frozen=True)
class Submodules(Source):
    """Brings the submodules of one commit of a repository."""

    repository: str
    mirror: Mirror
    commit: str
    snapshots: Snapshots
    level: int = 1

    def tree_of(self, file: TreeFile) -> str:
        """Fetch the submodule at a path and store its files; return the tree's digest."""
        url = read_modules(self.mirror, self.commit).get(file.path, "")
        where = resolve(self.repository, url, path=file.path)
        if self.level > MOST_LEVELS:
            raise _refused(file.path, f"lies more than {MOST_LEVELS} submodules deep")
        with tempfile.TemporaryDirectory(prefix="bridle-submodule-") as folder:
            mirror = Mirror(Path(folder) / "mirror", self.mirror.git.connectors)
            mirror.fetch_point(where, Point("commit", file.oid))
            inner = Submodules(where, mirror, file.oid, self.snapshots, self.level + 1)
            return store_commit(mirror, file.oid, self.snapshots, submodules=inner)


def read_modules(mirror: Mirror, commit: str) -> dict[str, str]:
    """Return the addresses of a commit's submodules by path, as its `.gitmodules` has them."""
    run = mirror.git.run("config", "--blob", f"{commit}:.gitmodules", "--no-includes", "--list", "-z")
    found: dict[str, dict[str, str]] = {}
    for line in run.stdout.decode(errors="replace").split("\0") if run.returncode == 0 else ():
        key, _, value = line.partition("\n")
        section, _, name = key.rpartition(".")
        found.setdefault(section, {})[name] = value
    return {one["path"]: one["url"] for one in found.values() if {"path", "url"} <= one.keys()}


def resolve(repository: str, url: str, *, path: str) -> str:
    """Return where a submodule is fetched from, with the repository's credentials; raise ExecutionError unless it lies beside."""
    if not url:
        raise _refused(path, "has no address in .gitmodules")
    ours, theirs = urlsplit(repository), urlsplit(url)
    around = posixpath.dirname(posixpath.normpath(ours.path))
    if url.startswith(("./", "../")):
        theirs = ours._replace(path=f"{ours.path.rstrip('/')}/{url}")
    same = (ours.scheme, _host(ours.netloc)) == (theirs.scheme, _host(theirs.netloc))
    place = posixpath.normpath(theirs.path)
    plain = not (theirs.query or theirs.fragment or {"%", "\\", "\0"} & set(url))
    if not same or not plain or around in ("", "/") or not place.startswith(f"{around}/"):
        raise _refused(path, f"is {hide_userinfo(url)[:200]}, which does not lie beside the repository")
    return urlunsplit(ours._replace(path=place))


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2].lower()


def _refused(path: str, why: str) -> ExecutionError:
    return ExecutionError(
        f"the submodule {show_name(path)} {why}",
        hint="clone it with a clone step of its own, into that path",
        reason="submodule",
    )
