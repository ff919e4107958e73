"""The check digits that numbers of cards, accounts and persons carry, as pure functions over their digits."""

from __future__ import annotations

import re
from collections.abc import Sequence

# SWIFT IBAN Registry: the length of an IBAN by its country.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FK FI FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
IBAN = "|".join(
    rf"{country}[0-9]{{2}}(?: ?[A-Z0-9]){{{length - 4}}}" for country, length in sorted(_IBAN_LENGTHS.items())
)
"""An IBAN of any country as a pattern, written whole or in groups."""

_VERHOEFF_STEP = "1576283094"


def is_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B; a number of one digit repeated is nobody's."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(sum(divmod(number, 10)) for number in doubled) % 10 == 0 and len(set(digits)) > 1


def is_iban(text: str) -> bool:
    """ISO 13616-1: the length of its country, and 1 modulo 97 (ISO 7064)."""
    plain = text.replace(" ", "")
    if _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_verhoeff(digits: str) -> bool:
    """Verhoeff's check: a product in the dihedral group D5 of the digits, each permuted once more than the one behind it."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        for _ in range(place % 8):
            digit = _VERHOEFF_STEP[int(digit)]
        check = _multiply(check, int(digit))
    return check == 0


def _multiply(left: int, right: int) -> int:
    """Five turns, 0 to 4, and five reflections, 5 to 9."""
    turned = (left + right if left < 5 else left - right) % 5
    return turned + 5 * ((left < 5) != (right < 5))


def weighted_sum(digits: str, weights: Sequence[int]) -> int:
    """Add up each digit times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def digits_of(text: str) -> str:
    """Return the digits of `text` alone."""
    return re.sub(r"\D", "", text)
