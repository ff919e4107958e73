"""Help: quick, for every command, with an example."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from bridle.surfaces.cli.main import register, run

LIMIT_S = 1.0  # generous, for a machine that is busy with other tests; bench/ has the figure


def list_commands() -> list[str]:
    """Return every command with the words that lead to it."""
    return sorted(_walk(typer.main.get_command(register()), ()))


def _walk(command: object, words: tuple[str, ...]) -> list[str]:
    inside = getattr(command, "commands", None)
    if inside is None:
        return [" ".join(words)]
    return [found for name, child in inside.items() for found in _walk(child, (*words, name))]


def test_the_help_of_every_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in list_commands():
        with pytest.raises(SystemExit) as ended:
            run([*command.split(), "--help"])
        said = capsys.readouterr().out
        assert (ended.value.code, f"Example: bridle {command}" in " ".join(said.split())) == (0, True), said


def test_help_is_quick() -> None:
    program = Path(sys.executable).with_name("bridle")
    assert any(_time(program) < LIMIT_S for _ in range(5))


def _time(program: Path) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.monotonic()
    subprocess.run([str(program), "--help"], env=environment, capture_output=True, check=True)
    return time.monotonic() - begin
