"""Writings: what was written into systems of record, over all sessions and executions, without a trusted origin and without a
person's yes. When a record gives it back, it is that text still, and no record's word.

Rules
  1. What a call may have written is noted in its intent's transaction, as digests: each value as a system may spell it
     (`values.traces`), what free text holds that counts as an argument, and each word of a short text.
  2. Not noted is what a trusted origin vouched for, and any call that a person approved: they have seen each value.
  3. An amount, id, name or date counts for the records of the server that it was written to; an address, account or url, which
     other systems copy, for those of any. A register vouches all the same: its owner says that no agent writes it.
  4. A call that writes more values than anybody can keep apart is not done without a person.

What a session wrote itself, or another one of its case, counts for it besides (`judging`, `recall`), approved or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.gate.manifest import Manifest
from bridle.gate.origins.judging import MOST_VALUES, judge
from bridle.gate.origins.mentions import MOST_EMBEDDED, find_embedded, fold
from bridle.gate.origins.sources import Source, SourceKind, leaves
from bridle.gate.origins.values import ValueType, normal_form, traces
from bridle.gate.origins.vouching import Background

SHORT_TEXT = 200  # characters; the words of a longer one are no values of a record
MOST_PARTS = 10_000
PIECE, OVERLAP = 10_000, 1_000  # of a text that is looked through; no value is longer than the overlap
COPIED = frozenset({ValueType.ADDRESS, ValueType.ACCOUNT, ValueType.URL})


class TooMuchWritten(TrustError):
    """A call writes more values than anybody can keep apart."""

    default_reason = "origins.too-many"


@dataclass(frozen=True)
class NoteWriting:
    """Guard: note what a call may write to a server."""

    server: str
    stream: str
    values: frozenset[str]
    guards = "what {0.stream} writes to {0.server}"


class Writings(Protocol):
    """Reads what was noted. Noting is a guard of the journal."""

    async def find(self, values: Sequence[str], *, beside: str) -> set[tuple[str, str]]:
        """Return which of these digests were written by others than the stream `beside`, each with the server."""
        ...


def find_writing(arguments: Mapping[str, Json], manifest: Manifest, background: Background) -> frozenset[str]:
    """Return the digests of what a call may write that nobody vouches for; raise TooMuchWritten when that cannot be told."""
    free = replace(manifest, control={})
    judged = [*judge(arguments, manifest, background), *judge(arguments, free, background)]
    vouched = {
        trace for one in judged if one.vouched for kind in ValueType for trace in traces(one.form, kind)
    }
    parts = set(islice(_parts(arguments, manifest), MOST_PARTS))
    if len(parts) > MOST_VALUES:
        raise _too_much()
    forms = {trace for part in parts for kind in ValueType for trace in traces(normal_form(part, kind), kind)}
    return frozenset(map(digest_of, forms - vouched))


async def leave_out_written(background: Background, writings: Writings, *, beside: str) -> Background:
    """Return the background without what records give of values that others have written."""
    asked = {
        one: list(map(digest_of, traces(one.value, one.type)))
        for one in background.sources
        if _is_record(one)
    }
    if not asked:
        return background
    found = await writings.find(
        sorted({value for values in asked.values() for value in values}), beside=beside
    )
    anywhere = {value for _, value in found}

    def is_written(source: Source) -> bool:
        far = source.type in COPIED
        return any(
            value in anywhere if far else (server_of(source.where), value) in found
            for value in asked.get(source, ())
        )

    kept = tuple(one for one in background.sources if not is_written(one))
    return replace(background, sources=kept) if len(kept) < len(background.sources) else background


def server_of(tool: str) -> str:
    """Return the server that a tool is of: `shop` for `mcp.shop.pay`."""
    return tool.split(".")[1]


def digest_of(trace: str) -> str:
    return hashlib.sha256(trace.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _is_record(source: Source) -> bool:
    return source.kind is SourceKind.RECORD


def _parts(arguments: Mapping[str, Json], manifest: Manifest) -> Iterator[Json]:
    for path, leaf in leaves(arguments):
        if path == manifest.key:
            continue
        yield leaf
        if isinstance(leaf, str):
            yield from _embedded(leaf)
            for shown in {leaf, fold(leaf)} if len(leaf) <= SHORT_TEXT else ():
                yield shown
                yield from _words(shown)


def _embedded(text: str) -> Iterator[str]:
    """Yield what counts as an argument in a text, which is looked through in pieces that overlap."""
    for start in range(0, max(len(text) - OVERLAP, 1), PIECE - OVERLAP):
        for found in find_embedded(text[start : start + PIECE]):
            if not found.types and len(found.text) > OVERLAP:
                raise _too_much()
            yield found.text


def _words(text: str) -> Iterator[str]:
    return (word.strip(".,;:!?()<>[]\"'") for word in text.split())


def _too_much() -> TooMuchWritten:
    what = f"it writes more than {MOST_VALUES} values, or more than {MOST_EMBEDDED} addresses or links in one text"
    return TooMuchWritten(what, hint="split it, or have a person approve it")
