"""Attempts: one piece of business is tried by one at a time, whoever tries it, and what was done once is not done again.

Rules
  1. What makes a call of an external tool one piece of business is what its owner says (`once`: arguments), else what decides in
     it (`loops.find_deciding`). Tools of one `business` have the values of `once` in common, in their order. Two spellings of one
     value of its type are one value, amounts without their currency; a value that is none of its type is no piece of business,
     and nothing is done. Session, agent and case are no part of it.
  2. While one attempt is begun, or nobody can tell what became of it, no other is made. The row is written in the transaction
     that records the intent: of two that race, one begins, and the other is judged again.
  3. What failed frees it. What was done of a tool with `once` stays done; of another tool, the same call may be a new wish.
  4. Where a person lets what nobody can tell of be sent once more, it is the very call that they saw: all arguments, each in one
     spelling. Another of the same piece of business would go out under the same key, and is not made.
  5. The key that such a tool's target is given follows from the piece of business: all who try it send the same.

Counted is what lasts of external tools. Pure but for the port: `adapters.sql.attempts` keeps the rows. What the policy reads is
the fact `attempt`; what it says, `policies/base/recovery.rego`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json, digest
from bridle.core.clock import iso
from bridle.gate.loops import find_deciding
from bridle.gate.manifest import Manifest, is_external
from bridle.gate.origins.values import ValueType, normal_form, spell_plainly
from bridle.trust.journal import Guard, GuardError, Journal, Kind

OPEN = "recovery.open"
UNNAMED = "unnamed"  # a piece of business that nobody can tell from others: nothing of it begins


class AttemptState(StrEnum):
    """Where a piece of business stands; one of which nothing is known has no row."""

    BEGUN = "begun"
    UNKNOWN = "unknown"
    DONE = "done"
    AGAIN = "again"  # a person lets the very same call be sent once more


ANOTHER = "another"  # what the fact says of a call that is not the one which may be sent once more
BLOCKING = frozenset({AttemptState.BEGUN, AttemptState.UNKNOWN, AttemptState.DONE})


@dataclass(frozen=True)
class Attempt:
    """The newest attempt of one piece of business: which action of which stream it is. `once`: what was done stays done; `call`
    is the digest of all that was asked for."""

    business: str
    state: AttemptState
    tool: str
    key: str
    execution: str
    at: datetime
    once: bool
    call: str

    def blocks(self, call: str) -> bool:
        """True when a call of the same piece of business is not made while this attempt stands."""
        return self.state in BLOCKING or (self.state is AttemptState.AGAIN and self.call != call)


class AttemptTaken(GuardError):
    """Somebody else has begun the same piece of business since it was looked at."""

    default_reason = "attempt-taken"


@dataclass(frozen=True)
class BeginAttempt:
    """Guard: note that a piece of business is begun; fails with AttemptTaken while another attempt of it stands."""

    attempt: Attempt
    guards = "attempt {0.attempt.key}"


@dataclass(frozen=True)
class EndAttempt:
    """Guard: note what became of the attempt that the action of this key is: succeeded, failed or unknown."""

    key: str
    status: str
    guards = "attempt {0.key}"


@dataclass(frozen=True)
class AllowAgain:
    """Guard: let the very same call be sent once more; fails unless nobody can tell what became of that attempt."""

    key: str
    guards = "attempt {0.key}"


class Attempts(Protocol):
    """Reads attempts. Changing them is a guard of the journal."""

    async def of(self, business: str) -> Attempt | None:
        """Return the newest attempt of a piece of business."""
        ...

    async def begun(self) -> list[Attempt]:
        """Return what is begun and has no end, the oldest first."""
        ...


def name_business(manifest: Manifest | None, arguments: Mapping[str, Json]) -> str:
    """Return the digest of the piece of business that a call is; empty for a tool that is not counted."""
    if manifest is None or not manifest.external or not manifest.effect.lasts:
        return ""
    if not manifest.once:
        return digest({"tool": manifest.tool, "call": find_deciding(manifest, arguments)})
    named = {name: _form(arguments.get(name), manifest.control.get(name, "")) for name in manifest.once}
    if not all(named.values()):
        return UNNAMED
    if manifest.business:
        return digest({"business": manifest.business, "once": list(named.values())})
    return digest({"tool": manifest.tool, "once": named})


def digest_call(manifest: Manifest, arguments: Mapping[str, Json]) -> str:
    """Return the digest of all that a call asks for but its key, amounts with their currency."""
    types = manifest.control
    spelled: Json = {
        name: normal_form(value, ValueType(types[name])) or value if name in types else value
        for name, value in arguments.items()
        if name != manifest.key
    }
    return digest({"tool": manifest.tool, "call": spelled})


def begin_attempt(
    manifest: Manifest, arguments: Mapping[str, Json], *, key: str, execution: str, at: datetime
) -> list[Guard]:
    """Return the guard that lets one attempt of a piece of business begin; none for a tool that is not counted."""
    business = name_business(manifest, arguments)
    if not business:
        return []
    if business == UNNAMED:
        raise AttemptTaken("what makes it one piece of business has no value that can be told from others")
    state, once = AttemptState.BEGUN, bool(manifest.once)
    call = digest_call(manifest, arguments)
    return [BeginAttempt(Attempt(business, state, manifest.tool, key, execution, at, once, call))]


def end_attempt(tool: str, key: str, status: str) -> list[Guard]:
    """Return the guard that changes with an outcome; none for a tool that is not external."""
    return [EndAttempt(key, status)] if is_external(tool) else []


async def describe_attempt(
    manifest: Manifest | None, arguments: Mapping[str, Json], *, attempts: Attempts, journal: Journal
) -> dict[str, Json] | None:
    """Return the fact: where the same piece of business stands, or None when nothing of it is known."""
    business = name_business(manifest, arguments)
    if manifest is not None and business == UNNAMED:
        nothing = dict.fromkeys(("execution", "key", "at", "record"), "")
        return {"state": UNNAMED, "tool": manifest.tool, **nothing}
    found = await attempts.of(business) if business else None
    if found is None or manifest is None:
        return None
    again = found.state is AttemptState.AGAIN and found.blocks(digest_call(manifest, arguments))
    outcome = await journal.last(found.execution, found.key, (Kind.OUTCOME,))
    return {
        "state": ANOTHER if again else str(found.state),
        "tool": found.tool,
        "execution": found.execution,
        "key": found.key,
        "at": iso(found.at),
        "record": outcome.id if outcome else "",
    }


def _form(value: Json, kind: str) -> Json:
    """Return the one spelling of a value; None for one that is none of its type, or that is missing."""
    return (spell_plainly(value, kind).casefold() or None) if kind else value
