"""The lock: which version and text each `uses:` of a repository means, until somebody locks it anew.

Rules
  1. `bridle.lock` maps a `uses` as written to a version and the digest of its text. A range means the locked version, however
     many newer ones there are.
  2. A template whose text is not the locked one is refused, and so is one that the lock does not name.
  3. A chained pipeline without a version is a file of the same repository. It is locked as `pipelines/NAME`, to its text alone.
     A draft is not locked.
  4. The file is JSON with sorted keys: the same lock is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridle.core.errors import InputError
from bridle.pipeline.library import Library, Volume
from bridle.pipeline.uses import VERSION, parse_use

LOCK_FILE = "bridle.lock"
FORMAT = "bridle/lock/1"
OWN = "pipelines/"  # no `uses` has a slash, so a template of the same name is another entry


@dataclass(frozen=True)
class Pin:
    """What one `uses` is locked to: a `digest` `sha256:<hex>` over the text. A pipeline of the repository has no version."""

    version: str
    digest: str


@dataclass(frozen=True)
class Lock:
    """Every `uses` that is locked."""

    pins: Mapping[str, Pin] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the file's text; `parse_lock` gives back an equal lock."""
        listed = {
            uses: {"version": pin.version, "digest": pin.digest} for uses, pin in sorted(self.pins.items())
        }
        return json.dumps({"format": FORMAT, "templates": listed}, indent=1) + "\n"


def parse_lock(text: str, *, source: str) -> Lock:
    """Read a lock file; raise InputError for anything that this version does not write."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        pins = {uses: _read_pin(uses, entry) for uses, entry in data["templates"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise InputError(
            f"this is no lock: {error}",
            where=source,
            hint="take it back from your repository, or make it anew: bridle lock PIPELINE.yaml",
            reason="bad-lock",
        ) from error
    return Lock(pins)


def _read_pin(uses: str, entry: Mapping[str, str]) -> Pin:
    parse_use(uses.removeprefix(OWN))
    version, digest = entry["version"], entry["digest"]
    is_known = not version if uses.startswith(OWN) else VERSION.fullmatch(version)
    if set(entry) != {"version", "digest"} or not is_known:
        raise ValueError(f"{uses} is locked to no version")
    if not digest.startswith("sha256:") or len(digest) != 71:
        raise ValueError(f"{uses} is locked to no digest")
    return Pin(version, digest)


class LockedLibrary(Library):
    """Gives what the lock names, and refuses what is not so."""

    def __init__(self, inner: Library, lock: Lock) -> None:
        self._inner = inner
        self._lock = lock

    def find(self, uses: str, *, branch: str = "") -> Volume:
        if branch:
            return self._inner.find(uses, branch=branch)
        pin = self._lock.pins.get(uses)
        if pin is None:
            raise _not_locked(uses, self._inner.find(uses))
        return self._check(uses, self._inner.find(f"{parse_use(uses).name}@{pin.version}"), pin)

    def find_pipeline(self, uses: str) -> Volume:
        found = self._inner.find_pipeline(uses)
        if found.version:
            return self.find(uses)
        pin = self._lock.pins.get(f"{OWN}{uses}")
        if pin is None:
            raise _not_locked(uses, found)
        return self._check(uses, found, pin)

    def find_inputs(self, name: str) -> str:
        return self._inner.find_inputs(name)  # values, which the plan holds: nothing of it is run

    def _check(self, uses: str, found: Volume, pin: Pin) -> Volume:
        if (found.version, found.digest) != (pin.version, pin.digest):
            raise InputError(
                f"{found.source} has changed: it is {found.digest}, and {LOCK_FILE} has {pin.digest} for {uses!r}",
                reason="template-changed",
                hint="compare the two; to take the new text: bridle lock PIPELINE.yaml",
            )
        return found


def _not_locked(uses: str, found: Volume) -> InputError:
    return InputError(
        f"{LOCK_FILE} does not name {uses!r}, which would be {found.source}",
        reason="template-not-locked",
        hint="look at it, then: bridle lock PIPELINE.yaml",
    )


class RecordingLibrary(Library):
    """Notes what every `uses` came to, for a lock."""

    def __init__(self, inner: Library) -> None:
        self._inner = inner
        self.pins: dict[str, Pin] = {}

    def find(self, uses: str, *, branch: str = "") -> Volume:
        return self._note(uses, self._inner.find(uses, branch=branch))

    def find_pipeline(self, uses: str) -> Volume:
        return self._note(uses, self._inner.find_pipeline(uses))

    def find_inputs(self, name: str) -> str:
        return self._inner.find_inputs(name)

    def _note(self, uses: str, found: Volume) -> Volume:
        if not found.draft:
            self.pins[uses if found.version else f"{OWN}{uses}"] = Pin(found.version, found.digest)
        return found
