"""The lists of `--help`: every command once, in a line that says something whole."""

import pytest
import typer

from bridle.surfaces.cli.main import register
from bridle.surfaces.cli.overview import SECTIONS, begin

LIMIT = 80 - 6


def list_commands(command, words=()):
    for name, child in getattr(command, "commands", {}).items():
        yield " ".join((*words, name)), child.help, LIMIT - max(map(len, command.commands))
        yield from list_commands(child, (*words, name))


ROOT = typer.main.get_group(register())


def test_every_command_stands_under_one_heading():
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(ROOT.commands)


@pytest.mark.parametrize(
    ("text", "limit", "told"),
    [
        ("Stop it. At once.", 40, "Stop it. At once"),
        ("Write what is known: all of it, in order.", 30, "Write what is known"),
        ("Cases: what is durable, and what is not.", 30, "Cases: what is durable"),
        ("Write what fits.\n\nAnd more.", 60, "Write what fits"),
    ],
)
def test_a_line_ends_where_a_clause_does(text, limit, told):
    assert begin(text, limit) == told


def test_no_command_is_told_of_in_half_a_clause():
    told = {name: (begin(text, limit), " ".join(text.split())) for name, text, limit in list_commands(ROOT)}
    assert {
        name: line
        for name, (line, text) in told.items()
        if text[len(line) : len(line) + 1] not in tuple(".,:;")
    } == {}
