"""Git as a tool: clone, commit and push, from snapshots and through the workspace's mirror.

Rules
  1. A commit holds exactly the snapshot that the permit names, never the folder as it happens to stand. Its tree
     is the clone's with the difference applied, so that what a snapshot leaves out is not lost.
  2. A commit's only parent is the commit that was cloned, never an earlier one made here: what was shown of the
     difference is all that can be pushed with it. A second commit to a branch takes the place of the first.
  3. The same change with the same message is the same commit everywhere: it is dated one second after its parent,
     and its author is the principal's id. When it was really made is in the journal. So committing again, like
     pushing a commit that the origin already has, changes nothing: both can be done again after a crash.
  4. A push goes to the repository that the permit names, with the credentials of the address that was cloned from there. It is
     never forced. When the connection broke and the origin can't be asked, the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import re

from bridle.core.boundary import clean_path
from bridle.core.canonical import Json, digest, digest_bytes
from bridle.core.errors import ExecutionError, InputError, TrustError, UnavailableError
from bridle.core.likeness import mask_text
from bridle.core.visible import hide_userinfo, show_name
from bridle.delegate.checkout import SUBMODULE, changed_paths, place_below, store_commit
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import names_of, number_of, text_of
from bridle.delegate.git_program import last_line
from bridle.delegate.mirror import Clone, Mirror, Point
from bridle.delegate.snapshot import Entry, Manifest
from bridle.delegate.submodules import Submodules
from bridle.delegate.tree import Kind
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Task

_NOBODY = "0" * 40
POINTS = ("branch", "tag", "commit", "pull_request")


async def clone(task: Task, context: EffectorContext) -> EffectorResult:
    """Make the workspace, or the folder `path` of it, the files of a branch, a tag, a commit or a pull request.

    `{"commit"}` and, for what is no commit, its name by its kind; the fact `tree` is what the workspace is now. With `folders` it
    is these, and the files in the folders above them.
    """
    return await asyncio.to_thread(_clone, task, context.workspaces)


def _clone(task: Task, spaces: Workspaces) -> EffectorResult:
    repository, point, path = text_of(task, "repository"), _point_of(task), text_of(task, "path", "")
    mirror = Mirror(spaces.mirror(task.workspace), spaces.connectors)
    commit = mirror.fetch_point(repository, point, depth=number_of(task, "depth", 0, least=0))
    folders = names_of(task, "folders") if "folders" in task.request.arguments else ()
    modules = _submodules_of(task, point, Submodules(repository, mirror, commit, spaces.snapshots))
    tree = store_commit(mirror, commit, spaces.snapshots, folders=folders, submodules=modules)
    if path:
        tree = place_below(
            clean_path(path), tree, spaces.snapshot(task.workspace), snapshots=spaces.snapshots
        )
    spaces.restore(task.workspace, tree)
    if spaces.snapshot(task.workspace) != tree:
        raise ExecutionError("the workspace is not what was cloned into it", reason="clone-differs")
    if not path:  # what a commit is compared with, and where a push goes, is what the whole workspace is
        mirror.note_clone(Clone(repository, point.name, commit, tree, point.kind))
    return EffectorResult("succeeded", {point.kind: point.name, "commit": commit}, {"tree": tree})


def _submodules_of(task: Task, point: Point, found: Submodules) -> Submodules | None:
    wanted = task.request.arguments.get("submodules", False)
    if wanted is True and point.kind == "pull_request":
        raise InputError(
            "a pull request is cloned without submodules: its author would choose what is fetched",
            reason="bad-arguments",
        )
    return found if wanted is True else None


def _point_of(task: Task) -> Point:
    kinds = [kind for kind in POINTS if kind in task.request.arguments]
    if len(kinds) != 1:
        raise InputError(f"a clone needs one of {', '.join(POINTS)}", reason="bad-arguments")
    return Point(kinds[0], _commit_of(task) if kinds == ["commit"] else text_of(task, kinds[0]))


async def commit(task: Task, context: EffectorContext) -> EffectorResult:
    """Commit the permit's tree to a branch of the mirror: `{"commit", "branch", "parent", "changed"}`."""
    return await asyncio.to_thread(_commit, task, context.workspaces)


def _commit(task: Task, spaces: Workspaces) -> EffectorResult:
    tree = task.permit.expect.get("tree")
    if not isinstance(tree, str):
        raise TrustError("the permit names no tree to commit", reason="permit-without-tree")
    branch, message = text_of(task, "branch"), text_of(task, "message")
    mirror = Mirror(spaces.mirror(task.workspace))
    base = mirror.clone()
    mirror.check_branch(branch)
    _check_submodules(mirror, base, spaces, spaces.snapshots.load(tree))
    _check_unseen(mirror, base, spaces, spaces.snapshots.load(tree))
    git_tree = _write_tree(mirror, base, spaces, spaces.snapshots.load(tree))
    if git_tree == mirror.git.text("rev-parse", f"{base.commit}^{{tree}}"):
        raise ExecutionError(
            "nothing has changed since the clone; there is nothing to commit", reason="no-change"
        )
    made = _write_commit(mirror, git_tree, base.commit, message=message, principal=task.request.principal)
    mirror.git.output("update-ref", f"refs/heads/{branch}", made, mirror.local(branch) or _NOBODY)
    return EffectorResult(
        "succeeded",
        {
            "commit": made,
            "branch": branch,
            "parent": base.commit,
            "changed": [show_name(path) for path in _differing(mirror, base.commit, made)],
        },
        {"tree": tree, "change": _describe_change(mirror, base.commit, made)},
    )


def _check_submodules(mirror: Mirror, base: Clone, spaces: Workspaces, manifest: Manifest) -> None:
    """What lies in a submodule is another repository's: a commit here can't hold it."""
    inside = tuple(f"{file.path}/" for file in mirror.files(base.commit) if file.mode == SUBMODULE)
    changed = changed_paths(spaces.snapshots.load(base.tree), manifest) if inside else []
    odd = [path for path in changed if path.startswith(inside)]
    if odd:
        raise ExecutionError(
            f"{', '.join(map(show_name, odd[:5]))}: what lies in a submodule is not committed here",
            hint="put it back, and make the change in a clone of that repository",
            reason="in-submodule",
        )


def _check_unseen(mirror: Mirror, base: Clone, spaces: Workspaces, manifest: Manifest) -> None:
    """A file of the commit that was left out of the workspace is changed by nobody: what it held would be shown to nobody."""
    seen = spaces.snapshots.load(base.tree)
    unseen = {file.path for file in mirror.files(base.commit)} - set(seen)
    made = {path for path in changed_paths(seen, manifest) if path in unseen or _hides(path, unseen)}
    if made:
        raise ExecutionError(
            f"{', '.join(map(show_name, sorted(made)[:5]))} would take the place of what was left out of the clone",
            hint="clone these folders as well, and redo the change",
            reason="left-out",
        )


def _hides(path: str, unseen: set[str]) -> bool:
    return any(other.startswith(f"{path}/") for other in unseen)


def _describe_change(mirror: Mirror, base: str, made: str) -> dict[str, Json]:
    """Return what the commit changes, whatever its message and parent are: as it is, and but for what varies by nature.

    The first is a digest of which content each path had and has; the second of the lines that go and come, without where.
    """
    raw = mirror.git.output("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, made)
    shown = ("-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index")
    patch = mirror.git.output("diff-tree", "-r", *shown, base, made).decode(errors="replace")
    lines = [line for line in patch.split("\n") if not line.startswith(("index ", "@@ "))]
    return {"exact": digest_bytes(raw), "alike": digest(mask_text("\n".join(lines)))}


def _write_tree(mirror: Mirror, base: Clone, spaces: Workspaces, manifest: Manifest) -> str:
    """Write the clone's tree with the snapshot's difference as git objects; return git's id of it."""
    changed = changed_paths(spaces.snapshots.load(base.tree), manifest)
    gone = [f"0 {_NOBODY}\t{path}\0" for path in changed if not _stands(manifest, path)]
    there = [_index_line(mirror, spaces, path, manifest[path]) for path in changed if _stands(manifest, path)]
    with mirror.index() as env:
        mirror.git.output("read-tree", base.commit, env=env)
        mirror.git.output("update-index", "-z", "--index-info", stdin="".join(gone + there).encode(), env=env)
        git_tree = mirror.git.text("write-tree", env=env)
    dropped = sorted({*changed} ^ {*_differing(mirror, base.commit, git_tree)})
    if dropped:  # git leaves out names such as `.git` without a word
        raise ExecutionError(
            f"git does not take these paths: {', '.join(map(show_name, dropped))}", reason="bad-name"
        )
    return git_tree


def _stands(manifest: Manifest, path: str) -> bool:
    return path in manifest and manifest[path].kind is not Kind.FOLDER


def _index_line(mirror: Mirror, spaces: Workspaces, path: str, entry: Entry) -> str:
    is_link = entry.kind is Kind.LINK
    data = entry.target.encode() if is_link else spaces.snapshots.blob(entry.digest)
    oid = mirror.git.text("hash-object", "-w", "-t", "blob", "--no-filters", "--stdin", stdin=data)
    mode = "120000" if is_link else "100755" if entry.executable else "100644"
    return f"{mode} {oid}\t{path}\0"


def _write_commit(mirror: Mirror, git_tree: str, parent: str, *, message: str, principal: str) -> str:
    if "\0" in message or not message.strip():
        raise InputError("a commit needs a message of text", reason="bad-message")
    at = int(mirror.git.text("show", "-s", "--format=%ct", parent)) + 1
    who = {
        "NAME": re.sub(r"[<>\x00-\x1f]", " ", principal),
        "EMAIL": re.sub(r"[^A-Za-z0-9._-]+", ".", principal) + "@bridle.invalid",
        "DATE": f"@{at} +0000",
    }
    env = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in who.items()}
    return mirror.git.text(
        "commit-tree", git_tree, "-p", parent, "-F", "-", stdin=message.strip().encode() + b"\n", env=env
    )


def _differing(mirror: Mirror, one: str, other: str) -> list[str]:
    names = mirror.git.output("diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other)
    return [name.decode(errors="replace") for name in sorted(names.split(b"\0")) if name]


async def push(task: Task, context: EffectorContext) -> EffectorResult:
    """Move a branch of the origin forward: `{"commit", "branch", "updated", "previous", "repository", "workspace"}`.

    `previous` is where the branch stood: empty when there was none, null when nobody can tell.
    """
    return await asyncio.to_thread(_push, task, context.workspaces)


def _push(task: Task, spaces: Workspaces) -> EffectorResult:
    wanted, branch = _commit_of(task), text_of(task, "branch")
    mirror = Mirror(spaces.mirror(task.workspace), spaces.connectors)
    repository = _origin_of(task, mirror)
    if not mirror.has_commit(wanted):
        raise ExecutionError(f"there is no commit {wanted} in this workspace", reason="no-such-commit")
    tip = mirror.tip_of(repository, branch)
    done = _pushed(task, repository, previous=tip)
    if tip == wanted:
        return _pushed(task, repository, previous=tip, updated=False)
    refspec = f"{wanted}:refs/heads/{branch}"
    try:
        run = mirror.git.run("push", "--porcelain", "--no-follow-tags", "--", repository, refspec)
    except UnavailableError as exc:
        return _after_a_break(mirror, repository, done, said=exc.what)
    if run.returncode == 0:
        return done
    porcelain = run.stdout.decode(errors="replace")
    if any(line.startswith("!") for line in porcelain.splitlines()):
        raise _rejected(branch, porcelain)
    return _after_a_break(mirror, repository, done, said=last_line(run))


def _origin_of(task: Task, mirror: Mirror) -> str:
    """Return the address that was last cloned from, with its credentials; the permit, which is signed, names its place."""
    expected, repository = task.permit.expect.get("repository"), mirror.clone().repository
    if isinstance(expected, str) and hide_userinfo(expected) != hide_userinfo(repository):
        raise TrustError(
            "the clone is of another repository than the permit names", reason="expectation-failed"
        )
    return repository


def _after_a_break(mirror: Mirror, repository: str, done: EffectorResult, *, said: str) -> EffectorResult:
    assert isinstance(done.value, dict)
    try:
        tip = mirror.tip_of(repository, str(done.value["branch"]))
    except UnavailableError:
        return EffectorResult("unknown", {"error": f"the push broke off: {said}", "reason": "push-unknown"})
    if tip != done.value["commit"]:
        raise ExecutionError(f"nothing was pushed: {said}", reason="push-failed")
    return done


def _rejected(branch: str, porcelain: str) -> ExecutionError:
    line = next(line for line in porcelain.splitlines() if line.startswith("!"))
    if "non-fast-forward" in line or "fetch first" in line:
        return ExecutionError(
            f"branch {branch} of the origin is not an ancestor of this commit; nothing was pushed, nothing forced",
            hint="clone again and redo the change on top of it",
            reason="non-fast-forward",
        )
    said = hide_userinfo(line.rpartition("\t")[2])
    return ExecutionError(f"the origin refused the push: {said}", reason="push-rejected")


async def look_up_push(task: Task, context: EffectorContext) -> EffectorResult | None:
    """Return what `push` would have, when the commit is at or below the tip of the origin's branch."""
    return await asyncio.to_thread(_look_up_push, task, context.workspaces)


def _look_up_push(task: Task, spaces: Workspaces) -> EffectorResult | None:
    wanted, branch = _commit_of(task), text_of(task, "branch")
    mirror = Mirror(spaces.mirror(task.workspace), spaces.connectors)
    repository = _origin_of(task, mirror)
    if not mirror.tip_of(repository, branch):
        return None
    tip = mirror.fetch(repository, branch)
    return _pushed(task, repository, previous=None) if mirror.is_ancestor(wanted, tip) else None


def _pushed(task: Task, repository: str, *, previous: str | None, updated: bool = True) -> EffectorResult:
    value: dict[str, Json] = {
        "commit": _commit_of(task),
        "branch": text_of(task, "branch"),
        "updated": updated,
        "previous": previous,
        "repository": hide_userinfo(repository),
        "workspace": task.workspace,
    }
    return EffectorResult("succeeded", value)


def _commit_of(task: Task) -> str:
    wanted = text_of(task, "commit")
    if not re.fullmatch(r"[0-9a-f]{40}", wanted):
        raise InputError(f"{wanted!r} is not a commit", reason="bad-arguments")
    return wanted
