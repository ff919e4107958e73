"""Typed values: when two spellings are one value, and when a value is none of its type.

Rules
  1. A value has one normal form of its type, or none. Two values are the same when both have one and it is the same.
  2. No encoding is undone and no likeness counts: base64, hexadecimal, percent signs, letters that look like others, characters
     that are not shown. An id, an e-mail address, an account and a URL are ASCII; a name and a text may be written in any script,
     and each code point counts.
  3. An id is a whole token and keeps its case; a number and its digits are one id. A leading `#` is no part of it.
  4. An amount is a decimal number with or without a currency: 12.5 is 12.50. One in a currency never is one in another; an
     amount without one is given in the currency of what vouches for it, not the other way round. Where a comma or a point may
     be either mark (`1,234`), it is no amount.
  5. An address is an e-mail address (case counts before the @), a telephone number, or a postal address.
  6. An account is an IBAN in any grouping, or a number of at least four digits. A URL has http or https, no user and no password.
  7. A date is a day of the calendar, or a moment with its zone. `03/04/2026` is none: nobody can tell the month.

Where values stand in texts is `mentions`, what vouches for them `sources`. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from urllib.parse import urlsplit

from bridle.core.canonical import Json
from bridle.core.visible import is_hidden


class ValueType(StrEnum):
    """What a control argument or a field of a result is; a manifest names one of these."""

    ID = "id"
    AMOUNT = "amount"
    ADDRESS = "address"
    ACCOUNT = "account"
    URL = "url"
    NAME = "name"
    DATE = "date"
    TEXT = "text"


NAMING = frozenset({ValueType.ID, ValueType.ADDRESS, ValueType.ACCOUNT, ValueType.URL, ValueType.NAME})
CURRENCY = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MXN|MYR|NOK|NZD|PEN|PHP|PLN|"
    "RON|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
CURRENCY_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP"}
NUMBER = r"(?:\d{1,3}(?:,\d{3})+\.\d{1,2}|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d+\.\d+|\d+,\d{1,2}|\d+)"
EMAIL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+"
IBAN = r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|"
    "dec(?:ember)?"
)
WRITTEN_DAY = rf"(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({MONTH}) (\d{{4}})"
WRITTEN_MONTH = rf"({MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})"

LONGEST_ID = 128
LONGEST_ACCOUNT = 90  # a payment address of the longest kind in use
SHORTEST_NAME = 3
SHORTEST_PHONE = 8  # digits that tell one telephone from another, however the country is written
SHORTEST_POSTAL = 8
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_CODE = re.compile(CURRENCY)
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@+=-]*[A-Za-z0-9=])?", re.ASCII)
_AMOUNT = re.compile(
    rf"(?P<before>[A-Z]{{3}} ?|[€$£] ?)?(?P<number>-?{NUMBER})(?P<after> ?[A-Z]{{3}}| ?[€$£])?"
)
_PHONE = re.compile(r"\+?\d(?:[ ()/-]{0,2}\d){6,14}", re.ASCII)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


def normal_form(value: Json, kind: ValueType) -> str:
    """Return the normal form of `value` as one of its type, or an empty string when it has none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return _FORMS[kind](str(value))


def in_one_spelling(arguments: Mapping[str, Json], types: Mapping[str, str]) -> dict[str, Json]:
    """Return arguments with each one of a declared type in its normal form, an amount without its currency.

    A list or an object with one value in it is that value. A value that is none of its type stays as it is.
    """
    return {
        name: _spelled(value, types[name]) if name in types else value for name, value in arguments.items()
    }


def _spelled(value: Json, kind: str) -> Json:
    if isinstance(value, (list, tuple, Mapping)):
        parts = [_spelled(part, kind) for part in (value.values() if isinstance(value, Mapping) else value)]
        return parts[0] if len(parts) == 1 else parts
    return spell_plainly(value, kind) or value


def spell_plainly(value: Json, kind: str) -> str:
    """Return the one spelling of a value of its type, an amount without its currency; empty when it is none."""
    form = normal_form(value, ValueType(kind))
    return form.partition(" ")[0] if kind == ValueType.AMOUNT else form


def is_vouched_by(form: str, trusted: str, kind: ValueType) -> bool:
    """True when a value is one that is trusted; both in normal form."""
    if not form or not trusted:
        return False
    if form == trusted:
        return True
    number, _, currency = trusted.partition(" ")
    return kind is ValueType.AMOUNT and bool(currency) and form == number


def traces(form: str, kind: ValueType) -> frozenset[str]:
    """Return the spellings by which a value is known again that a system has kept in its own way: in small letters of one width,
    an amount also without its currency, a telephone number by its last digits. `form` is its normal form."""
    if not form:
        return frozenset()
    folded = unicodedata.normalize("NFKC", form).casefold()
    if kind is ValueType.AMOUNT:
        return frozenset({folded, folded.partition(" ")[0]})
    return frozenset({folded, folded[-SHORTEST_PHONE:]} if folded.startswith("tel:") else {folded})


def id_shape(form: str) -> str:
    """Return what ids of one kind have in common: `ORD-0` for `ORD-17`; all without digits are one kind."""
    return re.sub(r"\d+", "0", form) if any(map(str.isdigit, form)) else ""


def infer_types(value: Json) -> tuple[ValueType, ...]:
    """Return the types that a value nobody has declared may be of, most telling first."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ()
    told = (
        ValueType.URL,
        ValueType.DATE,
        ValueType.ADDRESS,
        ValueType.ACCOUNT,
        ValueType.AMOUNT,
        ValueType.ID,
    )
    found = [kind for kind in told if normal_form(value, kind)]
    return (*found, ValueType.NAME, ValueType.TEXT) if isinstance(value, str) else tuple(found)


def plain_text(text: str) -> str:
    """Return a text with its white space collapsed; empty when something in it is not shown."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    return "" if any(is_hidden(char) for char in composed) else composed


def _id(text: str) -> str:
    token = text.removeprefix("#")
    return token if len(token) <= LONGEST_ID and _ID.fullmatch(token) else ""


def _amount(text: str) -> str:
    found = _AMOUNT.fullmatch(text)
    if found is None or not text.replace("€", "").replace("£", "").isascii():
        return ""
    marks = [mark.strip() for mark in (found["before"], found["after"]) if mark]
    currencies = {CURRENCY_SIGNS.get(mark, mark) for mark in marks}
    if len(currencies) > 1 or not all(map(_CODE.fullmatch, currencies)):
        return ""
    number = _decimal(found["number"])
    return " ".join([number, *currencies]) if number else ""


def _decimal(text: str) -> str:
    whole, mark, fraction = text.rpartition("," if text.rfind(",") > text.rfind(".") else ".")
    if not mark:
        whole, fraction = text, ""
    grouped = "," in whole or "." in whole
    if len(fraction) == 3 and not grouped:
        return ""  # a thousand to one reader, one and a bit to another
    digits = whole.replace(",", "").replace(".", "") + (f".{fraction}" if fraction else "")
    if len(digits) > 20:
        return ""
    return format(Decimal(digits).normalize() + 0, "f")


def _address(text: str) -> str:
    if re.fullmatch(EMAIL, text):
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}"
    if _PHONE.fullmatch(text):
        return "tel:" + re.sub(r"[^+\d]", "", text)
    postal = plain_text(text)
    written = (
        len(postal) >= SHORTEST_POSTAL and any(map(str.isalpha, postal)) and any(map(str.isdigit, postal))
    )
    return f"post:{postal}" if written and " " in postal and "@" not in postal else ""


def _account(text: str) -> str:
    if re.fullmatch(IBAN, text.upper()) and text.isascii():
        return text.replace(" ", "").upper()
    compact = re.sub(r"[ -]", "", text)
    told = compact.isascii() and compact.isalnum() and sum(map(str.isdigit, compact)) >= 4
    return compact if told and len(compact) <= LONGEST_ACCOUNT else ""


def _url(text: str) -> str:
    if not text.isascii() or re.search(r"[\s\\<>\"'`{}|^\x00-\x20]", text):
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return ""
    place = host if port in (None, {"http": 80, "https": 443}[parts.scheme]) else f"{host}:{port}"
    rest = (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return f"{parts.scheme}://{place}{parts.path or '/'}{rest}"


def _name(text: str) -> str:
    plain = plain_text(text)
    return plain if len(plain) >= SHORTEST_NAME and any(map(str.isalpha, plain)) else ""


def _date(text: str) -> str:
    if not text.isascii():
        return ""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})", text):
        return _moment(text)
    for pattern, order in _DAYS:
        found = pattern.fullmatch(text)
        if found:
            year, month, day = (found[index] for index in order)
            return _day(year, month, day)
    return ""


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""


def _day(year: str, month: str, day: str) -> str:
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) // 3 + 1
    try:
        return date(int(year), number, int(day)).isoformat()
    except ValueError:
        return ""


_DAYS = (
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})"), (3, 2, 1)),
    (re.compile(WRITTEN_DAY, re.IGNORECASE), (3, 2, 1)),
    (re.compile(WRITTEN_MONTH, re.IGNORECASE), (3, 1, 2)),
)
_FORMS: dict[ValueType, Callable[[str], str]] = {
    ValueType.ID: _id,
    ValueType.AMOUNT: _amount,
    ValueType.ADDRESS: _address,
    ValueType.ACCOUNT: _account,
    ValueType.URL: _url,
    ValueType.NAME: _name,
    ValueType.DATE: _date,
    ValueType.TEXT: plain_text,
}
