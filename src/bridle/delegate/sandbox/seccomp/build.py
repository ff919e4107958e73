"""Compiles the table into the four shipped filters: `python -m bridle.delegate.sandbox.seccomp.build`.

Rules:
- A name that the installed libseccomp does not know stops the build; leaving it out would weaken a filter unseen.
- One architecture per filter; a foreign one is compiled on any host.
- A call that an architecture does not have (`chmod` on aarch64) yields no instruction, which is right.
- The digests are written beside the filters in the format of `sha256sum`.

It needs pyseccomp and libseccomp, which Bridle itself does not need to run.
"""

from __future__ import annotations

import errno
import hashlib
import tempfile
from pathlib import Path

import pyseccomp as seccomp  # type: ignore[import-untyped]

from bridle.delegate.sandbox.seccomp.filters import DIGESTS, FILTERS, FOLDER, KINDS
from bridle.delegate.sandbox.seccomp.table import ALLOWED, CONDITIONS, LOW_HALF, REFUSED, Test

ARCHITECTURES = {"x86_64": seccomp.Arch.X86_64, "aarch64": seccomp.Arch.AARCH64}
_WHOLE = (LOW_HALF << 32) | LOW_HALF


def compile_filter(kind: str, machine: str) -> bytes:
    """Return the program of one filter (`names` or `rules`) for one machine, as the kernel takes it."""
    make = {"names": _make_names, "rules": _make_rules}[kind]
    program = make(ARCHITECTURES[machine])
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()


def write_filters(folder: Path = FOLDER) -> None:
    """Write every filter and their digests below `folder`."""
    lines = []
    for machine in sorted(ARCHITECTURES):
        for kind in KINDS:
            name, data = FILTERS.format(kind=kind, machine=machine), compile_filter(kind, machine)
            (folder / name).write_bytes(data)
            lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    (folder / DIGESTS).write_text("".join(lines), encoding="ascii")


def _make_names(architecture: int) -> seccomp.SyscallFilter:
    program = _start(seccomp.ERRNO(errno.ENOSYS), architecture)
    for names in ALLOWED.values():
        for name in names.split():
            program.add_rule(seccomp.ALLOW, name)
    return program


def _make_rules(architecture: int) -> seccomp.SyscallFilter:
    program = _start(seccomp.ALLOW, architecture)
    for refusal in REFUSED:
        for name in refusal.names.split():
            program.add_rule(seccomp.ERRNO(refusal.error), name)
    for condition in CONDITIONS:
        for name in condition.names.split():
            program.add_rule(seccomp.ERRNO(condition.error), name, *map(_argument, condition.tests))
    return program


def _start(default: int, architecture: int) -> seccomp.SyscallFilter:
    program = seccomp.SyscallFilter(defaction=default)
    if not program.exist_arch(architecture):
        program.add_arch(architecture)
        program.remove_arch(seccomp.Arch.NATIVE)
    program.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
    return program


def _argument(test: Test) -> seccomp.Arg:
    if test.mask == 0:
        return seccomp.Arg(test.argument, seccomp.GT, test.value)
    return seccomp.Arg(test.argument, seccomp.MASKED_EQ, test.mask & _WHOLE, test.value)


if __name__ == "__main__":
    write_filters()
