"""A driver's error, in words that a person can act on."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import exc
from sqlalchemy.engine import make_url

from bridle.adapters.sql.database import _own_words
from bridle.core.errors import UnavailableError


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        ("database or disk is full", "free some space"),
        ("disk I/O error", "whether the disk is full"),
        ("unable to open database file", "can be reached"),
    ],
)
def test_a_store_that_fails_says_what_to_look_at(cause: str, hint: str) -> None:
    failed = exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(cause))
    with pytest.raises(UnavailableError) as caught, _own_words(make_url("sqlite:////data/bridle.db")):
        raise failed
    assert hint in caught.value.hint
