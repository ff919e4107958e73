"""What a commit's message may be made of: a person reads it on a terminal and approves it."""

from __future__ import annotations

import pytest

from bridle.gate.manifest import find_manifest

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
REORDERING = [chr(code) for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]


def complaint(message: str) -> str:
    return find_manifest("git.commit").complaint({"branch": "bridle/fix", "message": message})


@pytest.mark.parametrize("character", CONTROLS + REORDERING, ids=lambda character: f"U+{ord(character):04X}")
def test_a_message_that_could_mislead_its_reader_is_refused(character: str) -> None:
    for message in (f"Fix{character} it", f"{character}Fix", f"Fix{character}", f"Fix\n\nbody{character}\n"):
        assert complaint(message).startswith("message: ")


@pytest.mark.parametrize(
    "message", ["Fix", "Fix it\n\n\t- one\n\t- two\n", "Größe 大きさ גודל 👩\u200d💻", "a\u00a0b"]
)
def test_honest_text_of_any_script_is_taken(message: str) -> None:
    assert complaint(message) == ""


def test_the_complaint_does_not_repeat_the_character_it_is_about() -> None:
    assert not set(complaint("Fix\x1b[2J\u202e")) & {"\x1b", "\u202e"}
