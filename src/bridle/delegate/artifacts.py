"""Artifacts: what a step keeps of its workspace for later ones, in the snapshot store, by digest.

Rules
  1. An artifact is a tree: a folder's files by their path in it, or one file, whose path is then `.`. Its digest is the
     tree's, so the same content has the same digest everywhere.
  2. Which execution saved what under which name is noted beside the trees. What another execution saved is not there:
     knowing a digest is no right to what it stands for.
  3. Links are refused, not followed and not kept: where a folder is put later, they could point anywhere.
  4. A workspace's limits hold for an artifact too.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridle.core.canonical import Json, canonical, digest_bytes
from bridle.core.errors import ExecutionError
from bridle.delegate.paths import open_folder, read_file
from bridle.delegate.placing import write_file
from bridle.delegate.snapshot import Entry, Manifest, Snapshots
from bridle.delegate.tree import Kind, is_excluded, walk

ITSELF = "."


@dataclass(frozen=True)
class Artifact:
    """A stored artifact; `size_bytes` and `files` count its files."""

    name: str
    digest: str
    size_bytes: int
    files: int

    def to_json(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "digest": self.digest,
            "size_bytes": self.size_bytes,
            "files": self.files,
        }


def save_artifact(root_fd: int, path: str, snapshots: Snapshots, *, execution: str, name: str) -> Artifact:
    """Store the file or folder at `path`; raise ExecutionError when there is none, or a link in it."""
    manifest: dict[str, Entry] = {}
    size_bytes = 0
    for file, inner in _files(root_fd, path, snapshots):
        data, info = read_file(root_fd, file, limit_bytes=snapshots.limits.file_bytes)
        size_bytes += len(data)
        manifest[inner] = Entry(Kind.FILE, snapshots.put_blob(data), bool(info.st_mode & 0o100))
    digest = snapshots.put(manifest)
    snapshots.note(_note(execution, name, digest))
    return Artifact(name, digest, size_bytes, len(manifest))


def load_artifact(snapshots: Snapshots, *, execution: str, name: str, digest: str) -> Manifest:
    """Return what was saved; raise ExecutionError unless this execution saved it under this name."""
    if not snapshots.noted(_note(execution, name, digest)):
        raise ExecutionError(
            f"this execution has saved no artifact {name} with the digest {digest}",
            hint="use the name and digest that saving it returned",
            reason="no-such-artifact",
        )
    return snapshots.load(digest)


def place_artifact(root_fd: int, path: str, manifest: Manifest, snapshots: Snapshots) -> int:
    """Write an artifact's files at or below `path`, over what is there; return their size in bytes."""
    size_bytes = 0
    for target, entry in targets(path, manifest).items():
        _refuse_folder(root_fd, target)
        data = snapshots.blob(entry.digest)
        size_bytes += len(data)
        write_file(root_fd, target, data, executable=entry.executable, durable=True)
    return size_bytes


def targets(path: str, manifest: Manifest) -> Manifest:
    """Return an artifact's files by the path in the workspace where they come to lie."""
    below = "" if path == "." else f"{path}/"
    return {path if inner == ITSELF else f"{below}{inner}": entry for inner, entry in manifest.items()}


def _files(root_fd: int, path: str, snapshots: Snapshots) -> list[tuple[str, str]]:
    """Return the files at or below `path`: their path in the workspace and in the artifact."""
    try:
        found = walk(root_fd, below=path, limits=snapshots.limits, excluded_too=is_excluded(path))
    except ExecutionError as exc:
        if exc.reason != "not-a-folder":
            raise
        return [(path, ITSELF)]
    links = [item.path for item in found if item.kind is Kind.LINK]
    if links:
        raise ExecutionError(f"{links[0]} is a symbolic link; an artifact has none", reason="symbolic-link")
    skip = 0 if path == "." else len(path) + 1
    return [(item.path, item.path[skip:]) for item in found if item.kind is Kind.FILE]


def _refuse_folder(root_fd: int, path: str) -> None:
    try:
        with open_folder(root_fd, path):
            pass
    except ExecutionError as exc:
        if exc.reason in {"not-found", "not-a-folder", "symbolic-link"}:
            return  # nothing, or something that is replaced; what leads there is checked when it is written
        raise
    raise ExecutionError(f"{path} is a folder; a file cannot take its place", reason="not-a-file")


def _note(execution: str, name: str, digest: str) -> str:
    content: dict[str, Json] = {"type": "artifact", "execution": execution, "name": name, "tree": digest}
    return digest_bytes(canonical(content))
