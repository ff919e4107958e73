"""Bytes that people wrote, as text: UTF-8, with or without a byte order mark."""

from __future__ import annotations

from bridle.core.errors import InputError


def decode(data: bytes, *, where: str) -> str:
    """Return the text; raise InputError with the line and column of the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = place_of(error)
        place = f"{where}:{line}:{column}"
        raise InputError("not UTF-8", where=place, hint="save it as UTF-8", reason="not-utf-8") from error


def place_of(error: UnicodeDecodeError) -> tuple[int, int]:
    """Return line and column of the byte that cannot be read, both from 1; columns count characters."""
    before = error.object[: error.start].decode("utf-8", errors="replace")
    return before.count("\n") + 1, len(before) - before.rfind("\n")
