"""Reads what people hand to the command line, and writes the files that they ask for."""

from __future__ import annotations

from pathlib import Path

from bridle.core.decoding import decode
from bridle.core.errors import InputError

LARGEST_FILE_BYTES = 1 << 20


def read_text(path: Path) -> str:
    """Read a text file written by a person; raise InputError when it is missing, too large or not UTF-8."""
    return decode_text(open_bytes(path, most_bytes=LARGEST_FILE_BYTES + 1), path)


def decode_text(data: bytes, path: Path) -> str:
    """Return what a person wrote as text; raise InputError when it is too large or not UTF-8."""
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(
            f"larger than {LARGEST_FILE_BYTES} bytes",
            where=str(path),
            hint="check that it is the file you mean",
            reason="too-large",
        )
    return decode(data, where=str(path))


def open_text(path: Path) -> str:
    """Read a text file of any size; raise InputError when it is missing or not UTF-8."""
    return decode(open_bytes(path), where=str(path))


def open_bytes(path: Path, *, most_bytes: int = -1) -> bytes:
    """Read a file, or its first `most_bytes`; raise InputError when that cannot be done."""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except IsADirectoryError as error:
        hint = "name a file in it; an empty name is the folder that you are in"
        raise InputError("is a folder, not a file", where=str(path), hint=hint, reason="no-file") from error
    except OSError as error:
        hint = "/dev/stdin is standard input" if str(path) == "-" else "check the path"
        what = f"cannot be read: {error.strerror}"
        raise InputError(what, where=str(path), hint=hint, reason="no-file") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, and the folder it lies in; raise InputError when that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="name a place that is yours and has room",
            reason="not-written",
        ) from error
