"""The faults of one agent's file: all of them are told at once, in the order of the file.

Rules
  1. A part that can't be read is left out, and the other parts are read on; nothing is built from what is left.
  2. One fault is raised as it is; several become one error that holds them all, with the place and reason of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from bridle.core.errors import InputError

_T = TypeVar("_T")


class AgentFileError(InputError):
    """The agent can't be used; `faults` holds every fault of its file."""

    default_reason = "bad-agent"

    def __init__(self, faults: list[InputError]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(first.what, where=first.where, hint=first.hint, reason=first.reason)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)

    def to_problem(self) -> dict[str, object]:
        """Return the problem document with all faults in it, in the form of a pipeline's."""
        listed = [
            {"instance": fault.where, "detail": fault.what, "reason": fault.reason, "next": fault.hint}
            for fault in self.faults
        ]
        return {**super().to_problem(), "complaints": listed}


@dataclass
class Faults:
    """What was found wrong while one file was read."""

    found: list[InputError] = field(default_factory=list)

    def attempt(self, read: Callable[[], _T], default: _T) -> _T:
        """Return what `read` returns; keep its fault and return `default` when it has one."""
        try:
            return read()
        except InputError as error:
            self.found += error.faults if isinstance(error, AgentFileError) else [error]
            return default

    def raise_if_any(self) -> None:
        """Raise what was found, when there is anything."""
        if self.found:
            self._raise()

    def _raise(self) -> NoReturn:
        listed = sorted(self.found, key=_order)
        raise listed[0] if len(listed) == 1 else AgentFileError(listed)


def _order(fault: InputError) -> tuple[int, int]:
    """Return line and column; what concerns the whole file comes last."""
    parts = fault.where.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return int(parts[1]), int(parts[2])
    return (1 << 30, 0)
