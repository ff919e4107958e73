"""Every format that redaction looks for: the forms that secrets have everywhere, around those that vendors document.

Rows stand in the order in which they are tried. Forms that only a neighbour gives away (`password=…`) come last: a token that
says by itself what it is gets the mark that says so.

It does not decide what is done with a match; that is trust.redaction.
"""

from __future__ import annotations

from bridle.trust.redaction.guessed_formats import GUESSED_FORMATS
from bridle.trust.redaction.service_formats import SERVICE_FORMATS
from bridle.trust.redaction.token_format import Matches, TokenFormat, has_edge
from bridle.trust.redaction.vendor_formats import VENDOR_FORMATS

_PEM_LABEL = r"(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?"

GUESSED = frozenset(row.kind for row in GUESSED_FORMATS) | {"mailgun", "launchdarkly", "azure-sas"}
"""Kinds that go by what stands around a value."""

TOKEN_FORMATS: tuple[TokenFormat, ...] = (
    TokenFormat(
        "private-key",
        ("PRIVATE KEY",),
        # To the END line where there is one; else (cut off, or only named) as far as key material can reach.
        rf"(-----BEGIN {_PEM_LABEL}-----(?:(?s:.*?)-----END {_PEM_LABEL}-----|[A-Za-z0-9+/=\s\\:,-]*))",
        "RFC 7468 (PEM), RFC 4880 section 6.2 (OpenPGP armor), OpenSSH PROTOCOL.key",
    ),
    TokenFormat(
        "bridle",
        ("brt_", "brk_"),
        r"(br[tk]_[A-Za-z0-9_-]{40,})",
        "bridle.trust.tokens, bridle.trust.credentials",
    ),
    *VENDOR_FORMATS,
    *SERVICE_FORMATS,
    TokenFormat(
        "jwt",
        ("eyJ",),
        r"\b(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4})",
        "RFC 7519 (JWT), RFC 7515 and RFC 7516 compact serialisation",
    ),
    *GUESSED_FORMATS,
)

_SHARING = [
    index for index, row in enumerate(TOKEN_FORMATS) if row in GUESSED_FORMATS and not has_edge(row.pattern)
]
"""Rows with the same words for literals: where one may occur most may."""
_MATCHES = Matches([TOKEN_FORMATS[index] for index in _SHARING])


def sift(text: str, rows: list[int]) -> list[int]:
    """Return `rows` (places in TOKEN_FORMATS; others stay) without those that one more look tells not to match."""
    doubtful = set(rows).intersection(_SHARING)
    if len(doubtful) < 2:
        return rows
    doubtful -= {_SHARING[index] for index in _MATCHES.find(text)}
    return [index for index in rows if index not in doubtful]
