"""Putting a branch of the origin back to where it stood before a push: what undoes the push.

Rules
  1. Only while the branch's tip is the commit that was pushed; the origin itself compares, so that nobody's push is lost. What
     others have pushed since stays, and that is said.
  2. A branch that the push made is removed.
  3. The credentials are those of the address that was cloned from, where that workspace is on this machine.
"""

from __future__ import annotations

import asyncio

from bridle.core.errors import ExecutionError, TrustError
from bridle.core.visible import hide_userinfo
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import text_of
from bridle.delegate.git_program import last_line
from bridle.delegate.mirror import Mirror
from bridle.delegate.reach import execution_of
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Task


async def restore(task: Task, context: EffectorContext) -> EffectorResult:
    """Put the branch back: `{"branch", "commit", "updated"}`, where `commit` is empty for a branch that was removed."""
    return await asyncio.to_thread(_restore, task, context.workspaces)


def _restore(task: Task, spaces: Workspaces) -> EffectorResult:
    pushed, previous, branch = (text_of(task, name) for name in ("commit", "previous", "branch"))
    mirror, repository = _open(task, spaces)
    tip = mirror.tip_of(repository, branch)
    if tip == previous:
        return _restored(branch, previous, updated=False)
    if tip != pushed:
        raise _moved(branch)
    mirror.fetch(repository, branch)
    lease = f"--force-with-lease=refs/heads/{branch}:{pushed}"
    run = mirror.git.run(
        "push", "--porcelain", "--no-follow-tags", lease, "--", repository, f"{previous}:refs/heads/{branch}"
    )
    if run.returncode:
        if mirror.tip_of(repository, branch) not in (pushed, previous):
            raise _moved(branch)
        raise ExecutionError(
            f"the origin refused to put {branch} back: {last_line(run)}", reason="push-rejected"
        )
    return _restored(branch, previous, updated=True)


async def look_up_restore(task: Task, context: EffectorContext) -> EffectorResult | None:
    """Return what `restore` would have, when the branch stands where it is to be put back to."""
    return await asyncio.to_thread(_look_up, task, context.workspaces)


def _look_up(task: Task, spaces: Workspaces) -> EffectorResult | None:
    previous, branch = text_of(task, "previous"), text_of(task, "branch")
    mirror, repository = _open(task, spaces)
    return (
        _restored(branch, previous, updated=True) if mirror.tip_of(repository, branch) == previous else None
    )


def _open(task: Task, spaces: Workspaces) -> tuple[Mirror, str]:
    """Return a mirror to work in, and the address to reach the origin by."""
    mirror = Mirror(spaces.mirror(task.workspace), spaces.connectors)
    named = text_of(task, "repository")
    mirror.make()
    if execution_of(text_of(task, "workspace")) != text_of(task, "push").partition("/")[0]:
        raise TrustError(
            "the push was not made from the workspace that is named", reason="workspace-of-another-execution"
        )
    clone = Mirror(spaces.mirror(text_of(task, "workspace"))).find_clone()
    known = clone.repository if clone else ""
    return mirror, known if hide_userinfo(known) == named else named


def _restored(branch: str, commit: str, *, updated: bool) -> EffectorResult:
    return EffectorResult("succeeded", {"branch": branch, "commit": commit, "updated": updated})


def _moved(branch: str) -> ExecutionError:
    return ExecutionError(
        f"branch {branch} of the origin has moved on since the push; it was left as it is",
        hint="undo the pushed change in a new commit on top",
        reason="branch-moved",
    )
