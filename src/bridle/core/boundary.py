"""What one step may touch, stated once and enforced twice: by the gate before an action, by the sandbox during it.

Paths are relative to the workspace, with `/`, and matched by globs: `*` stops at a slash, `**` does not, a
pattern without a wildcard also covers everything below it. `protect` wins over `write`. An empty `write` means
that nothing may be written, an empty `push` that no branch may be moved: what is not declared is not granted.
The folder `.bridle/` holds reports and output files; it is never part of a tree, a difference or a commit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from bridle.core.canonical import Json
from bridle.core.errors import InputError

SCRATCH = ".bridle"


@dataclass(frozen=True)
class Suite:
    """The command that says whether the work is good, and where it leaves its JUnit report (a glob)."""

    script: str
    report: str


@dataclass(frozen=True)
class Limits:
    """Ceilings of one command in the sandbox."""

    wall_s: int = 120
    memory_mib: int = 1024
    pids: int = 256
    output_bytes: int = 1 << 20
    disk_mib: int = 512


@dataclass(frozen=True)
class Boundary:
    """The boundary of a step. `network` is `off` (the only value the embedded sandbox grants). `services` is the path of the
    stage whose background services a command reaches by loopback, or empty: what is said of a stage leads nowhere outside."""

    write: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    push: tuple[str, ...] = ()
    network: str = "off"
    services: str = ""
    suite: Suite | None = None
    limits: Limits = field(default_factory=Limits)

    def may_write(self, path: str) -> bool:
        """True when `path` (already clean, see `clean_path`) may be changed."""
        return matches_any(path, self.write) and not matches_any(path, self.protect)

    def to_json(self) -> dict[str, Json]:
        return {
            "write": list(self.write),
            "protect": list(self.protect),
            "push": list(self.push),
            "network": self.network,
            **({"services": self.services} if self.services else {}),
            "suite": {**vars(self.suite)} if self.suite else None,
            "limits": {**vars(self.limits)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Boundary:
        """Read what `to_json` wrote; raise InputError for anything else."""
        try:
            suite, limits = data["suite"], data["limits"]
            return cls(
                write=tuple(data["write"]),  # type: ignore[arg-type]
                protect=tuple(data["protect"]),  # type: ignore[arg-type]
                push=tuple(data["push"]),  # type: ignore[arg-type]
                network=str(data["network"]),
                services=str(data.get("services", "")),
                suite=Suite(**suite) if isinstance(suite, Mapping) else None,  # type: ignore[arg-type]
                limits=Limits(**limits),  # type: ignore[arg-type]
            )
        except (KeyError, TypeError) as exc:
            raise InputError(f"not a boundary: {exc}") from exc


def clean_path(path: str) -> str:
    """Return `path` in its one spelling; raise InputError when it leaves the workspace or hides what it is.

    Refused: absolute paths, `..`, backslashes, control characters, and an empty path (the workspace itself is `.`).
    """
    if (
        not path
        or path.startswith("/")
        or "\\" in path
        or any(ord(char) < 32 or ord(char) == 127 for char in path)
    ):
        raise InputError(f"{path!r} is not a path inside the workspace", reason="outside-workspace")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InputError(f"{path!r} leaves the workspace", reason="outside-workspace")
    return "/".join(parts) or "."


def matches_any(path: str, patterns: tuple[str, ...]) -> bool:
    """True when one of the globs covers `path`."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    pieces = (_translate(piece) for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.rstrip("/")))
    below = "" if any(mark in pattern for mark in "*?") else r"(?:/.*)?"
    return re.compile("".join(pieces) + below, re.DOTALL)


def _translate(piece: str) -> str:
    wildcards = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return wildcards.get(piece) or re.escape(piece)
