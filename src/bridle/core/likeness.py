"""What two texts have in common when what varies by nature is taken out of them: ids, times, digests.

Somebody who does the same again seldom does it with the same bytes: the execution has another id, the build another time, the
run another digest. Here every such part becomes a mark of its kind. A version, a name, a count stays: those are what one change
differs from another by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridle.core.canonical import Json

_DATE = r"\d{4}-[01]\d-[0-3]\d"
_LASTED = r"(?<=\bin )\d+(?:\.\d+)?\s?(?:ms|s|seconds)\b"
_CLOCK = r"[0-2]\d[:.-]?[0-5]\d(?:[:.-]?[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-][01]\d:?[0-5]\d)?"
# In this order: a UUID holds digits that would pass for a digest, a time of day belongs to the date before it.
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[a-z]{3}_[0-9a-z]{26}\b"), "<id>"),  # core.ids
    (re.compile(r"\b(?=[0-9A-Z]*\d)[0-9A-HJKMNP-TV-Z]{26}\b"), "<id>"),  # a ULID
    (re.compile(_LASTED), "<time>"),  # what test runners and builds end with
    (re.compile(rf"(?<!\d){_DATE}(?:[T _-]{_CLOCK})?(?![\d])"), "<time>"),
    (re.compile(r"(?<!\d)20\d\d[01]\d[0-3]\d[T_-]?[0-2]\d[0-5]\d(?:[0-5]\d)?Z?(?!\d)"), "<time>"),
    (
        re.compile(r"(?<![\d.])1\d{9}(?:\d{3}|\d{6}|\d{9})?(?![\d.])"),
        "<time>",
    ),  # seconds since 1970, or parts
    (
        re.compile(r"\b(?:sha(?:1|256|384|512):)?(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,128}\b"),
        "<digest>",
    ),
)


def mask_text(text: str) -> str:
    """Return `text` with ids, times and digests replaced by `<id>`, `<time>` and `<digest>`."""
    for pattern, mark in _VARYING:
        text = pattern.sub(mark, text)
    return text


def mask_json(value: Json) -> Json:
    """Return `value` with every text in it masked, and integers that are times; names stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        masked = mask_text(str(value))
        return value if masked == str(value) else masked
    if isinstance(value, Mapping):
        return {name: mask_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_json(item) for item in value]
    return value
