"""A reader of classic BPF, so that a filter for another architecture can be asked without running it there."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Verdict = Callable[..., int]


def interpret(program: bytes, data: bytes) -> int:
    """Return what the kernel would return for `program` on one `struct seccomp_data`."""
    instructions = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        code, if_true, if_false, k = instructions[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                at += k
            case 0x06:
                return k
            case 0x15 | 0x25 | 0x35 | 0x45:
                at += if_true if _holds(code, accumulator, k) else if_false
            case _:
                raise AssertionError(f"an instruction that this reader does not know: {code:#x}")


def _holds(code: int, accumulator: int, k: int) -> bool:
    return {
        0x15: accumulator == k,
        0x25: accumulator > k,
        0x35: accumulator >= k,
        0x45: bool(accumulator & k),
    }[code]


@pytest.fixture
def ask() -> Verdict:
    """Ask a filter about one call: `ask(program, machine, number, *arguments)`."""

    def _ask(program: bytes, machine: str, number: int, *arguments: int, audit: int = 0) -> int:
        padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
        return interpret(program, struct.pack("<iIQ6Q", number, audit or AUDIT[machine], 0, *padded))

    return _ask
