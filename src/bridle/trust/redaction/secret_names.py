"""Which names of keys say that a secret stands under them, and which values stand under such a name without being one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from bridle.core.canonical import Json
from bridle.trust.redaction.token_format import TokenFormat

_WORDS = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
]
OF = "db|database|user|admin|root|smtp|mail|ftp|ssh|redis|mysql|pg|postgres|mongo|ldap|proxy|http|login"
"""Whose `pass` is a password: alone it is a word of tests."""
_SECRET_NAME = re.compile(
    rf"(?:{'|'.join(_WORDS)}|credentials|(?:{OF})pass|(?:api|private|secret|access|signing|encryption|master)key)$"
)
_NOT_SECRET_NAMES = {"nexttoken", "pagetoken", "nextpagetoken", "continuationtoken"}
_KEY = re.compile(r'"([^"\\]*)"\s*:')
_SAID = re.compile(r'"(?:name|key)"\s*:\s*"([^"\\]*)"', re.IGNORECASE)
_SAYS = ("name", "key", "Name", "Key")
_NOT_SECRET_VALUE = re.compile(
    r"[a-z]{3}_[0-9a-z]{26}|sha256:[0-9a-f]{64}"
    r"|<<secret:[A-Za-z0-9_.-]{1,256}>>|\[secret-output:[0-9a-f]{16}:[A-Za-z0-9_.-]{1,200}\]"  # what stands for one
)


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """True for `password`, `apiKey`, `DB_TOKEN`; not for `max_tokens` or `next_token`."""
    plain = re.sub("[^a-z]", "", name.lower())
    return plain not in _NOT_SECRET_NAMES and _SECRET_NAME.search(plain) is not None


def has_secret_key(text: str) -> bool:
    """True when JSON without escapes may have a key that names a secret, or a pair that does."""
    return any(map(names_secret, _KEY.findall(text))) or any(map(names_secret, _SAID.findall(text)))


def pairs_secret(value: Mapping[str, Json]) -> bool:
    """True for `{"name": "DB_PASSWORD", "value": …}`, as environments, headers and tags are written."""
    if "value" not in value and "Value" not in value:
        return False
    return any(isinstance(said := value.get(name), str) and names_secret(said) for name in _SAYS)


def is_no_secret(value: str) -> bool:
    """True for what is empty, an id or a digest, or stands for a secret itself."""
    return not value or _NOT_SECRET_VALUE.fullmatch(value) is not None


def leaves(value: Json) -> list[str]:
    """Return every text and number at any depth of `value`, keys left out: a secret is none of true, false and null."""
    found, ahead = [], [value]
    while ahead:
        item = ahead.pop()
        if isinstance(item, Mapping):
            ahead += item.values()
        elif isinstance(item, (list, tuple)):
            ahead += item
        elif item is not None and not isinstance(item, bool):
            found.append(str(item))
    return found


NAMES = tuple(
    TokenFormat("name", ("",), f"(?i){'[^a-z]*'.join(word)}", "") for word in (*_WORDS, "pass", "key")
)
"""What occurs where a name may name a secret, whatever stands between its letters; rows for a Prefilter."""
