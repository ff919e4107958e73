"""Finds the action that somebody means, and reads the records that explain it.

What may be given: an action's key or its beginning, an execution, session or case with a path (`exe_…/ship/push`), the id of an
approval or of any record about an action, the digest of an action or its beginning, a commit. Of several actions that fit, those
come first that were carried out and change something outside; where more than one is left, they are named and nobody guesses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.operating.explaining.found import BACKGROUND, Found
from bridle.trust.journal import Journal, Kind, Record

MOST_NAMED = 10
_STREAM = re.compile(r"(?:exe|ses|cas)_[0-9A-Za-z]+")
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{7,64})")  # no shorter than git has a commit
_ACTION = (Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)


class Archive(Journal, Protocol):
    """A journal that can be searched, and whose checkpoints and leaves can be had."""

    async def mentioning(self, text: str, kinds: Sequence[Kind]) -> list[Record]:
        """Return the records of these kinds whose bytes hold a text."""
        ...

    async def checkpoints(self) -> list[str]: ...

    async def leaves(self, size: int) -> list[bytes]: ...


@dataclass(frozen=True)
class _Candidate:
    execution: str
    key: str
    tool: str
    consequential: bool
    carried_out: bool


async def find_action(archive: Archive, sought: str) -> Found:
    """Return the records of the one action that is meant; raise InputError when there is none, or more than one."""
    decided = await _find_decided(archive, sought)
    candidates = await _candidates(archive, decided)
    chosen = _choose(candidates, sought)
    return await gather(archive, chosen.execution, chosen.key)


async def gather(archive: Archive, execution: str, key: str) -> Found:
    """Read what explains an action whose key is known."""
    stream = await archive.read(execution=execution)
    return Found(
        key=key,
        stream=stream,
        above=await _read_above(archive, stream),
        registry=await archive.read(kinds=BACKGROUND),
        texts=await archive.read(kinds=(Kind.TEXT_KEPT,)),
    )


async def _find_decided(archive: Archive, sought: str) -> list[Record]:
    if sought.startswith("rec_"):
        return await _decided_of(archive, await archive.get(sought))
    if sought.startswith("apr_"):
        asked = await archive.read(subject=sought, kinds=(Kind.APPROVAL_REQUESTED,))
        return await _decided_of(archive, asked[-1]) if asked else []
    stream = _STREAM.match(sought)
    if stream is not None:
        decided = await archive.read(execution=stream[0], kinds=(Kind.DECIDED,))
        exact = [record for record in decided if record.subject == sought]
        return exact or [record for record in decided if record.subject.startswith(sought)]
    hexadecimal = _HEX.fullmatch(sought)
    if hexadecimal is None:
        return []
    by_digest = await archive.mentioning(f'"action":"sha256:{hexadecimal[1]}', (Kind.DECIDED,))
    return by_digest or await _by_commit(archive, hexadecimal[1])


async def _decided_of(archive: Archive, record: Record) -> list[Record]:
    """Return the decisions about the action that a record is about: by its key, or by its digest."""
    decided = await archive.read(execution=record.execution, kinds=(Kind.DECIDED,))
    if record.kind in _ACTION:
        return [one for one in decided if one.subject == record.subject]
    action = record.body.get("action")
    return [one for one in decided if action is not None and one.body["action"] == action]


async def _by_commit(archive: Archive, commit: str) -> list[Record]:
    """Return the decisions about what made or moved a commit."""
    told = await archive.mentioning(f'"commit":"{commit}', (Kind.OUTCOME, Kind.DECIDED))
    decided: list[Record] = []
    for record in told:
        request = record.body.get("request")
        about = request["arguments"] if isinstance(request, dict) else record.body.get("value")
        if isinstance(about, dict) and str(about.get("commit", "")).startswith(commit):
            decided += await _decided_of(archive, record)
    return decided


async def _candidates(archive: Archive, decided: Sequence[Record]) -> list[_Candidate]:
    newest = {(record.execution, record.subject): record for record in decided}
    found = []
    for (execution, key), record in newest.items():
        outcome = await archive.last(execution, key, (Kind.OUTCOME,))
        found.append(
            _Candidate(
                execution=execution,
                key=key,
                tool=str(_get(record.body, "request", "tool")),
                consequential=_get(record.body, "facts", "action", "effect") == "consequential",
                carried_out=outcome is not None,
            )
        )
    return found


def _choose(candidates: Sequence[_Candidate], sought: str) -> _Candidate:
    if not candidates:
        raise InputError(
            f"the journal knows no action {sought!r}",
            hint="give an action's key, an execution with a path (exe_…/ship/push), an approval, a record, a digest or a commit",
            reason="no-action",
        )
    weighty = [one for one in candidates if one.consequential and one.carried_out]
    done = [one for one in candidates if one.carried_out]
    for group in (candidates, weighty, done):
        if len(group) == 1:
            return group[0]
    left = weighty or done or list(candidates)
    named = [f"{one.key} ({one.tool})" for one in left[:MOST_NAMED]]
    more = [f"{len(left) - MOST_NAMED} more"] if len(left) > MOST_NAMED else []
    raise InputError(
        f"{len(left)} actions fit {sought!r}: {', '.join([*named, *more])}",
        hint="give the key of one of them",
        reason="several-actions",
    )


async def _read_above(archive: Archive, stream: Sequence[Record]) -> list[list[Record]]:
    """Read the executions that a stream belongs to or repeats, the nearest first."""
    above: list[list[Record]] = []
    seen = {record.execution for record in stream[:1]}
    while stream:
        started = next((record for record in stream if record.kind is Kind.EXECUTION_STARTED), None)
        options = started.body.get("options") if started else None
        name = (
            str(options.get("parent") or options.get("rerun_of") or "") if isinstance(options, dict) else ""
        )
        if not name or name in seen:
            return above
        seen.add(name)
        stream = await archive.read(execution=name)
        above.append(stream)
    return above


def _get(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
