"""Pipelines with the templates that they use: read as `bridle.lock` says, and locked.

Rules
  1. The lock lies at the top of the repository; beside the pipeline where there is none.
  2. Where there is a lock, it decides; where there is none, a plan that uses templates says so.
  3. Locking names anew what the given pipelines use, and leaves everything else as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bridle.core.errors import InputError
from bridle.pipeline.lock import LOCK_FILE, Lock, LockedLibrary, Pin, RecordingLibrary, parse_lock
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.surfaces.cli.files import read_text
from bridle.surfaces.cli.inputs import check_inputs, split_runtime


@dataclass(frozen=True)
class Change:
    """What locking does to one `uses`: `before` is None for one that was not locked."""

    uses: str
    before: Pin | None
    after: Pin


def find_lock(folder: Path) -> Path:
    """Return where the lock of what lies in `folder` is, or would be."""
    from bridle.agent.shelf import find_top

    return find_top(folder) / LOCK_FILE


def read_lock(path: Path) -> Lock | None:
    """Return what is locked, None when nothing is; raise InputError when the file can't be read."""
    return parse_lock(read_text(path), source=str(path)) if os.path.lexists(path) else None


def read_plan(path: Path, *, given: Sequence[str] = ()) -> Plan:
    """Read a pipeline file, with the templates that it uses; raise InputError with the place of every fault.

    `given` holds what `--input` was given.
    """
    runtime = split_runtime(given)
    return read_locked(read_text(path), source=str(path), folder=path.parent, runtime=runtime)


def read_locked(text: str, *, source: str, folder: Path, runtime: Mapping[str, str] | None = None) -> Plan:
    """Read a pipeline that lies in `folder`, with its templates as they are locked; raise InputError."""
    from bridle.app import load_variables, open_library
    from bridle.core.settings import load_settings

    shared = load_variables(load_settings().config_dir)
    lock = read_lock(find_lock(folder))
    library, sets = open_library(folder), open_sets(folder)
    if lock is not None:
        locked = LockedLibrary(library, lock)
        return read_pipeline(
            text, source=source, library=locked, runtime=runtime, policies=sets, shared=shared
        )
    recording = RecordingLibrary(library)
    plan = read_pipeline(
        text, source=source, library=recording, runtime=runtime, policies=sets, shared=shared
    )
    if not recording.pins:
        return plan
    note = f"{source}: there is no {LOCK_FILE}: its templates mean what is there when it is planned; bridle lock {source}"
    return replace(plan, notes=(*plan.notes, note))


def open_sets(folder: Path) -> Callable[[str], str | None]:
    """Return what finds the policy sets of pipelines that lie in `folder`."""
    return partial(_read_set, folder / "policies")


def _read_set(folder: Path, name: str) -> str | None:
    path = folder / f"{name}.rego"
    return read_text(path) if path.is_file() else None


def find_changes(
    pipeline: Path, lock: Lock, *, given: Sequence[str] = (), sets: Sequence[Path] = ()
) -> list[Change]:
    """Return what differs between the lock and the templates that a pipeline uses as they are now; raise InputError.

    `given` and `sets` are what `--input` and `--input-set` were given: a runtime input may stand before a template.
    """
    from bridle.app import open_library

    recording = RecordingLibrary(open_library(pipeline.parent))
    plan = read_pipeline(
        read_text(pipeline),
        source=str(pipeline),
        library=recording,
        runtime=split_runtime(given),
        policies=open_sets(pipeline.parent),
    )
    check_inputs(plan, given, sets=sets)
    found = sorted(recording.pins.items())
    return [Change(uses, lock.pins.get(uses), pin) for uses, pin in found if lock.pins.get(uses) != pin]


def write_lock(path: Path, lock: Lock) -> None:
    """Put the lock in its place at once: a crash leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(lock.to_text(), "utf-8")
        draft.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="name a pipeline of a folder that is yours and has room",
            reason="not-written",
        ) from error
