"""Every format that redaction looks for: the forms that secrets have everywhere, around those that vendors document.

Rows stand in the order in which they are tried. Forms that only a neighbour gives away (`password=…`) come last: a token that
says by itself what it is gets the mark that says so.

It does not decide what is done with a match; that is trust.redaction.
"""

from __future__ import annotations

from bridle.trust.redaction.service_formats import SERVICE_FORMATS
from bridle.trust.redaction.token_format import TokenFormat
from bridle.trust.redaction.vendor_formats import VENDOR_FORMATS

_KEY_NAME = (
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key)"
)
_VALUE = "[A-Za-z0-9+/=_~!@%^&*$-]"
_WITH_DIGIT = (
    f"{_VALUE}{{7,}}[0-9]{_VALUE}*|{_VALUE}{{4,6}}[0-9]{_VALUE}{{3,}}|{_VALUE}{{0,3}}[0-9]{_VALUE}{{7,}}"
)
"""A digit among eight and more: a name of a type or of a variable mostly has none."""
_NAMES = ("password", "passwd", "passphrase", "secret", "token", "key")
_PEM_LABEL = r"(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?"

GUESSED = frozenset(
    {
        "authorization",
        "bearer",
        "cookie",
        "url-password",
        "named",
        "env",
        "assigned",
        "plain-assigned",
        "option",
        "element",
        "mailgun",
        "launchdarkly",
        "azure-sas",
    }
)
"""Kinds that go by what stands around a value. To mask too much costs nothing; to refuse a file needs the value itself to be
unmistakable, and `password=…` stands in many a file that holds no secret."""

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
    TokenFormat(
        "authorization",
        ("authorization",),
        r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token|apikey|negotiate)\s+([^\s\"',;\[]{8,})",
        "RFC 9110 section 11.6.2 (Authorization), RFC 7617 (Basic)",
    ),
    TokenFormat("bearer", ("bearer",), r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{20,})", "RFC 6750 section 2.1"),
    TokenFormat(
        "cookie",
        ("cookie:",),
        r"(?im)^[ \t<>*]*(?:set-)?cookie:[ \t]*([^\s=;,]+=[^\r\n]{4,})",
        "RFC 6265 section 4",
    ),
    TokenFormat(
        "url-password",
        ("://",),
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>]*:([^\s/@\"'<>]+)@",
        "RFC 3986 section 3.2.1 (userinfo)",
    ),
    TokenFormat(
        "named",
        ("password", "passwd", "passphrase", "secret", "token", "key"),
        rf"(?i)[\"'][a-z0-9_.-]*{_KEY_NAME}\\{{0,4}}[\"']\s*:\s*\\{{0,4}}[\"']([^\"'\s\\]{{8,}})\\{{0,4}}[\"']",
        "RFC 8259 (a quoted key and value in a text that is not JSON as a whole)",
    ),
    TokenFormat(
        "env",
        ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"),
        r"\b[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY)=[\"']?"
        r"([A-Za-z0-9+/=_~.!@%^&*-]{8,})",
        "POSIX.1-2017 chapter 8 (environment variables)",
    ),
    TokenFormat(
        "assigned",
        _NAMES,
        rf"(?i){_KEY_NAME}[ \t]*(?::=|=>|[:=])[ \t]*[\"']([^\"'\s\\]{{8,}})[\"']",
        "YAML 1.2 section 7.3, TOML 1.0 (a name and a quoted text)",
    ),
    TokenFormat(
        "plain-assigned",
        _NAMES,
        rf"(?i){_KEY_NAME}[ \t]*[:=][ \t]*(?:{_VALUE}*[(\[{{<.]|({_WITH_DIGIT}))",  # no call, index or attribute
        "YAML 1.2 section 7.3.3 (a name and a plain text)",
    ),
    TokenFormat(
        "option",
        ("--",),
        rf"(?i)--[a-z0-9-]*{_KEY_NAME}[ \t]+[\"']?({_WITH_DIGIT})",
        "POSIX.1-2017 chapter 12, GNU long options",
    ),
    TokenFormat(
        "element",
        tuple(f"{name}>" for name in _NAMES),
        rf"(?i){_KEY_NAME}>([^<\s]{{8,}})</",
        "XML 1.0 (an element whose name says so)",
    ),
)
