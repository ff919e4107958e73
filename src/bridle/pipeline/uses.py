"""What `uses: name@1.2` asks for, and which of the versions there are it means.

Rules
  1. A name is words joined by dots, the publisher first: `publisher.name`. `account.` and `org.` say where a name is kept;
     one installation is one account, so they are dropped.
  2. A version that is there as written is that one. Otherwise `@1.2` is the newest of 1.2.x, `@1` the newest of 1.x; no
     version is the stable one, which is the newest where nobody says otherwise.
  3. Versions are text: `1.10` is not `1.1`. They are compared number by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridle.core.errors import InputError

VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,2}", re.ASCII)
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,127}){0,7}"
_USE = re.compile(rf"(?P<name>{_NAME})(?:@(?P<version>{VERSION.pattern}))?", re.ASCII)
_SCOPES = ("account.", "org.")


@dataclass(frozen=True)
class Use:
    """A name without its scope, and the version that was asked for: whole, begun, or empty."""

    name: str
    version: str


def parse_use(text: str) -> Use:
    """Read the value of `uses`; raise InputError when it names nothing."""
    match = _USE.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text[:80]!r} names no template",
            reason="bad-uses",
            hint="write name@1.0.0, or publisher.name@1.2",
        )
    name = match["name"]
    for scope in _SCOPES:
        name = name.removeprefix(scope)
    return Use(name, match["version"] or "")


def choose_version(wanted: str, versions: Iterable[str], *, stable: str = "") -> str:
    """Return the version that `wanted` means; empty when none fits."""
    known = list(versions)
    if not wanted and stable:
        return stable if stable in known else ""
    if wanted in known:
        return wanted
    fitting = [version for version in known if not wanted or version.startswith(f"{wanted}.")]
    return max(fitting, key=order_of, default="")


def order_of(version: str) -> tuple[int, ...]:
    """Return what versions are sorted by."""
    return tuple(int(part) for part in version.split("."))
