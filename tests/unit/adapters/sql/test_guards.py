"""A guard that refuses names what it guards: its form speaks of what the guard has."""

import string
from dataclasses import fields

from bridle.adapters.sql import journal  # it imports every noun's guards
from bridle.adapters.sql.guards import refuse

GUARDS = [guard for guard in journal.apply_guard.registry if guard is not object]
NOUNS = {"id", "key", "execution"}  # what a stored thing is called by


def test_a_guard_is_named_by_what_it_has():
    for guard in GUARDS:
        types = {field.name: str(field.type) for field in fields(guard)}
        for _, part, _, _ in string.Formatter().parse(guard.guards):
            first, _, below = (part or "0.").removeprefix("0.").partition(".")
            assert not first or (below in NOUNS) == (types[first] not in ("str", "datetime")), (guard, part)


def test_a_refusal_says_what_was_guarded_and_why():
    class Guard:
        guards = "lock {0.name}"
        name = "{0.secret}"  # what was written by others is no form

    assert str(refuse(Guard(), "is there already")) == "lock {0.secret} is there already"
