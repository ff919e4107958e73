"""The evidence tool: a file of the workspace, read as evidence about a digest. The delegate signs what it says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bridle.core.boundary import clean_path
from bridle.core.canonical import Json
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import text_of
from bridle.delegate.evidence import MAX_FILE_BYTES, check_subject, read_exhibit
from bridle.delegate.evidence.provenance import Keys
from bridle.delegate.mirror import Mirror
from bridle.delegate.paths import opened_folder, read_file
from bridle.dispatch.protocol import Task


async def read(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"exhibits": [exhibit for each subject]}`; the fact `tree` is the workspace's."""
    return await asyncio.to_thread(_read, task, context)


def _read(task: Task, context: EffectorContext) -> EffectorResult:
    path, type_ = clean_path(text_of(task, "path")), text_of(task, "type")
    tree = context.workspaces.snapshot(task.workspace)
    subjects = _subjects(task, context, tree)
    with opened_folder(context.workspaces.folder(task.workspace)) as fd:
        data, _ = read_file(fd, path, limit_bytes=MAX_FILE_BYTES)
    keys = load_attestors(context.attestors)
    exhibits: list[Json] = [
        read_exhibit(data, type_=type_, subject=subject, name=path, keys=keys).to_json()
        for subject in subjects
    ]
    return EffectorResult("succeeded", {"exhibits": exhibits}, {"tree": tree})


def _subjects(task: Task, context: EffectorContext, tree: str) -> Sequence[str]:
    """What it is about: as declared, or the tree as it stands, and the commit that it is where nothing has changed."""
    given = text_of(task, "subject", "")
    if given:
        return [check_subject(given)]
    cloned = Mirror(context.workspaces.mirror(task.workspace)).find_clone()
    is_commit = cloned is not None and cloned.tree == tree
    return [f"tree:{tree}", *([f"commit:{cloned.commit}"] if cloned and is_commit else [])]


def load_attestors(folder: Path | None) -> Keys:
    """Return the public keys in a folder by their names: those whose signature on a provenance counts here."""
    if folder is None or not folder.is_dir():
        return {}
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.pub"))}
