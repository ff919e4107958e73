"""Which submodules are taken: those beside the repository, whatever a `.gitmodules` says."""

from __future__ import annotations

import pytest

from bridle.core.errors import ExecutionError
from bridle.delegate.submodules import resolve

WEB = "https://user:secret@forge.example/team/app.git"
LOCAL = "/srv/git/app.git"


@pytest.mark.parametrize(
    ("repository", "url", "where"),
    [
        (WEB, "../lib.git", "https://user:secret@forge.example/team/lib.git"),
        (WEB, "https://forge.example/team/lib.git", "https://user:secret@forge.example/team/lib.git"),
        (WEB, "https://FORGE.example/team/sub/lib.git", "https://user:secret@forge.example/team/sub/lib.git"),
        (WEB, "./inside", "https://user:secret@forge.example/team/app.git/inside"),
        (LOCAL, "../lib.git", "/srv/git/lib.git"),
        (LOCAL, "/srv/git/lib.git", "/srv/git/lib.git"),
        ("file:///srv/git/app.git", "file:///srv/git/lib.git", "file:///srv/git/lib.git"),
    ],
)
def test_what_lies_beside_the_repository_is_fetched_as_the_repository_was(
    repository: str, url: str, where: str
) -> None:
    assert resolve(repository, url, path="lib") == where


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        (WEB, ""),
        (WEB, "../../other/lib.git"),
        (WEB, "https://forge.example/other/lib.git"),
        (WEB, "https://forge.example/team/../other/lib.git"),
        (WEB, "https://forge.example/team/%2e%2e/other/lib.git"),
        (WEB, "https://forge.example/team/lib.git?x=1"),
        (WEB, "https://forge.example/teammate/lib.git"),
        (WEB, "https://forge.example:8443/team/lib.git"),
        (WEB, "https://forge.example.evil.example/team/lib.git"),
        (WEB, "http://forge.example/team/lib.git"),
        (WEB, "ssh://forge.example/team/lib.git"),
        (WEB, "git@forge.example:team/lib.git"),
        (WEB, "/etc"),
        (WEB, "file:///srv/git/lib.git"),
        (WEB, "--upload-pack=touch /tmp/x"),
        (LOCAL, "../../../etc"),
        (LOCAL, "https://forge.example/team/lib.git"),
        ("/app.git", "../etc"),
        ("https://forge.example/app.git", "../lib.git"),
    ],
)
def test_what_lies_elsewhere_is_refused(repository: str, url: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        resolve(repository, url, path="lib")
    assert (caught.value.reason, "secret" in caught.value.what) == ("submodule", False)
