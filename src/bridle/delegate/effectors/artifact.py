"""The artifact tools: keep files of a workspace by digest, and put them into one of the same execution.

Saving again stores the same under the same digest (`keyed`). Loading is whole or undone: what cannot be placed, may not
be written or is too much for the workspace leaves it as it was.
"""

from __future__ import annotations

import asyncio

from bridle.core.boundary import clean_path
from bridle.core.canonical import Json
from bridle.core.errors import BridleError, TrustError
from bridle.delegate.artifacts import load_artifact, place_artifact, save_artifact, targets
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, text_of
from bridle.delegate.reach import execution_of
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Task


async def save(task: Task, context: EffectorContext) -> EffectorResult:
    """Keep a file or folder: `{"name", "digest", "size_bytes", "files"}`."""
    return await asyncio.to_thread(_save, task, context.workspaces)


def _save(task: Task, spaces: Workspaces) -> EffectorResult:
    name, path = text_of(task, "name"), clean_path(text_of(task, "path"))
    with spaces.opened(task.workspace) as fd:
        saved = save_artifact(fd, path, spaces.snapshots, execution=execution_of(task.workspace), name=name)
    return EffectorResult("succeeded", saved.to_json())


async def load(task: Task, context: EffectorContext) -> EffectorResult:
    """Place an artifact: `{"name", "digest", "path", "size_bytes", "files"}`; the fact `tree` is the tree after."""
    return await asyncio.to_thread(_load, task, context.workspaces)


def _load(task: Task, spaces: Workspaces) -> EffectorResult:
    name, digest, path = text_of(task, "name"), text_of(task, "digest"), clean_path(text_of(task, "path"))
    store, execution = spaces.snapshots, execution_of(task.workspace)
    manifest = load_artifact(store, execution=execution, name=name, digest=digest)
    _check_writable(task, path, tuple(targets(path, manifest)))
    before = spaces.snapshot(task.workspace)
    try:
        with spaces.opened(task.workspace) as fd:
            size_bytes = place_artifact(fd, path, manifest, store)
        tree = spaces.snapshot(task.workspace)
    except BridleError:
        spaces.restore(task.workspace, before)
        raise
    value: dict[str, Json] = {
        "name": name,
        "digest": digest,
        "path": path,
        "size_bytes": size_bytes,
        "files": len(manifest),
    }
    return EffectorResult("succeeded", value, {"tree": tree})


def _check_writable(task: Task, path: str, places: tuple[str, ...]) -> None:
    boundary = boundary_of(task)
    for place in places or (path,):
        if not boundary.may_write(place):
            raise TrustError(f"{place} may not be written in this step", reason="path-not-writable")
