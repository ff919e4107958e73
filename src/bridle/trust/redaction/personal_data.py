"""Finding personal data that has a form of its own: addresses, cards, accounts, numbers of persons. Data, and checks beside it.

Rules
  1. A pattern finds what could be one; its check decides: lengths, prefixes, check digits. What fails the check stays.
  2. Nothing counts inside a longer word, number or hexadecimal: digests, ids, versions and times survive.
  3. A number without check digit or separators of its own counts only beside a word that says what it is.
  4. `git@host:` is no person, nor are loopback and unspecified addresses.

Names of people and postal addresses have no form; nothing here finds them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import re2  # type: ignore[import-untyped]

from bridle.trust.redaction.identity_numbers import IDENTITY_NUMBERS
from bridle.trust.redaction.number_checks import IBAN, is_iban, is_luhn
from bridle.trust.redaction.token_format import CANARY, RedactionError, compile_pattern, spans

# Lengths by the first digits, ISO/IEC 7812 and the networks' own ranges.
_CARDS: tuple[tuple[str, range | tuple[int, ...]], ...] = (
    ("4", (13, 16, 19)),
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    ("3[47]", (15,)),
    (r"6011|64[4-9]|65", range(16, 20)),
    (r"30[0-5]|309|36|38|39", range(14, 20)),
    (r"35(?:2[89]|[3-8])", range(16, 20)),
    ("62|81", range(16, 20)),
    (r"220[0-4]", range(16, 20)),
    (r"5018|5020|5038|5893|6304|6759|676[1-3]", range(12, 20)),
)
# ITU-T E.164, assigned country codes.
_COUNTRY_CODE = re.compile(
    r"1[2-9]|7|2(?:0|7|1[1-368]|[2-6]\d|9[01789])|3(?:[0-469]|[578]\d)|4(?:[013-9]|2\d)|5(?:[1-8]|0\d|9\d)"
    r"|6(?:[0-6]|[789]\d)|8(?:[1246]|0\d|5\d|7\d|8\d)|9(?:[0-58]|6\d|7\d|9\d)"
)
_GROUP, _QUAD = "[0-9A-Fa-f]{1,4}", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_DATE = re.compile(r"\+\d{4}-\d{2}-\d{2}")


class PersonalFormat(NamedTuple):
    """One kind of personal data; `pattern` has one group, the data; `check` takes what the group holds."""

    kind: str
    pattern: str
    check: Callable[[str], bool]
    document: str


def find_personal(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, kind) of every piece of personal data, sorted, none overlapping another."""
    found: list[tuple[int, int, str]] = []
    for index in candidates(text):
        found += _find(PERSONAL_FORMATS[index], text)
    kept: list[tuple[int, int, str]] = []
    for span in sorted(found, key=lambda item: (item[0], -item[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def candidates(text: str) -> list[int]:
    """Return the indices of the formats whose pattern occurs in `text`, unchecked."""
    found = _prefilter().Match(text + CANARY) or ()
    if len(PERSONAL_FORMATS) not in found:
        raise RedactionError("the search for personal data gave no answer")
    return sorted(index for index in found if index < len(PERSONAL_FORMATS))


def _find(row: PersonalFormat, text: str) -> Iterator[tuple[int, int, str]]:
    for start, end in spans(compile_pattern(row.pattern), text):
        is_address_of_git = text.startswith(("git@", "git%40"), start) and text[end : end + 1] == ":"
        if not _inside(text, start, end) and not is_address_of_git and row.check(text[start:end]):
            yield start, end, row.kind


def _inside(text: str, start: int, end: int) -> bool:
    """True when it is a part of something longer."""
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    if before and (before.isalnum() or before in "_#" or (before in "-." and text[start].isdigit())):
        return True
    return bool(after) and (after.isalnum() or after in "_@" or _goes_on(text, end))


def _goes_on(text: str, end: int) -> bool:
    return text[end] in "-." and text[end + 1 : end + 2].isdigit()


def _is_card(text: str) -> bool:
    digits = re.sub("[ -]", "", text)
    known = any(re.match(prefix, digits) and len(digits) in lengths for prefix, lengths in _CARDS)
    return known and is_luhn(digits)


def _is_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    if _DATE.match(text) or not 8 <= len(digits) <= 15:
        return False
    code = _COUNTRY_CODE.match(digits)
    return code is not None and (digits[0] != "1" or len(digits) == 11)


def _is_named_phone(text: str) -> bool:
    return 6 <= len(re.sub(r"\D", "", text)) <= 15


def _is_ipv4(text: str) -> bool:
    return _is_address(text, 4)


def _is_ipv6(text: str) -> bool:
    return any(char.isdigit() for char in text) and _is_address(text, 6)


def _is_address(text: str, version: int) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == version and not (address.is_loopback or address.is_unspecified)


def _is_mail(text: str) -> bool:
    local, _, domain = text.replace("%40", "@").rpartition("@")
    return len(local) <= 64 and len(domain) <= 253 and not local.startswith(".") and ".." not in text


PERSONAL_FORMATS: tuple[PersonalFormat, ...] = (
    PersonalFormat(
        "mail",
        # Of the signs that RFC 5322 allows in a name, those that texts put around one (`=`, `/`, quotes) are left out.
        r"([A-Za-z0-9_][A-Za-z0-9._+'&~-]*(?:@|%40)(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24})",
        _is_mail,
        "RFC 5321 section 4.1.2, RFC 5322 section 3.2.3 (atext)",
    ),
    PersonalFormat(
        "iban",
        rf"\b({IBAN})\b",
        is_iban,
        "ISO 13616-1; SWIFT IBAN Registry (lengths by country)",
    ),
    PersonalFormat(
        "card",
        r"\b([2-8][0-9]{11,18}\b|[2-8][0-9]{3}(?:[ -][0-9]{4}){3}(?:[ -][0-9]{3})?\b"
        r"|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}\b)",
        _is_card,
        "ISO/IEC 7812-1 (Luhn, lengths by prefix; written whole or as on the card)",
    ),
    *(PersonalFormat(*row) for row in IDENTITY_NUMBERS),
    PersonalFormat(
        "phone",
        r"(\+[0-9](?:[ ().-]{0,2}[0-9]){6,14})\b",
        _is_phone,
        "ITU-T E.164; E.123 (notation)",
    ),
    PersonalFormat(
        "phone",
        r"(\(?[2-9][0-9]{2}\)?[ .-] ?[2-9][0-9]{2}[.-][0-9]{4})",
        _is_named_phone,
        "North American Numbering Plan, national notation",
    ),
    PersonalFormat(
        "phone",
        r"(?i)\b(?:tele?phone|phone|tel|mobile|fax)[a-z_ ]{0,12}[\"']?[ .]{0,2}[:=][ \"']{0,3}"
        r"(\(?[0-9](?:[ ()/.-]{0,2}[0-9]){5,14})",
        _is_named_phone,
        "ITU-T E.123 (national notation beside a word that says so)",
    ),
    PersonalFormat(
        "ipv4", r"\b((?:[0-9]{1,3}\.){3}[0-9]{1,3})\b", _is_ipv4, "RFC 791, RFC 6943 section 3.1.1"
    ),
    PersonalFormat(
        "ipv6",
        rf"((?:{_GROUP}:){{6}}(?:{_QUAD}|{_GROUP}:{_GROUP})|(?:{_GROUP}(?::{_GROUP}){{0,6}})?::"
        rf"(?:(?:{_GROUP}:){{0,6}}(?:{_QUAD}|{_GROUP}))?)(?:[^0-9A-Za-z:]|$)",
        _is_ipv6,
        "RFC 4291 section 2.2",
    ),
)


@cache
def _prefilter() -> re2.Set:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    patterns = re2.Set.SearchSet(options)
    for row in PERSONAL_FORMATS:
        patterns.Add(row.pattern)
    patterns.Add(re2.escape(CANARY))
    patterns.Compile()
    return patterns
