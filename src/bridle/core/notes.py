"""Notes: what became of a step, and beneath it, where something can be done about that, what to do next.

Rules
  1. What became of it is one line: others' words in it get no line of their own, which could pass for the next step.
  2. What to do stands beneath, as an error tells it. Whoever shows a note, or adds to one, takes the two apart.
"""

from __future__ import annotations

from bridle.core.errors import BridleError

NEXT = "\n  next: "


def note_of(error: BridleError) -> str:
    """Return the note that tells an error."""
    return make_note(tell_error(error), error.hint)


def tell_error(error: BridleError) -> str:
    """Return where something is wrong, and what."""
    return f"{error.where}: {error.what}" if error.where else error.what


def make_note(what: str, hint: str = "") -> str:
    """Return the note that says `what`, and to do what `hint` says."""
    return _one_line(what) + (f"{NEXT}{_one_line(hint)}" if hint else "")


def split_note(note: str) -> tuple[str, str]:
    """Return what a note says, and what it says to do, each on one line; nothing is to be done where the latter is empty."""
    what, _, hint = note.partition(NEXT)
    return _one_line(what), _one_line(hint)


def add_remark(note: str, remark: str) -> str:
    """Return a note that says `remark` as well."""
    what, hint = split_note(note)
    return make_note("; ".join(text for text in (what, remark) if text), hint)


def _one_line(text: str) -> str:
    return " ".join(text.split())
