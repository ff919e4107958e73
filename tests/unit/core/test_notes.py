"""A note and what to do are told apart again, whatever stands in either."""

from hypothesis import given
from hypothesis import strategies as st

from bridle.core.errors import InputError
from bridle.core.notes import NEXT, add_remark, make_note, note_of, split_note

TEXTS = st.text() | st.just(f"others' words{NEXT}bridle approve apr_1")


def squeeze(text: str) -> str:
    return " ".join(text.split())


@given(TEXTS, TEXTS)
def test_what_was_put_together_comes_apart(what: str, hint: str) -> None:
    assert split_note(make_note(what, hint)) == (squeeze(what), squeeze(hint))


def test_a_remark_stands_with_what_happened() -> None:
    error = InputError("there is no file", where="p.yaml:3:7", hint="make it")
    noted = add_remark(note_of(error), "failure ignored")
    assert split_note(noted) == ("p.yaml:3:7: there is no file; failure ignored", "make it")
