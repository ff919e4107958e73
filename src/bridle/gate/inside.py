"""Effects inside Bridle: what an action changes in the store itself, in one transaction with the decision about it.

Rules
  1. Decision, permit, the change's own records and the outcome are appended together, with every guard. There is no moment in
     between in which a crash could leave half of it, so nothing of it is ever recovered.
  2. The control plane is its own delegate here: the permit is for it, and it signs the report. An audit believes such a report
     for these tools alone (trust.trail).
  3. What cannot be done is a fact before it is decided (`change.refused`), and a boundary in code denies it: no policy, no
     approval and no override makes a case take a contradiction.
  4. A guard that finds the case elsewhere than the decision saw it denies, and the denial is recorded.
  5. Whatever is done for a case stands on its revision: the guard `CaseStands` is in the transaction of each intent, so that a
     case which moves between decision and intent takes the permission with it.

What a change is, `operating.cases` says; the port is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json
from bridle.gate.action import Action
from bridle.gate.standing import Standing
from bridle.trust.journal import Entry, Guard, GuardError


@dataclass(frozen=True)
class Change:
    """What an action changes: its records, the guards that make the change, and the result that whoever acts is told."""

    entries: Sequence[Entry]
    guards: Sequence[Guard]
    value: Mapping[str, Json]


@dataclass(frozen=True)
class CaseStands:
    """Guard: fails with CaseMoved unless the case still has this revision."""

    case: str
    revision: int
    guards = "case {0.case}"


class CaseMoved(GuardError):
    """The case is not as it was when this was decided: it moved on, or was changed, meanwhile."""

    default_reason = "case-moved"


class Inside(Protocol):
    """Tells what an action finds and would change inside Bridle."""

    async def describe_case(self, case: str, tool: str, effect: str, purpose: str) -> dict[str, Json] | None:
        """Return the fact `case` for a call of a tool in it; None when nothing can be said of it."""
        ...

    async def describe_change(self, action: Action, standing: Standing) -> dict[str, Json] | None:
        """Return the fact `change` of an action of an inside tool: what it would do, and everything that forbids it."""
        ...

    async def prepare(self, action: Action, standing: Standing) -> Change:
        """Return what an allowed action changes; raise CaseMoved when it is forbidden by now."""
        ...


def case_of(action: Action) -> str:
    """Return the case that an action is for: its own, or the one that an inside tool names; empty for none."""
    named = action.request.arguments.get("case") if action.request.tool.startswith("case.") else None
    return named if isinstance(named, str) else action.case


def stand_on(fact: Json) -> list[Guard]:
    """Return the guard that holds an action to the case as it was decided upon."""
    if not isinstance(fact, Mapping):
        return []
    revision = fact["revision"]
    assert isinstance(revision, int)
    return [CaseStands(str(fact["id"]), revision)]
