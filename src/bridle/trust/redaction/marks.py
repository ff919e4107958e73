"""The marks that stand where something was taken out: how they are made, known again, counted and put into a text."""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Sequence

from bridle.trust.redaction.personal_data import PERSONAL_FORMATS
from bridle.trust.redaction.token_formats import TOKEN_FORMATS

SECRET, PERSONAL = "secret", "personal"

_SECRET_KINDS = ("known", "key", *(row.kind for row in TOKEN_FORMATS))
_PERSONAL_KINDS = tuple(dict.fromkeys(row.kind for row in PERSONAL_FORMATS))
_DROPPED = re.compile(r"\[redaction failed: [0-9]+ bytes dropped\]")
_ESCAPED = re.compile(r"\\.")


def _form(kinds: Sequence[str]) -> re.Pattern[str]:
    secret, personal = "|".join(map(re.escape, kinds)), "|".join(_PERSONAL_KINDS)
    return re.compile(rf"\[(?:{SECRET}:({secret})|{PERSONAL}:({personal})):[0-9a-f]{{4}}\]")


MARK = _form(_SECRET_KINDS)


class Marks:
    """The marks of one redactor. `key` keys their digits; `kinds` are those of the user's rules."""

    def __init__(self, key: bytes, *, kinds: Sequence[str] = ()) -> None:
        self._hmac = hmac.new(key, digestmod="sha256")
        self._kinds = (*_SECRET_KINDS, *kinds)
        self._form = _form(self._kinds) if kinds else MARK

    def mark(self, kind: str, value: str, what: str = SECRET) -> str:
        """Return what stands for `value`: equal values have equal marks."""
        keyed = self._hmac.copy()
        keyed.update(value.encode("utf-8", "replace"))
        return f"[{what}:{kind}:{keyed.hexdigest()[:4]}]"

    def is_mark(self, text: str) -> bool:
        """True when `text` is a mark and nothing else."""
        return self._form.fullmatch(text) is not None

    def is_word_of(self, text: str) -> bool:
        """True when `text` is a part of what every mark of a kind holds."""
        secret = any(text in f"[{SECRET}:{kind}:" for kind in self._kinds)
        return secret or any(text in f"[{PERSONAL}:{kind}:" for kind in _PERSONAL_KINDS)

    def count(self, text: str) -> Counter[str]:
        """Return how many marks of each kind a text holds, `dropped` among them."""
        found: Counter[str] = Counter(secret or personal for secret, personal in self._form.findall(text))
        if drops := len(_DROPPED.findall(text)):
            found["dropped"] = drops
        return found


def dropped(size_bytes: int) -> str:
    """Return what stands for a text that could not be redacted."""
    return f"[redaction failed: {size_bytes} bytes dropped]"


def replace(text: str, found: Sequence[tuple[int, int, str]]) -> str:
    """Put each mark in the place of its span; the spans are in order and do not overlap."""
    pieces, place = list[str](), 0
    for start, end, mark in found:
        pieces += (text[place:start], mark)
        place = end
    return "".join([*pieces, text[place:]]) if pieces else text


def replace_in_text(text: str, found: Sequence[tuple[int, int, str]]) -> str:
    """As `replace`; a number of JSON becomes a string of it, so what was JSON still is."""
    return replace(
        text,
        [
            (start, end, f'"{mark}"' if _is_number_of_json(text, start, end) else mark)
            for start, end, mark in found
        ],
    )


def _is_number_of_json(text: str, start: int, end: int) -> bool:
    """True for digits between a colon or comma and a comma or bracket, outside a string, in a line or text of JSON."""
    if not text[start:end].isdigit():
        return False
    first = text.rfind("\n", 0, start) + 1
    before, after = _ESCAPED.sub("", text[first:start]).rstrip(), text[end : end + 64].lstrip()
    is_json = text.lstrip().startswith(("{", "[")) or before.startswith(("{", "["))
    ends = before[-1:] in tuple(":,[") and after[:1] in ("", *",}]")
    return is_json and ends and before.count('"') % 2 == 0
