"""What the tests of policies came to: which rules held, and which lines they made the engine look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RuleResult:
    """One test: its rule, its place and, when it failed, why."""

    rule: str
    where: str
    why: str = ""


@dataclass(frozen=True)
class Reached:
    """The lines of one file that hold something to evaluate, split by whether a test made the engine do so."""

    file: str
    reached: tuple[int, ...]
    missed: tuple[int, ...]

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means all of them; 0 for a file that no test made the engine look at."""
        count = len(self.reached) + len(self.missed)
        return 100 * len(self.reached) // count if count else 0


@dataclass(frozen=True)
class SuiteReport:
    """What the tests of one suite came to."""

    path: Path
    results: tuple[RuleResult, ...]
    coverage: tuple[Reached, ...]
