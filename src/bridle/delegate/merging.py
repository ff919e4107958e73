"""Merging trees: what several forks of one tree changed, put together, or what of it cannot be. Pure.

Rules
  1. Every path that a fork changed, added or deleted, compared with the base, is taken over.
  2. The same change in two forks is one change. Different content at one path is a conflict; so is deleting what
     another changed, and a file where another needs a folder.
  3. Contents are never mixed: a file comes from one fork or from the base.
  4. An empty folder is a path like any other until something lies in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.delegate.snapshot import Entry, Manifest
from bridle.delegate.tree import Kind


@dataclass(frozen=True)
class Conflict:
    """What `workspaces` made different things of. `kind` is `path`, `branch` (of git) or `clone`."""

    kind: str
    name: str
    workspaces: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "name": self.name, "workspaces": list(self.workspaces)}


@dataclass(frozen=True)
class Merge:
    """The merged tree, how many of its paths differ from the base, and what speaks against it."""

    manifest: Manifest
    changed: int
    conflicts: tuple[Conflict, ...]


Changes = Mapping[str, Mapping[str, Entry | None]]


def merge_trees(base: Manifest, forks: Mapping[str, Manifest]) -> Merge:
    """Merge the trees of `forks`, by the name of their workspace, that were all made from `base`."""
    changes = _changes(base, forks)
    conflicts = [
        Conflict("path", path, tuple(sorted(made)))
        for path, made in changes.items()
        if len(set(made.values())) > 1
    ]
    taken = {path: next(iter(made.values())) for path, made in changes.items()}
    merged = {path: entry for path, entry in {**base, **taken}.items() if entry is not None}
    inner = {folder for path in merged for folder in _above(path)}
    for path in sorted(inner & merged.keys()):
        if merged[path].kind is Kind.FOLDER:
            del merged[path]
        else:
            conflicts.append(Conflict("path", path, _around(path, changes)))
    return Merge(merged, len(changes), tuple(sorted(set(conflicts), key=lambda item: item.name)))


def _changes(base: Manifest, forks: Mapping[str, Manifest]) -> dict[str, dict[str, Entry | None]]:
    """Return, by path, what each fork that changed it made of it."""
    changes: dict[str, dict[str, Entry | None]] = {}
    for name, manifest in forks.items():
        for path in base.keys() | manifest.keys():
            if base.get(path) != manifest.get(path):
                changes.setdefault(path, {})[name] = manifest.get(path)
    return changes


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _around(path: str, changes: Changes) -> tuple[str, ...]:
    """Return who changed a path or something below it."""
    near = (made for other, made in changes.items() if other == path or other.startswith(path + "/"))
    return tuple(sorted({name for made in near for name in made}))
