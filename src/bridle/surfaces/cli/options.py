"""Options that several commands share, and how a command prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle.core.visible import make_visible

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask on the terminal; wait instead.")]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        help="Where executions and the journal are kept: sqlite:////file or postgresql://…",
        metavar="URL",
    ),
]
Policies = Annotated[
    list[Path] | None,
    typer.Option(
        "--policies",
        help="A Rego file or folder to ask beside the base set, whose denials stay; may be repeated. BRIDLE_POLICIES "
        "names those of every command.",
        metavar="PATH",
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="Leave it to a bridle serve and return; without one, it is carried here."),
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        help="An input, as NAME=VALUE, or a runtime input by its place; may be repeated.",
        metavar="NAME=VALUE",
    ),
]
InputSets = Annotated[
    list[Path] | None,
    typer.Option(
        "--input-set", help="A file of inputs; may be repeated, the later one wins.", metavar="FILE"
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="Model of all agents in this run: anthropic:…, openai:…, bedrock:…, openai:NAME@URL, recorded:FILE.",
        metavar="MODEL",
    ),
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        help="Who you are: a person of `bridle people` signs with their own key; any other name is recorded as asserted.",
        metavar="NAME",
    ),
]
Comment = Annotated[str, typer.Option(help="Why; it goes into the journal.")]
ApproveAs = Annotated[
    str,
    typer.Option(
        help="Approve what is asked, under this name. The identity is the operating system's user; the name is recorded "
        "as asserted.",
        metavar="NAME",
    ),
]


def printable(text: str) -> str:
    """Return `text` with what a terminal would obey or not show written out: escapes, overrides of direction, controls.

    Much of what is shown was written by a model or comes from files; it must not be able to repaint what a person approves.
    """
    return make_visible(text, keep="\n\t")


def print_json(document: Any) -> None:
    """Print one JSON document on standard output, in ASCII, so that no terminal obeys anything in it."""
    print(json.dumps(document, indent=1))


def put(text: str = "") -> None:
    """Print a result for a person, on standard output."""
    print(printable(text))


def put_line(text: str) -> None:
    """Print one line of a result: what others wrote in it, over several lines, does not pass for lines of ours."""
    put(text.replace("\n", "\\n"))


def say(text: str = "") -> None:
    """Print for a person, on standard error."""
    print(printable(text), file=sys.stderr)


def is_terminal(*, no_input: bool) -> bool:
    """True when a person can be asked."""
    return not no_input and sys.stdin.isatty() and sys.stderr.isatty()
