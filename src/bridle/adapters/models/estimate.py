"""How tokens are estimated where no provider counted them.

tokens = bytes of the canonical JSON, divided by four, rounded up; the input is the whole request (messages, tools and
settings), the output is text and calls. English and code come to three to five bytes per token with the tokenizers
of today, so this is right within a factor of about one and a half. It is always labelled as estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json, canonical
from bridle.core.conversation import ToolCall, Usage, normal_form

BYTES_PER_TOKEN = 4


def estimate_usage(payload: Mapping[str, Json], *, text: str, calls: Sequence[ToolCall]) -> Usage:
    """Return the estimate for one turn."""
    said: Json = {"text": text, "calls": [call.to_json() for call in calls]}
    return Usage(_tokens(normal_form(payload)), _tokens(said), estimated=True)


def _tokens(value: Json) -> int:
    return -(-len(canonical(value)) // BYTES_PER_TOKEN)
