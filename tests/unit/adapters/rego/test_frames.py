"""Frames: what was packed is what is read, and half a frame is none."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.adapters.rego.frames import HEADER, MAX_FRAME_BYTES, pack_frame, read_frame, unpack_header
from bridle.core.errors import InputError


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=200))
def test_a_frame_is_read_as_it_was_packed(number: int, body: bytes) -> None:
    assert read_frame(io.BytesIO(pack_frame(number, body))) == (number, body)


def test_half_a_frame_is_none() -> None:
    frame = pack_frame(1, b"document")
    assert [cut for cut in range(len(frame)) if read_frame(io.BytesIO(frame[:cut])) is not None] == []


def test_a_body_that_is_too_long_is_not_packed() -> None:
    with pytest.raises(InputError, match="more than the policy can be asked about"):
        pack_frame(1, bytes(MAX_FRAME_BYTES + 1))


def test_a_length_that_no_frame_has_is_refused_before_it_is_read() -> None:
    with pytest.raises(InputError):
        unpack_header(HEADER.pack(1, MAX_FRAME_BYTES + 1))
