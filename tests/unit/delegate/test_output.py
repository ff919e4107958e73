from __future__ import annotations

import pytest

from bridle.delegate.output import TAIL_BYTES, last_of, normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("/workspace/src/a.py:3", "src/a.py:3"),
        ("in /workspace", "in ."),
        ("<x at 0x7f33a0b1c2d3>", "<x at 0x…>"),
        ("Ran 278 tests in 0.058s", "Ran 278 tests in …s"),
        ("took 12.5 ms", "took …s"),
        ("2010-01-01T00:00:00Z P1.5Y 0x1f", "2010-01-01T00:00:00Z P1.5Y 0x1f"),
    ],
)
def test_what_differs_between_machines_goes_and_the_rest_stays(text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_the_end_is_kept_and_the_cut_is_said() -> None:
    text, cut = last_of(b"a" * TAIL_BYTES + b"end")
    assert text.endswith("end")
    assert (len(text), cut) == (TAIL_BYTES, True)


def test_a_short_stream_is_not_cut() -> None:
    assert last_of("grün\n".encode()) == ("grün\n", False)


def test_a_duration_before_the_cut_does_not_move_it() -> None:
    rest = b"x" * (TAIL_BYTES - 20)
    assert last_of(b"y" * 100 + b" 0.1s " + rest)[0] == last_of(b"y" * 100 + b" 0.12345s " + rest)[0]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert last_of(b"a\xff\0b") == ("a\ufffd\ufffdb", False)
