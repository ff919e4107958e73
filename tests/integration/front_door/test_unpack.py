"""Unpacking on a real file system: whole or not at all."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bridle.adapters.index.unpack import UNPACKED_LIMIT_BYTES, unpack_sdist
from bridle.core.errors import InputError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "pkg-1.0.tar.gz"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "tree"


def test_files_come_out_without_the_first_folder(
    archive: Path, into: Path, make_archive: Callable[..., bytes]
) -> None:
    archive.write_bytes(make_archive({"pkg-1.0/src/pkg/a.py": b"A = 1\n"}))
    unpack_sdist(archive, into)
    assert (into / "src/pkg/a.py").read_bytes() == b"A = 1\n"


def test_of_the_mode_only_the_executable_bit_is_taken(
    archive: Path, into: Path, make_archive: Callable[..., bytes]
) -> None:
    archive.write_bytes(make_archive({"pkg-1.0/tool": b""}, mode=0o6777))
    unpack_sdist(archive, into)
    assert stat.S_IMODE((into / "tool").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "files",
    [
        {"pkg-1.0/good": b"", "pkg-1.0/../../evil": b""},
        {"pkg-1.0/good": b"", "/evil": b""},
        {"pkg-1.0/good": b"", "pkg-1.0/good/below-a-file": b""},
        {"pkg-1.0/good": b"", "pkg-1.0//good": b"a second one"},
    ],
)
def test_one_bad_member_refuses_all_of_it(
    files: dict[str, bytes], archive: Path, into: Path, make_archive: Callable[..., bytes]
) -> None:
    archive.write_bytes(make_archive(files))
    with pytest.raises(InputError):
        unpack_sdist(archive, into)
    assert list(into.parent.iterdir()) == []


def test_more_than_the_limit_is_cut_off(
    archive: Path, into: Path, make_zeros: Callable[[int], bytes]
) -> None:
    archive.write_bytes(make_zeros(UNPACKED_LIMIT_BYTES + (1 << 20)))
    with pytest.raises(InputError, match="unpacks to more than"):
        unpack_sdist(archive, into)
    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_cut_archive_is_refused(
    keep: float, archive: Path, into: Path, make_archive: Callable[..., bytes]
) -> None:
    whole = make_archive({f"pkg-1.0/{name}": name.encode() * 3000 for name in "abcdefgh"})
    archive.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError):
        unpack_sdist(archive, into)
    assert list(into.parent.iterdir()) == []


def test_something_that_is_no_archive_is_refused(archive: Path, into: Path) -> None:
    archive.write_bytes(b"<html>sign in first</html>")
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack_sdist(archive, into)


def test_an_existing_folder_is_not_mixed_with_new_files(
    archive: Path, into: Path, make_archive: Callable[..., bytes]
) -> None:
    into.mkdir()
    archive.write_bytes(make_archive({"pkg-1.0/a": b""}))
    with pytest.raises(InputError, match="there already"):
        unpack_sdist(archive, into)
