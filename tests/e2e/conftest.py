"""Bridle from the command line. What is only looked at is shared: one finished demo for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.commands import Bridle, Done
from support.forks import Forks
from support.room import opened_room


@dataclass(frozen=True)
class Demo:
    """A demo that has ended, and what it printed. Tests only read here."""

    bridle: Bridle
    done: Done

    @property
    def summary(self) -> Any:
        return self.done.json

    @property
    def execution(self) -> str:
        return str(self.summary["execution"])

    @property
    def commit(self) -> str:
        """The commit that the agent made."""
        return str(self.step("repair", "repair/fix")["output"]["commit"])

    def step(self, stage: str, path: str) -> Any:
        return next(step for step in self.summary["stages"][stage] if step["path"] == path)


@pytest.fixture
def bridle(forks: Forks) -> Iterator[Bridle]:
    """Bridle in an empty room whose origin is the sample as released."""
    with opened_room() as room:
        room.make_origin()
        yield Bridle(forks, room)


@pytest.fixture(scope="session")
def demo(forks: Forks) -> Iterator[Demo]:
    with opened_room() as room:
        bridle = Bridle(forks, room)
        yield Demo(bridle, bridle("demo", "--approve-as", "ana", "--json"))
