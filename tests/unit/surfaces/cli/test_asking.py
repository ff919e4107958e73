"""A question on the terminal, answered, closed, or interrupted."""

import asyncio
import os
import sys

import pytest

from bridle.surfaces.cli import asking
from bridle.surfaces.cli.asking import ask


@pytest.fixture
def keyboard(monkeypatch):
    """What is written to it is typed on the terminal."""
    read, write = os.pipe()
    with os.fdopen(read) as stdin, os.fdopen(write, "w", buffering=1) as typed:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield typed


async def test_the_answer_is_one_line_in_lower_case(keyboard, capsys):
    keyboard.write(" Y \n")
    assert await ask("approve? ") == "y"
    assert capsys.readouterr() == ("", "approve? ")


async def test_a_terminal_that_is_closed_answers_nothing(keyboard):
    keyboard.close()
    assert await ask("approve? ") == ""


@pytest.mark.usefixtures("keyboard")
async def test_a_question_that_is_settled_elsewhere_ends_without_an_answer(monkeypatch, capsys):
    monkeypatch.setattr(asking, "LOOK_S", 0.001)
    looks = iter([False, False, True])

    async def settled():
        return next(looks)

    assert await ask("approve? ", settled) is None
    assert capsys.readouterr().err == "approve? \n"


async def test_an_interrupted_question_ends_at_once_and_leaves_the_next_line_to_others(keyboard):
    question = asyncio.create_task(ask("approve? "))
    await asyncio.sleep(0)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    keyboard.write("the next command\n")
    assert sys.stdin.readline() == "the next command\n"
