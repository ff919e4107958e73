"""Reading what somebody else wrote so that two readers cannot read it differently.

Rules
  1. Base64 has one spelling: the standard alphabet, padded, no stray bits, no white space.
  2. A JSON object names each key once; NaN, numbers that are not exact everywhere or not in their one spelling
     (core.canonical), and halves of surrogate pairs are refused.
  3. An object has the fields it is meant to have, all of them and no others.

Every refusal is a TrustError: the thing that is read is meant to prove something.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from bridle.core.canonical import LARGEST_INTEGER, Json, canonical
from bridle.core.errors import InputError, TrustError

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


class EncodingError(TrustError):
    """Something that is meant to prove something could be read in more than one way, or not at all."""

    default_reason = "bad-encoding"


def decode_base64(code: Json, *, what: str) -> bytes:
    """Return the bytes behind `code`; `what` names it in the error."""
    try:
        data = base64.b64decode(code, validate=True) if isinstance(code, str) else None
    except (binascii.Error, ValueError) as exc:
        raise EncodingError(f"{what} is not base64") from exc
    if data is None or base64.b64encode(data).decode() != code:
        raise EncodingError(f"{what} is not base64 in its one spelling")
    return data


def read_json(data: bytes, *, what: str) -> Json:
    """Return the value that `data` holds in UTF-8."""
    try:
        value: Json = _DECODER.decode(data.decode())
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
    except (ValueError, RecursionError) as exc:
        raise EncodingError(f"{what} is not JSON that can be relied on: {exc}") from exc
    return value


def read_canonical(data: bytes, *, what: str) -> Json:
    """Return the value whose canonical form `data` is; raise EncodingError when it is that of none.

    A key that stands twice is not looked for: it is lost in the value, and the value then has another form.
    """
    try:
        value: Json = _QUICK_DECODER.decode(data.decode())
        if b"\\u" not in data and is_canonical(value, data):
            return value
    except (ValueError, RecursionError, EncodingError):
        pass  # it is said below what is wrong
    value = read_json(data, what=what)
    if not is_canonical(value, data):
        raise EncodingError("its bytes are not canonical")
    return value


def is_canonical(value: Json, data: bytes) -> bool:
    """True when `data`, of which `read_json` made `value`, is its canonical form.

    What `read_json` lets through has exact numbers in their one spelling and each key once. If it is ASCII, so are its keys, and
    sorting them by characters is the canonical order: the encoder that is written in C then gives the canonical form.
    """
    try:
        spelled = _ENCODER.encode(value).encode() if data.isascii() else canonical(value)
    except (RecursionError, InputError) as exc:
        raise EncodingError(f"it has no canonical form: {exc}") from exc
    return spelled == data


def read_fields(value: Json, names: frozenset[str], *, what: str) -> Mapping[str, Json]:
    """Return `value` when it is an object with exactly the fields `names`."""
    if not isinstance(value, Mapping):
        raise EncodingError(f"{what} is not an object")
    odd = sorted(names.symmetric_difference(value))
    if odd:
        word = "has the unknown" if odd[0] in value else "lacks the"
        raise EncodingError(f"{what} {word} field {odd[0]!r}", hint="a newer Bridle may know this form")
    return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _plain_float(text: str) -> float:
    number = float(text)
    try:
        spelled = canonical(number).decode()
    except InputError as exc:
        raise ValueError(f"{text} is no exact number") from exc
    if spelled != text:
        raise ValueError(f"{text} is not in its one spelling, {spelled}")
    return number


def _no_number(text: str) -> Json:
    raise ValueError(f"{text} is no exact number")


def _exact(text: str) -> int:
    number = int(text)
    if abs(number) > LARGEST_INTEGER:
        raise ValueError(f"{text} is no exact number")
    return number


_QUICK_DECODER = json.JSONDecoder(parse_float=_plain_float, parse_constant=_no_number, parse_int=_exact)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_plain_float, parse_constant=_no_number, parse_int=_exact
)
