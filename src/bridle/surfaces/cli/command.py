"""How a command is declared: what it works on is opened for it, and what it answers is printed for whoever asked.

Rules
  1. A command takes what `opens` gives, then its own arguments. --store and --json come with it, and --policies where it acts.
  2. It returns an Answer. With --json its document is printed and nothing else; a person is told its lines. One that tells
     more than that, while it carries an execution, takes `as_json` itself and returns the exit code.
  3. A command that looks at what is there is refused where there is no store, and makes none.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_type_hints

import typer

from bridle.surfaces.cli.options import AsJson, Policies, Store, print_json, put_line, say
from bridle.surfaces.cli.overview import Overview

if TYPE_CHECKING:
    from bridle.app import App
    from bridle.app import Store as OpenStore
    from bridle.app.counter import Counter
    from bridle.core.settings import Settings

Opening: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[Any]]"
Work = TypeVar("Work", bound=Callable[..., Any])

root = typer.Typer(
    name="bridle",
    cls=Overview,
    help="A harness for autonomous agents: every action decided by policy, carried out by a delegate, proved.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@dataclass(frozen=True)
class Answer:
    """What a command has to say: `document` to a program; to a person `lines`, and `aside` on standard error."""

    document: Any
    lines: str | Iterable[str] = ()
    aside: str = ""
    code: int = 0

    def tell(self, *, as_json: bool) -> int:
        """Print it and return the exit code."""
        if as_json:
            print_json(self.document)
            return self.code
        for line in [self.lines] if isinstance(self.lines, str) else self.lines:
            put_line(line)
        if self.aside:
            say(self.aside)
        return self.code


def group(name: str, *, tells: str, within: typer.Typer = root) -> typer.Typer:
    """Return a group of commands, which `tells` explains."""
    made = typer.Typer(cls=Overview, help=tells, no_args_is_help=True)
    within.add_typer(made, name=name)
    return made


def command(
    within: typer.Typer, name: str, example: str, *, opens: Opening | None = None, policies: bool = False
) -> Callable[[Work], Work]:
    """Declare a command; `policies` says that it takes --policies too."""

    def declare(work: Work) -> Work:
        within.command(name=name, epilog=f"Example: {example}")(_Call(work, opens, policies))
        return work

    return declare


class _Call:
    """A command as typer calls it: the options that many share are added here, and taken off before the command runs.

    Its signature is made when typer asks, which it does of the one command that was called.
    """

    def __init__(self, work: Callable[..., Any], opens: Opening | None, policies: bool) -> None:
        self._work, self._opens = work, opens
        self._tells = "as_json" in inspect.signature(work).parameters
        self._shared = {
            **({"store": (Store, "")} if opens else {}),
            **({"policies": (Policies, None)} if policies else {}),
            **({} if self._tells else {"as_json": (AsJson, False)}),
        }
        self.__doc__, self.__annotations__ = work.__doc__, {}

    @cached_property
    def __signature__(self) -> inspect.Signature:
        own = list(inspect.signature(self._work).parameters.values())[1 if self._opens else 0 :]
        names = SimpleNamespace(__annotations__={one.name: one.annotation for one in own})
        hints = get_type_hints(names, self._work.__globals__, include_extras=True)
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in self._shared.items()
        ]
        return inspect.Signature([*(one.replace(annotation=hints[one.name]) for one in own), *shared])

    def __call__(self, **given: Any) -> int:
        as_json = given["as_json"] if self._tells else given.pop("as_json")
        told = asyncio.run(self._run(given)) if self._opens else self._work(**given)
        return told if isinstance(told, int) else told.tell(as_json=as_json)

    async def _run(self, given: dict[str, Any]) -> Answer | int:
        from bridle.core.settings import load_settings

        assert self._opens is not None
        settings = load_settings(store_url=given.pop("store"), policies=given.pop("policies", None) or ())
        async with self._opens(settings) as opened:
            told: Answer | int = await self._work(opened, **given)
            return told


@asynccontextmanager
async def settings_alone(settings: Settings) -> AsyncIterator[Settings]:
    """Open nothing."""
    yield settings


@asynccontextmanager
async def existing_store(settings: Settings) -> AsyncIterator[OpenStore]:
    """Open what is written down, for a command that only looks."""
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        yield opened


@asynccontextmanager
async def counter(settings: Settings) -> AsyncIterator[Counter]:
    """Open the desks that only write, in a store that is made if it is not there."""
    from bridle.app import open_counter

    async with open_counter(settings) as opened:
        yield opened


@asynccontextmanager
async def existing_counter(settings: Settings) -> AsyncIterator[Counter]:
    """Open the desks that only write."""
    from bridle.surfaces.cli.reading import check_store

    check_store(settings)
    async with counter(settings) as opened:
        yield opened


@asynccontextmanager
async def existing_app(settings: Settings) -> AsyncIterator[App]:
    """Open the system, for a command that acts."""
    from bridle.app import open_app
    from bridle.surfaces.cli.reading import check_store

    check_store(settings)
    async with open_app(settings) as opened:
        yield opened
