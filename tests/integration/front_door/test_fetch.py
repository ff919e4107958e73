"""Fetching an archive by its hash, from an index on loopback."""

import hashlib
from pathlib import Path

import pytest

from bridle.adapters.index.fetch import fetch_archive
from bridle.core.errors import TrustError, UnavailableError


def fetch(index, cache: Path, sha256: str = "") -> Path:
    wanted = sha256 or hashlib.sha256(index.content).hexdigest()
    return fetch_archive("pkg", "1.0", sha256=wanted, cache_dir=cache, environ=index.environ)


def test_the_archive_lies_in_the_cache_under_its_hash(index, tmp_path: Path) -> None:
    path = fetch(index, tmp_path)
    assert path == tmp_path / f"{hashlib.sha256(index.content).hexdigest()}.tar.gz"
    assert path.read_bytes() == index.content


def test_an_index_that_lists_no_hash_is_still_held_to_ours(index, tmp_path: Path) -> None:
    index.listed = ""
    assert fetch(index, tmp_path).read_bytes() == index.content


def test_a_full_cache_asks_nobody(index, tmp_path: Path) -> None:
    fetch(index, tmp_path)
    index.requests.clear()
    fetch(index, tmp_path)
    assert index.requests == []


def test_a_damaged_cache_is_fetched_anew(index, tmp_path: Path) -> None:
    path = fetch(index, tmp_path)
    path.write_bytes(b"damaged")
    assert fetch(index, tmp_path).read_bytes() == index.content


def test_another_content_under_the_listed_hash_is_refused_and_not_kept(index, tmp_path: Path) -> None:
    wanted = index.listed
    index.content = b"something else"
    with pytest.raises(TrustError, match="has the hash"):
        fetch(index, tmp_path, wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_hash_that_the_index_does_not_list_is_not_asked_for(index, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no source archive with this version and hash"):
        fetch(index, tmp_path, "0" * 64)
    assert index.requests == ["/simple/pkg/"]


def test_an_index_that_does_not_answer_is_unavailable_and_the_hint_names_the_cache(
    index, tmp_path: Path
) -> None:
    index.close()
    with pytest.raises(UnavailableError) as caught:
        fetch(index, tmp_path, "0" * 64)
    assert str(tmp_path / ("0" * 64 + ".tar.gz")) in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_project_is_unavailable(index, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="NoSuchProjectError"):
        fetch_archive("other", "1.0", sha256="0" * 64, cache_dir=tmp_path, environ=index.environ)


def test_an_archive_beyond_the_limit_is_cut_off(
    index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridle.adapters.index.download.FETCH_LIMIT_BYTES", len(index.content) - 1)
    with pytest.raises(UnavailableError, match="larger than"):
        fetch(index, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_authorities_that_is_not_there_is_said(index, tmp_path: Path) -> None:
    environ = {
        "PIP_INDEX_URL": index.environ["PIP_INDEX_URL"].replace("http:", "https:"),
        "PIP_CERT": "/nonexistent",
    }
    with pytest.raises(UnavailableError):
        fetch_archive("pkg", "1.0", sha256="0" * 64, cache_dir=tmp_path, environ=environ)
