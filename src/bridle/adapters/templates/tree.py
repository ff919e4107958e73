"""A tree of files to look templates up in: a folder of the disk.

Rules
  1. Nothing outside of the folder is read: a path that leads out of it, by a link or otherwise, is refused.
  2. A file is read whole or, when it is larger than the reader takes, refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bridle.core.errors import InputError
from bridle.pipeline.document import LARGEST_BYTES


class Tree(Protocol):
    """Files by their path from the top, with `/`. `label` stands before a path in what people read."""

    label: str

    def list_names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none when it is not there."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None when there is none; raise InputError when it is refused."""
        ...


class DiskTree(Tree):
    """The files of a folder."""

    def __init__(self, top: Path, *, label: str = "") -> None:
        self._top = top.resolve()
        self.label = label

    def list_names(self, folder: str) -> tuple[str, ...]:
        place = self._top / folder
        if not place.is_dir():
            return ()
        self._refuse_outside(place, folder)
        try:
            return tuple(sorted(entry.name for entry in place.iterdir()))
        except OSError as error:
            raise _unreadable(self.label + folder, error) from error

    def read(self, path: str) -> bytes | None:
        place = self._top / path
        if not place.is_file():
            return None
        self._refuse_outside(place, path)
        try:
            with place.open("rb") as file:
                data = file.read(LARGEST_BYTES + 1)
        except OSError as error:
            raise _unreadable(self.label + path, error) from error
        refuse_large(len(data), self.label + path)
        return data

    def _refuse_outside(self, place: Path, path: str) -> None:
        if not place.resolve().is_relative_to(self._top):
            raise InputError(
                f"{self.label}{path} leads out of its folder",
                reason="template-outside",
                hint="put the file itself there, not a link",
            )


def refuse_large(size_bytes: int, path: str) -> None:
    """Raise InputError when a file is larger than the reader takes."""
    if size_bytes > LARGEST_BYTES:
        raise InputError(
            f"{path} is larger than {LARGEST_BYTES} bytes", reason="too-large", hint="split the template"
        )


def _unreadable(path: str, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be read: {error.strerror}", reason="no-file", hint="check its permissions"
    )
