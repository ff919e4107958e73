"""A folder, which another machine may share, or a backup may take along."""

from __future__ import annotations

import os
from pathlib import Path

from bridle.core.errors import UnavailableError
from bridle.trust.log.publication import Shelf


class FolderShelf(Shelf):
    """Implements `trust.log.publication.Shelf`. A file appears under its name when it is whole and on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unavailable(error) from error

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._unavailable(error) from error

    def settle(self, what: str) -> None:
        """Nothing is left to do: each file was there when it was written."""

    def _unavailable(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            f"the journal cannot be published: {error.strerror}", where=str(self.folder), reason="no-shelf"
        )
