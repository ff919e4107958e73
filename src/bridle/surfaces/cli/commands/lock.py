"""`bridle lock`: write down which version and text each template of these pipelines means from now on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import command, root
from bridle.surfaces.cli.options import AsJson, Given, InputSets, Quiet, print_json, put, say

if TYPE_CHECKING:
    from bridle.surfaces.cli.locking import Change


@command(root, "lock", "bridle lock pipelines/*.yaml")
def lock(
    files: Annotated[list[Path], typer.Argument(help="Pipeline files of one repository.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 2 when bridle.lock is not so already.")
    ] = False,
    given: Given = None,
    input_sets: InputSets = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Lock the templates of pipelines: run, validate and plan then take exactly these, and refuse any that changed."""
    from bridle.pipeline.lock import Lock
    from bridle.surfaces.cli.locking import find_changes, read_lock, write_lock

    path = _find_one(files)
    before = read_lock(path) or Lock()
    changes: dict[str, Change] = {}
    for file in files:
        found = find_changes(file, before, given=given or [], sets=input_sets or [])
        changes |= {change.uses: change for change in found}
        if not (quiet or as_json):
            say(f"{file}: {len(found) or 'nothing'} to lock")
    if changes and not check:
        pins = {**before.pins, **{change.uses: change.after for change in changes.values()}}
        write_lock(path, Lock(pins))
    _report(
        path, sorted(changes.values(), key=lambda change: change.uses), written=not check, as_json=as_json
    )
    return 2 if check and changes else 0


def _find_one(files: list[Path]) -> Path:
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.locking import find_lock

    found = sorted({find_lock(file.parent) for file in files})
    if len(found) > 1:
        raise InputError(
            f"these files have {len(found)} locks: {', '.join(map(str, found))}",
            hint="call it once for each repository",
            reason="several-locks",
        )
    return found[0]


def _report(path: Path, changes: list[Change], *, written: bool, as_json: bool) -> None:
    if as_json:
        listed = [_describe(change) for change in changes]
        print_json({"lock": str(path), "changes": listed, "written": written and bool(changes)})
        return
    for change in changes:
        before = f"{change.before.version} {change.before.digest} → " if change.before else ""
        put(f"{change.uses}: {before}{change.after.version} {change.after.digest}")
    if not changes:
        put(f"{path}: nothing to change")
    else:
        put(f"{path}: written" if written else f"{path}: not so yet; bridle lock without --check writes it")


def _describe(change: Change) -> dict[str, Any]:
    before = {"version": change.before.version, "digest": change.before.digest} if change.before else None
    after = {"version": change.after.version, "digest": change.after.digest}
    return {"uses": change.uses, "before": before, "after": after}
