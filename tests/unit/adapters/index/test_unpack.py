"""Which members of an archive are taken, and where they go."""

import tarfile

import pytest

from bridle.adapters.index.unpack import member_path
from bridle.core.errors import InputError


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def test_the_first_part_is_stripped() -> None:
    assert member_path(member("pkg-1.0/src/a.py"), strip=1) == "src/a.py"


def test_the_archives_own_folder_becomes_nothing() -> None:
    assert member_path(member("pkg-1.0", tarfile.DIRTYPE), strip=1) == ""


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CONTTYPE,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(kind: bytes) -> None:
    with pytest.raises(InputError, match="neither a plain file nor a folder"):
        member_path(member("pkg-1.0/a", kind), strip=1)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a", "pkg/../../a", "pkg/..", "a\\b", "pkg/a\nb", "", "pkg/.git/config", "pkg/.GIT"],
)
def test_a_name_that_leaves_or_deceives_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        member_path(member(name), strip=1)


def test_a_file_beside_the_archives_own_folder_is_refused() -> None:
    with pytest.raises(InputError, match="outside the archive's own folder"):
        member_path(member("stray.py"), strip=1)
