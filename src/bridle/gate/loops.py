"""Loops: the same change made to the same target again and again, with another state in between.

Rules
  1. Counted is what is consequential or destructive and succeeded, or may have. What failed changed nothing: to try it again is
     no loop.
  2. A target is what the tool's manifest names (`target`). Two targets have nothing to do with each other.
  3. What a change does is told by two digests: of its content, and of its content without what varies by nature (core.likeness).
     A push does what its commit changes; message, parent and id are not part of it. The higher count of the two holds, so that
     neither a changing time hides a repetition, nor two versions that differ by a digest pass for one.
  4. A change that follows itself is the same time: nothing else was there in between. Every night another version is no loop.
     But the very same content that moved the target once more is another time: somebody else had taken it back meanwhile.
  5. `times` is which time this one would be. From the limit on the policy asks a person; what they approve is the first time of
     a new count. Only what happened within the window counts, in whatever execution and by whomever.
  6. What is asked for is the same wish again (`repeated`) when the same was done to the target within the window, or ever in the
     same session; nothing that was done to it in between, and no approval of something else, makes it another. Where money moves,
     what the tool requires of what decides (`find_deciding`) tells: another note beside an amount makes no second wish of one.
  7. What undoes (a tool's compensation) is the state in between. It is counted, and `undoes` lets the policy not hold it up: of
     the two states, what was there before is the one to wait in.

Pure but for the port: adapters.sql.deeds keeps the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.clock import iso
from bridle.core.likeness import mask_json
from bridle.gate.action import Action
from bridle.gate.manifest import Manifest, builtin_manifests
from bridle.gate.origins.values import NAMING, ValueType, in_one_spelling
from bridle.trust.journal import Guard, Record

LONGEST_SESSION = timedelta(days=7)
SHOWN = 20  # of a target's history in the facts: what a person reads before they say yes


@dataclass(frozen=True)
class LoopLimits:
    """From which time on, within which time, the same change is a loop.

    Three: rolled out, undone, rolled out again is what a repaired cause looks like; once more is a pattern. A day, because a
    nightly job is the slowest thing that repeats itself unattended.
    """

    times: int = 3
    within: timedelta = timedelta(days=1)


LIMITS = LoopLimits()


@dataclass(frozen=True)
class Change:
    """What an action makes of its target, as digests: the place, the content, and the content without what varies."""

    target: str
    exact: str
    alike: str


@dataclass(frozen=True)
class Deed:
    """A change that was made, or may have been. With `anew` the count begins with it: a person approved it as a repetition.

    `moved`: its outcome says that the target was in another state before (`updated`).
    """

    change: Change
    key: str
    execution: str
    tool: str
    at: datetime
    anew: bool = False
    moved: bool = False


@dataclass(frozen=True)
class RecordDeed:
    """Guard: add a deed to its target's history; fails when the action of that key is there already."""

    deed: Deed
    guards = "deed {0.deed.key}"


@dataclass(frozen=True)
class ForgetDeeds:
    """Guard: forget what was done to targets before a time. Its records stay; it counts for no loop any more."""

    before: datetime
    guards = "deeds before {0.before}"


class Deeds(Protocol):
    """Reads what was done to targets. Adding to it is a guard of the journal."""

    async def of(self, target: str, *, since: datetime) -> list[Deed]:
        """Return what was done to a target, in order."""
        ...


def is_counted(manifest: Manifest | None) -> bool:
    """True for a tool whose deeds are remembered: one that changes what lies outside."""
    return manifest is not None and manifest.effect.lasts


def name_target(manifest: Manifest, arguments: Mapping[str, Json], made: Mapping[str, Json] | None) -> str:
    """Return the digest of the place that the action changes; empty when that is not known."""
    known: dict[str, Json] = {**(made or {}), **arguments}
    target: dict[str, Json] = {name: known.get(name) for name in manifest.target}
    if (
        manifest.external
    ):  # an owner need not say what names a place: what the call names then does, else the whole call
        target = {name: value for name, value in target.items() if value} or {"call": digest(arguments)}
    if not target or not all(target.values()):
        return ""
    return digest({"family": manifest.tool.partition(".")[0], "target": target})


def find_deciding(manifest: Manifest, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Return the arguments that make a call of an external tool one wish, each in one spelling: all but its key or, where an
    amount is among those that decide, those that decide and that it requires."""
    spelled = in_one_spelling(arguments, manifest.control)
    given = {name: value for name, value in spelled.items() if name != manifest.key}
    deciding = {name: value for name, value in given.items() if name in manifest.control}
    if not any(manifest.control[name] == ValueType.AMOUNT for name in deciding):
        return given
    required = manifest.arguments.get("required")
    wanted = set(required if isinstance(required, (list, tuple)) else ())
    firm = {name: value for name, value in deciding.items() if name in wanted}
    return firm if any(manifest.control[name] in NAMING for name in firm) else deciding


def describe_change(
    manifest: Manifest, arguments: Mapping[str, Json], made: Mapping[str, Json] | None
) -> Change | None:
    """Return what the action makes of its target; None when that is not known.

    `made` is the provenance of the commit that it moves, if it moves one.
    """
    if manifest.external:
        arguments = find_deciding(manifest, arguments)
    target = name_target(manifest, arguments, made)
    if not target:
        return None
    unlike = (*manifest.target, manifest.key)  # the key is another each time
    content: Json = {name: value for name, value in arguments.items() if name not in unlike}
    alike = mask_json(content)
    if made is not None:
        change = made.get("change")
        if not isinstance(change, Mapping) or not change.get("exact") or not change.get("alike"):
            return None
        content, alike = change["exact"], change["alike"]
    return Change(
        target=target,
        exact=digest({"tool": manifest.tool, "content": content}),
        alike=digest({"tool": manifest.tool, "content": alike}),
    )


def count_times(history: Sequence[Deed], change: Change) -> int:
    """Return which time this would be that the change is made: 1 is the first."""
    counted = _since_approved(history)
    exact = [(deed.change.exact, deed.moved) for deed in counted]
    alike = [(deed.change.alike, False) for deed in counted]
    return max(_rounds(exact, change.exact), _rounds(alike, change.alike))


def describe_loop(
    manifest: Manifest,
    change: Change,
    history: Sequence[Deed],
    limits: LoopLimits,
    *,
    execution: str,
    now: datetime,
) -> dict[str, Json]:
    """Return the fact that the policy decides on and a person reads; `history` goes back to before `execution` began."""
    recent = [deed for deed in history if deed.at >= now - limits.within]
    counted = _since_approved(recent)
    return {
        "target": change.target,
        "exact": change.exact,
        "alike": change.alike,
        "times": count_times(recent, change),
        "repeated": any(
            _is_same(deed, change) and (deed in recent or deed.execution == execution) for deed in history
        ),
        "limit": limits.times,
        "within_s": int(limits.within.total_seconds()),
        "undoes": manifest.tool in _undoing(),
        "before": [_describe(deed, change) for deed in counted[-SHOWN:]],
    }


def is_loop(loop: Json) -> bool:
    """True when the fact says that the limit is reached."""
    return isinstance(loop, Mapping) and int(str(loop["times"])) >= int(str(loop["limit"]))


def foresee_deed(facts: Mapping[str, Json], action: Action, *, at: datetime) -> list[Deed]:
    """Return what an action that is planned will have done to its target; nothing when what it changes is not known."""
    change = _change_of(facts)
    return [Deed(change, action.key, action.execution, action.request.tool, at)] if change else []


def record_deed(decided: Record, *, tool: str, value: Json, at: datetime) -> list[Guard]:
    """Return the guard that adds what was decided to its target's history; none when what it changes was not known.

    `value` is what its outcome says.
    """
    facts = as_mapping(decided.body["facts"])
    change = _change_of(facts)
    if change is None:
        return []  # nothing of it can be recognised either; the policy has asked a person
    moved = isinstance(value, Mapping) and value.get("updated") is True
    anew = is_loop(facts["loop"])
    return [RecordDeed(Deed(change, decided.subject, decided.execution, tool, at, anew, moved))]


def _change_of(facts: Mapping[str, Json]) -> Change | None:
    loop = facts.get("loop")
    if not isinstance(loop, Mapping):
        return None
    return Change(str(loop["target"]), str(loop["exact"]), str(loop["alike"]))


def _since_approved(history: Sequence[Deed]) -> Sequence[Deed]:
    begins = max((index for index, deed in enumerate(history) if deed.anew), default=0)
    return history[begins:]


def _rounds(past: Sequence[tuple[str, bool]], wanted: str) -> int:
    """Count the times that `wanted` came to be, this one included, which moves its target if the last one of it did."""
    moves = next((moved for name, moved in reversed(past) if name == wanted), False)
    times = [("", False), *past, (wanted, moves)]
    return sum(
        name == wanted and (before != wanted or moved) for (before, _), (name, moved) in pairwise(times)
    )


def _describe(deed: Deed, change: Change) -> dict[str, Json]:
    about = {"tool": deed.tool, "execution": deed.execution, "key": deed.key}
    return {"at": iso(deed.at), **about, "same": _is_same(deed, change)}


def _is_same(deed: Deed, change: Change) -> bool:
    return deed.change.exact == change.exact or deed.change.alike == change.alike


def _undoing() -> frozenset[str]:
    undone = (manifest.compensation for manifest in builtin_manifests().values())
    return frozenset(undo.tool for undo in undone if undo is not None)
