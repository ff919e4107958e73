"""Which filters are loaded on this machine, and that they are the ones that were shipped.

Rules:
- The filters are those of the machine's architecture; there is no other to fall back to.
- Each has to have the digest that was written when it was built. A missing, damaged or foreign one means that the
  sandbox is not available; a command never runs with fewer filters.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from bridle.delegate.sandbox.policy import SandboxUnavailable

FOLDER = Path(__file__).parent
KINDS = ("names", "rules")  # the order in which they are loaded
FILTERS = "{kind}-{machine}.bpf"
DIGESTS = "SHA256SUMS"
INSTRUCTION_BYTES = 8

_HINT = "reinstall Bridle; in a checkout run `python -m bridle.delegate.sandbox.seccomp.build`"


def load_filters(folder: Path = FOLDER, *, machine: str = "") -> tuple[bytes, ...]:
    """Return the checked filters of this machine in the order of `KINDS`; raise SandboxUnavailable otherwise."""
    machine = machine or platform.machine()
    known = _read_digests(folder)
    return tuple(_load(folder, FILTERS.format(kind=kind, machine=machine), known) for kind in KINDS)


def _read_digests(folder: Path) -> dict[str, str]:
    path = folder / DIGESTS
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise SandboxUnavailable(
            f"the digests of the seccomp filters cannot be read: {exc}", where=str(path), hint=_HINT
        ) from exc
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _load(folder: Path, name: str, known: dict[str, str]) -> bytes:
    path = folder / name
    if name not in known:
        raise SandboxUnavailable(
            "there is no seccomp filter for this architecture",
            where=str(path),
            hint="use x86_64 or aarch64",
        )
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SandboxUnavailable(
            f"a seccomp filter cannot be read: {exc}", where=str(path), hint=_HINT
        ) from exc
    if not data or len(data) % INSTRUCTION_BYTES or hashlib.sha256(data).hexdigest() != known[name]:
        raise SandboxUnavailable(
            "a seccomp filter is not the one that was shipped", where=str(path), hint=_HINT
        )
    return data
