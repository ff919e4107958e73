"""Frames: how the server and its policy worker talk over a pair of pipes.

A frame is a number, a length (both 32 bits, big-endian) and that many bytes of JSON. The worker answers a question
under the question's number, so that a late answer is never taken for the next one's. Pickles are not used: what
comes from a worker is data.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from bridle.core.errors import InputError

HEADER = struct.Struct(">II")
MAX_FRAME_BYTES = 16 << 20  # a whole file edit with every character escaped stays below


def pack_frame(number: int, body: bytes) -> bytes:
    """Return the bytes of a frame; raise InputError when the body is too long to send."""
    if len(body) > MAX_FRAME_BYTES:
        raise InputError(f"{len(body)} bytes are more than the policy can be asked about ({MAX_FRAME_BYTES})")
    return HEADER.pack(number, len(body)) + body


def unpack_header(header: bytes) -> tuple[int, int]:
    """Return number and length; raise InputError for a length that no frame has."""
    number, length = HEADER.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise InputError("not a frame")
    return number, length


def read_frame(stream: BinaryIO) -> tuple[int, bytes] | None:
    """Read one frame from a buffered stream; None at its end, also when it ends within a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    number, length = unpack_header(header)
    body = stream.read(length)
    return (number, body) if len(body) == length else None
