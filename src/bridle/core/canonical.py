"""One byte string for one value: canonical JSON, and the digests made from it.

The form is that of RFC 8785 for the values we allow: keys sorted by UTF-16 code units, no white space,
UTF-8, no escaping beyond what JSON demands. Our own money and fractions are decimal strings. A float that others send has a
form where every language prints its shortest one alike: a whole number as an integer, else plain decimals from 0.0001 to
1e16. Any other is refused, since two programs that print it differently would disagree about a digest. What is signed or
hashed is always the stored bytes, never a value serialised a second time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from bridle.core.errors import InputError

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"

PLAIN_FLOATS = (1e-4, 1e16)  # where Python prints what RFC 8785 demands, without an exponent

LARGEST_INTEGER = 2**53 - 1  # beyond this a JavaScript or Go reader of the same JSON may see another number

PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
MANY = 100_000  # values that are looked through at once; one that holds itself has no end
DEEPEST = 200  # values within values: our own limit, since how deep Python itself goes differs from version to version


def as_mapping(value: Json) -> Mapping[str, Json]:
    """Return a value that is a mapping wherever we wrote it. Another shape is a bug and raises: it is never taken for empty."""
    assert isinstance(value, Mapping)
    return value


def canonical(value: Json) -> bytes:
    """Return the canonical bytes of `value`; raise InputError for what has no exact form."""
    try:
        if _is_plain(value):
            return PLAIN.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        pass  # half a surrogate pair: where it stands is said below
    return canonical_checked(value)


def canonical_checked(value: Json) -> bytes:
    """As `canonical`, looking at one value after the other: for what is not plain, and to say where it has no form."""
    checked = _checked(value, "$", DEEPEST)
    return json.dumps(checked, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Json) -> str:
    """Return `sha256:<hex>` of the canonical form of `value`."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _is_plain(value: object) -> bool:
    """True for what JSON's own encoder writes in the canonical form: almost everything is, and it is written in C."""
    level, depth, count = [value], 0, 0
    while level:
        below: list[object] = []
        for one in level:
            kind = type(one)
            if kind is str or one is None or kind is bool:
                continue
            if kind is int and -LARGEST_INTEGER <= one <= LARGEST_INTEGER:  # type: ignore[operator]
                continue
            if kind is dict:
                for name in one:  # type: ignore[attr-defined]
                    if type(name) is not str or not name.isascii():  # the orders differ beyond ASCII
                        return False
                below += one.values()  # type: ignore[attr-defined]
            elif kind is list or kind is tuple:
                below += one  # type: ignore[arg-type]
            else:
                return False
        level, depth, count = below, depth + 1, count + len(below)
        if depth > DEEPEST or count > MANY:
            return False
    return True


def _checked(value: object, place: str, deepest: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(value, place)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise InputError("integer too large for JSON", where=place, hint="pass it as a string")
        return int(value)
    if isinstance(value, float):
        return _checked_float(value, place)
    if deepest == 0:
        raise InputError("the value is nested too deep", hint="send it flatter", reason="too-deep")
    if isinstance(value, Mapping):
        names = [_checked_name(key, place) for key in value]
        names.sort(
            key=None if all(map(str.isascii, names)) else _utf16
        )  # the orders differ beyond ASCII only
        return {name: _checked(value[name], f"{place}.{name}", deepest - 1) for name in names}
    if isinstance(value, (list, tuple)):
        return [_checked(item, f"{place}[{index}]", deepest - 1) for index, item in enumerate(value)]
    raise InputError(f"{type(value).__name__} has no canonical form", where=place, hint="pass it as a string")


def _checked_float(value: float, place: str) -> int | float:
    if value.is_integer() and abs(value) <= LARGEST_INTEGER:
        return int(value)
    least, most = PLAIN_FLOATS
    if not least <= abs(value) < most:  # nor is it for what is no number
        raise InputError(f"{value!r} has no one form", where=place, hint="pass it as a string")
    return float(value)


def _checked_name(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise InputError(f"key {key!r} is not a string", where=place)
    return _checked_text(key, place)


def _checked_text(text: str, place: str) -> str:
    if text.isascii():  # known of every string without looking through it
        return str(text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InputError("text holds half a surrogate pair", where=place) from exc
    return str(text)


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")
