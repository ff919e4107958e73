"""Texts kept by their digest: what a decision of then names by digest can be read long after it was replaced.

Rules
  1. A text is a JSON value, in the journal once for each digest that it was found missing under; retention leaves it there.
  2. The record's subject is the digest of its content, and the audit computes it again (`check_text`).

Kept are policies, whole (`adapters.rego.bound`). They are recorded as they are: what they say is no secret of anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridle.core.canonical import Json, digest
from bridle.core.errors import TrustError
from bridle.trust.journal import Entry, Journal, Kind, Record

POLICY = "policy"


async def keep_texts(journal: Journal, what: str, contents: Sequence[Json]) -> None:
    """Record those of `contents` whose digests the journal does not know yet."""
    for content in contents:
        name = digest(content)
        if await journal.last("", name, (Kind.TEXT_KEPT,)) is None:
            await journal.append([Entry(Kind.TEXT_KEPT, "", name, {"what": what, "content": content})])


def check_text(record: Record) -> None:
    """Raise TrustError unless the content is the one that the record is named after."""
    if digest(record.body.get("content")) != record.subject:
        raise TrustError("the text that was kept is not the one of its digest", reason="other-text")
