"""Outputs of a command: the env file it may write, read as what it is, a file from an untrusted program.

Rules
  1. `.bridle/output` holds `KEY=value` lines; the last one of a key wins. Its path is exported as BRIDLE_OUTPUT,
     HARNESS_OUTPUT and DRONE_OUTPUT. Lines of another form are no outputs; they are counted, and their names told (what
     stands before the `=`), never where the file may hold a secret: the rest of one of several lines looks like a name.
  2. `.bridle/secret-output` (HARNESS_OUTPUT_SECRET_FILE) has the same form. It is removed before anything else is done
     with it, and its values are masked from then on; one that cannot be masked is an error. So it is with an output of the
     first file that the step declares as masked: then that file is removed as well.
  3. A value above 64 KB is an error, never cut: "write a workspace file instead". What the command printed is told with it where
     every secret that it wrote is known, and so can be masked: not when a file that holds secrets is the one too large.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridle.core.boundary import SCRATCH
from bridle.core.errors import ExecutionError
from bridle.core.visible import make_visible
from bridle.delegate.output import printable
from bridle.delegate.paths import read_file
from bridle.delegate.placing import remove, scratch, write_file

if TYPE_CHECKING:
    from bridle.delegate.sandbox.policy import SandboxResult
    from bridle.trust.redaction import Redactor

MAX_VALUE_BYTES = 64 << 10
MAX_FILE_BYTES = 1 << 20
MAX_NAMES_TOLD = 5
MAX_NAME_TOLD = 40

_PLAIN, _SECRET = "output", "secret-output"
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,199})=(.*)")

EXPORTED: Mapping[str, str] = {
    "BRIDLE_OUTPUT": f"/workspace/{SCRATCH}/{_PLAIN}",
    "HARNESS_OUTPUT": f"/workspace/{SCRATCH}/{_PLAIN}",
    "DRONE_OUTPUT": f"/workspace/{SCRATCH}/{_PLAIN}",
    "HARNESS_OUTPUT_SECRET_FILE": f"/workspace/{SCRATCH}/{_SECRET}",
    "HARNESS_WORKSPACE": "/workspace",
}


class OutputTooLarge(ExecutionError):
    """An open output is too large; all secret ones are masked by now. `printed` is what the command came to."""

    default_reason = "output-too-large"
    printed: SandboxResult | None = None


def prepare_outputs(root_fd: int) -> None:
    """Put empty output files in place of whatever is there."""
    for name in (_PLAIN, _SECRET):
        _remove(root_fd, name)
        write_file(root_fd, f"{SCRATCH}/{name}", b"")


@dataclass(frozen=True)
class Unread:
    """Lines of the output files that are no `KEY=value`, and the first of their names that may be told."""

    lines: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outputs:
    """What a command wrote: `plain` for everybody, `secret` for delegate.secret_outputs alone, `unread` was of another form."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    unread: Unread = field(default_factory=lambda: Unread())


def collect_outputs(root_fd: int, redactor: Redactor, *, masked: Collection[str] = ()) -> Outputs:
    """Return the outputs; the redactor knows the secret ones before anybody else does. `masked` are secret in either file."""
    secret, odd = _take(root_fd, _SECRET, redactor)
    if not masked:
        try:
            pairs, open_odd = _pairs(root_fd, _PLAIN)
        except ExecutionError as exc:
            if exc.reason == OutputTooLarge.default_reason:
                raise OutputTooLarge(exc.what) from exc
            raise
        return Outputs(pairs, secret, Unread(len(odd) + len(open_odd), _names(open_odd)))
    plain, hidden_odd = _take(root_fd, _PLAIN, redactor, only=masked)
    unread = Unread(len(odd) + len(hidden_odd))
    shown = {name: value for name, value in plain.items() if name not in masked}
    hidden = {name: value for name, value in plain.items() if name in masked and value}
    return Outputs(shown, {**hidden, **secret}, unread)


def _names(lines: list[str]) -> tuple[str, ...]:
    """Return what stands before the `=` in these lines. Where nothing follows it is not told: so end the lines of a key."""
    pairs = [line.partition("=") for line in lines]
    names = dict.fromkeys(name.strip() for name, _, value in pairs if value.strip("= \r"))
    return tuple(make_visible(name)[:MAX_NAME_TOLD] for name in list(names)[:MAX_NAMES_TOLD])


def _take(
    root_fd: int, name: str, redactor: Redactor, *, only: Collection[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """Read a file that holds secrets (all of its values, or those named), remove it, and have them masked."""
    try:
        found, odd = _pairs(root_fd, name)
    finally:
        _remove(root_fd, name)
    pairs = {key: value for key, value in found.items() if value or only}
    for key, value in pairs.items():
        if value and (not only or key in only):
            redactor.add(f"output:{key}", value)
    return pairs, odd


def _pairs(root_fd: int, name: str) -> tuple[dict[str, str], list[str]]:
    """Return the outputs of a file, and its lines that are none."""
    try:
        data, _ = read_file(root_fd, f"{SCRATCH}/{name}", limit_bytes=MAX_FILE_BYTES)
    except ExecutionError as exc:
        if exc.reason == "not-found":
            return {}, []  # the command removed it: it has no outputs
        if exc.reason == "limit-file-size":
            raise _too_large("the output file", MAX_FILE_BYTES) from exc
        raise
    lines = [line for line in printable(data).split("\n") if line.strip()]
    read = [(line, _LINE.fullmatch(line)) for line in lines]
    pairs = {match[1]: match[2].rstrip("\r") for _, match in read if match}
    for key, value in pairs.items():
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise _too_large(f"the output {key}", MAX_VALUE_BYTES)
    return dict(sorted(pairs.items())), [line for line, match in read if not match]


def _too_large(what: str, limit_bytes: int) -> ExecutionError:
    return ExecutionError(
        f"{what} has more than {limit_bytes} bytes; write a workspace file instead", reason="output-too-large"
    )


def _remove(root_fd: int, name: str) -> None:
    with scratch(root_fd) as fd:
        try:
            remove(fd, name)
        except FileNotFoundError:
            return
