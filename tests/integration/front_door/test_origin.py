"""A tree becomes a bare repository: the same commit everywhere, whatever the machine's git is told."""

import subprocess
from pathlib import Path

import pytest

from bridle.adapters.index.origin import make_origin, read_main
from bridle.adapters.index.sample import SHA256, fetch_autofix_archive, import_release, prepare_autofix_origin
from bridle.core.errors import InputError
from bridle.core.settings import Settings, load_settings

SAMPLE_COMMIT = "94d88edfee253a2a4cbadb273b590bcb27f1372f"


def write_tree(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_bytes(b"A = 1\r\n")
    (folder / 'quo"ted ü').write_bytes(b"")
    (folder / "tool").write_bytes(b"#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    return folder


def git(bare: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(bare), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty account, with the cache of the real one: tests fetch nothing."""
    cached = load_settings().data_dir / "cache" / f"{SHA256}.tar.gz"
    if not cached.is_file():
        pytest.skip("the sample's archive is not in the cache; ./run test puts it there")
    cache = tmp_path / "data" / "cache"
    cache.mkdir(parents=True)
    (cache / cached.name).write_bytes(cached.read_bytes())
    return load_settings({"HOME": str(tmp_path), "BRIDLE_DATA_DIR": str(tmp_path / "data")})


def test_the_repository_holds_exactly_the_files(tmp_path: Path) -> None:
    make_origin(write_tree(tmp_path / "tree"), tmp_path / "origin.git")
    entries = git(tmp_path / "origin.git", "ls-tree", "-r", "-z", "main").split("\0")[:-1]
    found = [(entry.split()[0], entry.split("\t")[1]) for entry in entries]
    assert found == [("100644", 'quo"ted ü'), ("100644", "src/a.py"), ("100755", "tool")]


def test_bytes_are_stored_as_they_are(tmp_path: Path) -> None:
    make_origin(write_tree(tmp_path / "tree"), tmp_path / "origin.git")
    stored = subprocess.check_output(
        ["git", "-C", str(tmp_path / "origin.git"), "cat-file", "-p", "main:src/a.py"]
    )
    assert stored == b"A = 1\r\n"


def test_the_commit_does_not_depend_on_the_callers_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree")
    plain = make_origin(tree, tmp_path / "plain.git")
    (tmp_path / ".gitconfig").write_text(
        "[core]\n autocrlf = true\n[user]\n name = somebody\n[i18n]\n commitEncoding = latin1\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    assert make_origin(tree, tmp_path / "told.git") == plain


def test_the_repository_is_sound(tmp_path: Path) -> None:
    make_origin(write_tree(tmp_path / "tree"), tmp_path / "origin.git")
    git(tmp_path / "origin.git", "fsck", "--strict")


def test_a_link_in_the_tree_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="neither a plain file"):
        make_origin(tree, tmp_path / "origin.git")
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_an_existing_repository_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "origin.git").mkdir()
    with pytest.raises(InputError, match="already"):
        make_origin(write_tree(tmp_path / "tree"), tmp_path / "origin.git")


def test_the_samples_commit_is_the_one_the_recorded_model_knows(settings: Settings) -> None:
    origin = prepare_autofix_origin(settings, fresh=False)
    assert (origin.path, origin.commit) == (settings.data_dir / "demo/origin.git", SAMPLE_COMMIT)


def test_what_the_build_left_is_not_in_the_sample(settings: Settings, tmp_path: Path) -> None:
    import_release(fetch_autofix_archive(settings), tmp_path / "origin.git")
    names = git(tmp_path / "origin.git", "ls-tree", "-r", "--name-only", "main").split()
    assert not [name for name in names if "PKG-INFO" in name or "egg-info" in name]


def test_an_origin_that_moved_on_is_kept_until_a_fresh_one_is_asked_for(settings: Settings) -> None:
    bare = prepare_autofix_origin(settings, fresh=True).path
    moved = git(
        bare,
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.invalid",
        "commit-tree",
        "-p",
        "main",
        "-m",
        "x",
        "main^{tree}",
    ).strip()
    git(bare, "update-ref", "refs/heads/main", moved)
    assert prepare_autofix_origin(settings, fresh=False).commit == moved
    assert prepare_autofix_origin(settings, fresh=True).commit == SAMPLE_COMMIT
    assert read_main(bare) == SAMPLE_COMMIT
