"""The dialect's words for states."""

from __future__ import annotations

import pytest

from bridle.core.states import State
from bridle.pipeline.statuses import STATUS_WORDS, translate_status


@pytest.mark.parametrize("word", list(STATUS_WORDS))
def test_every_word_is_one_of_our_states(word: str) -> None:
    assert State(translate_status(word)) is STATUS_WORDS[word][0]


@pytest.mark.parametrize("state", list(State))
def test_our_own_words_stay(state: State) -> None:
    assert translate_status(state.value) == state.value


def test_other_text_comes_back_unchanged() -> None:
    assert translate_status("Great") == "Great"
