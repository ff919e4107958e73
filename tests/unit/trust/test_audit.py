"""The audit: a journal that was changed, cut, reordered or told wrong does not verify, whole or exported."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from bridle.core.errors import InputError
from bridle.trust.audit import AuditResult, export_lines, read_export, verify_journal
from bridle.trust.journal import JournalError, Kind, Record, unseal
from bridle.trust.log.checkpoint import CheckpointError, sign_checkpoint
from unit.trust.story import CONTROL_PLANE, ORIGIN, PUSHED, STRANGER, TESTS, Story, tell

KEY = CONTROL_PLANE.verifier


def audit(records: list[Record], *checkpoints: str) -> AuditResult:
    return verify_journal(records, checkpoints=checkpoints, control_plane=KEY)


def test_a_whole_journal_verifies_and_is_counted() -> None:
    story = tell()
    result = audit(story.records, story.checkpoint(5), story.checkpoint(10))
    assert result.to_json() == {
        "records": len(story.records),
        "root": result.root,
        "checkpoints": 2,
        "uncovered": len(story.records) - 10,
        "permits": 3,
        "reports": 3,
        "open_intents": [],
        "suspect": [],
    }


def test_an_empty_journal_verifies() -> None:
    assert audit([], Story().checkpoint()).records == 0


def test_an_action_that_was_cut_short_is_named() -> None:
    story = tell()
    assert audit(story.records[:-1]).open_intents == (PUSHED.key,)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def refuses_flips(places: list[tuple[int, int]]) -> None:
    story = tell()
    checkpoint = story.checkpoint()
    for number, place in places:
        records = list(story.records)
        records[number] = replace(records[number], data=flipped(records[number].data, place))
        with pytest.raises(JournalError):
            audit(records, checkpoint)


def all_places() -> list[tuple[int, int]]:
    return [
        (number, place) for number, record in enumerate(tell().records) for place in range(len(record.data))
    ]


def test_a_flipped_byte_is_found() -> None:
    refuses_flips(all_places()[::41])


@pytest.mark.long
def test_every_flipped_byte_is_found() -> None:
    refuses_flips(all_places())


def test_a_record_written_anew_with_its_own_hash_is_found_by_the_next() -> None:
    records = tell().records
    data = records[2].data.replace(b"It says so", b"It said so")
    records[2] = unseal(data, hashlib.sha256(data).hexdigest())
    with pytest.raises(JournalError, match="does not follow"):
        audit(records)


def test_a_last_record_written_anew_is_found_by_the_checkpoint() -> None:
    story = tell()
    checkpoint = story.checkpoint()
    story.records.pop()
    story.conclude(PUSHED, "unknown")
    with pytest.raises(CheckpointError, match="does not have the root"):
        audit(story.records, checkpoint)


def test_removed_records_are_found_by_the_checkpoint() -> None:
    story = tell()
    with pytest.raises(JournalError, match="speaks of"):
        audit(story.records[:-1], story.checkpoint())


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(1, None), slice(None, None, 2)])
def test_records_out_of_order_are_refused(order) -> None:
    with pytest.raises(JournalError):
        audit(tell().records[order])


def test_only_the_bytes_of_a_record_are_believed() -> None:
    records = tell().records
    records[3] = replace(records[3], body={}, seq=99, subject="another")
    assert audit(records).reports == 3


def test_a_checkpoint_of_a_stranger_is_refused() -> None:
    story = tell()
    with pytest.raises(CheckpointError):
        audit(story.records, sign_checkpoint(STRANGER, ORIGIN, 1, story.leaves[0]))


def test_checkpoints_of_two_logs_are_refused() -> None:
    story = tell()
    other = sign_checkpoint(CONTROL_PLANE, "example.org/other", 1, story.leaves[0])
    with pytest.raises(CheckpointError, match="expected 'example"):
        audit(story.records, story.checkpoint(1), other)


def test_a_journal_told_wrong_is_refused_though_its_chain_holds() -> None:
    story = Story()
    story.register()
    story.intend(TESTS)
    with pytest.raises(JournalError, match="not decided before"):
        audit(story.records, story.checkpoint())


def exported() -> list[str]:
    story = tell()
    return list(export_lines(story.records, [story.checkpoint(3), story.checkpoint()]))


def audit_export(text: str) -> AuditResult:
    export = read_export(text)
    return audit(list(export.records), *export.checkpoints)


def test_an_export_verifies_on_its_own() -> None:
    assert audit_export("".join(line + "\n" for line in exported())).uncovered == 0


@pytest.mark.parametrize("end", ["\v", "\f", "\x1c", "\x85", "\u2028", "\r", "\r\n"])
def test_a_line_ends_with_a_line_feed_and_with_nothing_else(end: str) -> None:
    first, second, *rest = exported()
    with pytest.raises((InputError, JournalError)):
        audit_export("\n".join([first, second + end + "\n".join(rest)]))


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_a_record_may_hold_what_is_a_line_end_elsewhere(char: str) -> None:
    story = Story()
    story.write(Kind.STEP_STARTED, "a/b", {"principal": f"user:{char}"})
    lines = export_lines(story.records, [story.checkpoint()])
    assert audit_export("\n".join(lines)).records == 1


def test_a_flipped_byte_of_an_export_is_found() -> None:
    text = "\n".join(exported()).encode()
    for place in range(0, len(text), 97):
        changed = flipped(text, place).decode("utf-8", "surrogateescape")
        with pytest.raises((InputError, JournalError, CheckpointError)):
            audit_export(changed)


@pytest.mark.parametrize("lines", ["{}", "[]", "no json", '{"format":"bridle/journal/2"}', ""])
def test_what_is_no_export_is_refused_with_its_line(lines) -> None:
    with pytest.raises(InputError) as caught:
        read_export(lines)
    assert caught.value.where == "line 1"


def test_a_line_that_is_no_record_is_refused() -> None:
    with pytest.raises(JournalError):
        read_export(exported()[0] + '\n{"seq": 0}')
