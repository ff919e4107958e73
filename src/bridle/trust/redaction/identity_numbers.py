"""The numbers that states give to persons: kind, pattern with one group, check, and the document that states the form.

Where a number has no separators of its own and a check digit that one in ten passes, it counts only beside a word that names it.
"""

from __future__ import annotations

from collections.abc import Callable

from bridle.trust.redaction.number_checks import digits_of, is_luhn, is_verhoeff, weighted_sum

_ODD_CF = dict(  # the values of characters at odd places, as letters: A is 0
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (ord(char) - ord("A") for char in "BAFHJNPRTVBAFHJNPRTVCESULDGIMOQKWZYX"),
        strict=True,
    )
)


def _is_ssn(text: str) -> bool:
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _is_nino(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _is_dni(text: str) -> bool:
    plain = text.replace("-", "")
    number = {"X": "0", "Y": "1", "Z": "2"}.get(plain[0], plain[0]) + plain[1:-1]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _is_codice_fiscale(text: str) -> bool:
    even = [int(char, 36) - (10 if char.isalpha() else 0) for char in text[1:15:2]]
    return (sum(_ODD_CF[char] for char in text[0:15:2]) + sum(even)) % 26 == ord(text[15]) - ord("A")


def _is_nir(text: str) -> bool:
    plain = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def _is_cpf(text: str) -> bool:
    digits = digits_of(text)
    first = weighted_sum(digits[:9], [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10
    second = weighted_sum(digits[:10], [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10
    return f"{first}{second}" == digits[9:] and len(set(digits)) > 1


def _is_aadhaar(text: str) -> bool:
    return is_verhoeff(digits_of(text))


def _is_personnummer(text: str) -> bool:
    return is_luhn(digits_of(text)[-10:])


def _is_sin(text: str) -> bool:
    return is_luhn(digits_of(text))


def _is_resident_id(text: str) -> bool:
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return "10X98765432"[weighted_sum(text[:17], weights) % 11] == text[17].upper()


def _is_bsn(text: str) -> bool:
    return weighted_sum(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 == 0 and int(text) > 0


def _is_tax_id(text: str) -> bool:
    product = 10
    for digit in text[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(text[10])


def _is_pesel(text: str) -> bool:
    return weighted_sum(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 == 0


def _beside(word: str, number: str) -> str:
    return rf"(?i)\b{word}[a-z_ ]{{0,12}}[\"']?\s?[:=]?\s?[\"']?({number})"


_CF = "[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-EHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]"

IDENTITY_NUMBERS: tuple[tuple[str, str, Callable[[str], bool], str], ...] = (
    (
        "us-ssn",
        r"\b([0-9]{3}-[0-9]{2}-[0-9]{4})\b",
        _is_ssn,
        "Social Security Administration: SSN randomization, invalid ranges",
    ),
    (
        "uk-nino",
        r"\b([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])\b",
        _is_nino,
        "HMRC: National Insurance Manual NIM39110",
    ),
    (
        "es-dni",
        r"\b([XYZ0-9][0-9]{7}-?[A-HJ-NP-TV-Z])\b",
        _is_dni,
        "Ministerio del Interior: letra del NIF/NIE",
    ),
    ("it-codice-fiscale", rf"\b({_CF})\b", _is_codice_fiscale, "Agenzia delle Entrate: DM 23/12/1976"),
    (
        "fr-nir",
        r"\b([12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2A|2B) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})\b",
        _is_nir,
        "INSEE: Numéro d'inscription au répertoire",
    ),
    (
        "br-cpf",
        r"\b([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2})\b",
        _is_cpf,
        "Receita Federal: CPF, dígitos verificadores",
    ),
    ("in-aadhaar", r"\b([2-9][0-9]{3} [0-9]{4} [0-9]{4})\b", _is_aadhaar, "UIDAI: Aadhaar numbering scheme"),
    (
        "se-personnummer",
        _beside("(?:personnummer|personnr|pnr)", "(?:19|20)?[0-9]{6}[-+]?[0-9]{4}"),
        _is_personnummer,
        "Skatteverket: SKV 704",
    ),
    (
        "ca-sin",
        _beside("(?:sin|social insurance)", "[1-9][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}"),
        _is_sin,
        "Employment and Social Development Canada: SIN validation",
    ),
    (
        "cn-resident-id",
        r"\b([1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3}[0-9Xx])\b",
        _is_resident_id,
        "GB 11643-1999",
    ),
    ("nl-bsn", _beside("bsn", "[0-9]{9}"), _is_bsn, "Rijksdienst voor Identiteitsgegevens: elfproef"),
    (
        "de-steuer-id",
        _beside("(?:steuer-?id|idnr|steueridentifikationsnummer|tin)", "[1-9][0-9]{10}"),
        _is_tax_id,
        "Bundeszentralamt für Steuern: IdNr, ISO 7064 MOD 11,10",
    ),
    ("pl-pesel", _beside("pesel", "[0-9]{11}"), _is_pesel, "Ministerstwo Cyfryzacji: PESEL"),
)
