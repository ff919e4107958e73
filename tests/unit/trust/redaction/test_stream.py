"""Streams: wherever they are cut, by whoever sends them or by us, the text is the same and nothing straddles a cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.trust.redaction import Redactor
from bridle.trust.redaction.stream import RedactedLines, RedactedText
from bridle.trust.redaction.token_formats import TOKEN_FORMATS
from support.examples import examples
from support.token_examples import make_examples

KNOWN = "correct horse 'battery' staple äß"
TOKEN = make_examples(next(row.pattern for row in TOKEN_FORMATS if row.kind == "github"))[0][1]
LABEL = "PRIVATE KEY"
PEM = f"-----BEGIN {LABEL}-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEF\n" * 3 + f"-----END {LABEL}-----\n"
SMALL = 64
TEXT = (
    f"plain é first line\nthe token {TOKEN} stands here\n{PEM}"
    f'{{"password": "x", "n": 1}}\nwrapped {KNOWN[:9]}\n   {KNOWN[9:]} end\nmail ana@example.org\n'
)


def redactor(**options) -> Redactor:
    return Redactor({"it": KNOWN}, key=b"k" * 32, personal=True, **options)


def stream(pieces, segment_chars: int = 1 << 16) -> str:
    subject = RedactedText(redactor(), segment_chars=segment_chars)
    return "".join(map(subject.feed, pieces)) + subject.close()


def is_clean(text: str) -> bool:
    secrets = (TOKEN, KNOWN[9:], "MIIEvQIBADANBgkqhkiG9w0BAQEF", '"x"', "ana@example.org")
    return not any(secret in text for secret in secrets)


@pytest.mark.parametrize("segment_chars", [SMALL, 1 << 16])
def test_split_at_every_byte_the_text_is_the_same(segment_chars) -> None:
    data = TEXT.encode()
    whole = stream([data], segment_chars)
    assert is_clean(whole)
    assert {stream([data[:at], data[at:]], segment_chars) for at in range(len(data))} == {whole}
    assert stream([data[at : at + 1] for at in range(len(data))], segment_chars) == whole


@given(before=st.integers(0, 3 * SMALL), sizes=st.lists(st.integers(1, 200), max_size=12))
@settings(max_examples=examples(25))
def test_wherever_our_own_cut_falls_nothing_straddles_it(before, sizes) -> None:
    data = ("x " * before + TEXT + "y" * before + "\n" + TEXT).encode()
    pieces, place = [], 0
    for size in sizes:
        pieces.append(data[place : place + size])
        place += size
    assert is_clean(stream([*pieces, data[place:]], SMALL))
    assert stream([*pieces, data[place:]], SMALL) == stream([data], SMALL)


def test_a_short_text_is_redacted_as_by_one_call() -> None:
    assert stream([TEXT.encode()]) == redactor().redact(TEXT)


def test_a_key_that_does_not_end_is_dropped_to_its_last_line() -> None:
    text = f"-----BEGIN {LABEL}-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEF\n" * 40 + "!! the end\n"
    redacted = stream([text.encode()], SMALL)
    assert "MIIEv" not in redacted
    assert redacted.endswith("!! the end\n")


def test_a_line_without_end_is_cut_and_a_token_in_it_is_not() -> None:
    redacted = stream([("z" * 250 + " " + TOKEN + " " + "z" * 300).encode()], SMALL)
    assert (TOKEN in redacted, redacted.count("[secret:github:"), redacted.count("z")) == (False, 1, 550)


def test_the_counts_are_those_of_new_marks_by_kind() -> None:
    subject = RedactedText(redactor())
    subject.feed(b"[secret:known:0a1b] and " + TEXT.encode())
    subject.close()
    assert subject.counts == {"github": 1, "private-key": 1, "key": 1, "known": 1, "mail": 1}


def test_invalid_bytes_are_replaced_however_they_come() -> None:
    data = b"a\xff\xe2\x82 b\xf0\x9f\x98\x80\n"
    assert {stream([data[:at], data[at:]]) for at in range(len(data))} == {data.decode("utf-8", "replace")}


def test_lines_of_json_are_redacted_one_by_one_and_keep_their_spelling() -> None:
    lines = [b'{"b": 1.50, "a": []}', json.dumps({"token": "abc", "by": "ana@example.org"}).encode(), b""]
    subject = RedactedLines(redactor())
    out = "".join(subject.feed(bytes([byte])) for byte in b"\n".join(lines)) + subject.close()
    first, second = out.splitlines()
    assert first == '{"b": 1.50, "a": []}'
    assert subject.counts == {"key": 1, "mail": 1}
    assert set(json.loads(second)) == {"token", "by"}


def test_a_line_that_is_no_json_is_dropped_and_its_size_stands_for_it() -> None:
    subject = RedactedLines(redactor())
    out = subject.feed(PEM.encode()) + subject.close()
    assert {json.loads(line)["why"] for line in out.splitlines()} == {"not JSON"}
    assert subject.counts == {"dropped": len(PEM.splitlines())}


def test_a_line_longer_than_the_limit_is_dropped(monkeypatch) -> None:
    monkeypatch.setattr("bridle.trust.redaction.stream.MAX_JSON_LINE_CHARS", 100)
    subject = RedactedLines(redactor())
    out = "".join(subject.feed(b'"' + b"a" * 90) for _ in range(4)) + subject.feed(b'"\n{}\n')
    assert [json.loads(line) for line in out.splitlines()] == [
        {"redaction": "failed", "why": "too long", "bytes": 365},
        {},
    ]


def test_a_name_that_stands_twice_in_a_line_of_json_does_not_hide_its_first_value() -> None:
    subject = RedactedLines(redactor())
    assert "hunter2" not in subject.feed(b'{"password":"hunter2","password":""}\n')


def test_lines_looked_at_together_come_out_as_each_alone() -> None:
    kinds = ('{"n": 4111111111111111}', '{"to": "ana@example.org"}', '{"a": 1.50}', "no json 203.0.113.9")
    lines = [kinds[number % 4] for number in range(40)] + ['{"token": {"v": [1]}}', '"\\u0061na@example.org"']
    together = RedactedLines(redactor()).feed("".join(f"{line}\n" for line in lines).encode())
    assert together == "".join(RedactedLines(redactor()).feed(f"{line}\n".encode()) for line in lines)
    assert "ana@" not in together
    assert "\\u0061na" not in together
