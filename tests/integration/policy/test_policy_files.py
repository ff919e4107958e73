"""Policy sets on disk: which files are read, how they are named, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridle.adapters.rego.policy_set import MAX_MODULE_BYTES, load_policy_set
from bridle.core.errors import InputError


def write(folder: Path, name: str, text: str = "package bridle.gate\n") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_folder_is_read_with_what_lies_below_it_but_not_its_tests(tmp_path: Path) -> None:
    for name in ("set/a.rego", "set/deep/b.rego", "set/a_test.rego", "set/readme.md"):
        write(tmp_path, name)
    assert sorted(load_policy_set([tmp_path / "set"]).modules) == ["set/a.rego", "set/deep/b.rego"]


def test_a_set_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write(tmp_path, f"{place}/set/a.rego")
    first, second = (load_policy_set([tmp_path / place / "set"]) for place in ("one", "two"))
    assert first.digest == second.digest


def test_a_file_is_added_to_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "set/a.rego")
    more = write(tmp_path, "more.rego")
    assert sorted(load_policy_set([tmp_path / "set", more]).modules) == ["more.rego", "set/a.rego"]


def test_two_modules_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{folder}/a.rego") for folder in ("one", "two")]
    with pytest.raises(InputError, match=r"two policies are called a\.rego"):
        load_policy_set(files)


def test_a_path_without_a_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no policy here"):
        load_policy_set([tmp_path / "missing.rego"])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no policy here"):
        load_policy_set([tmp_path])


def test_text_that_is_not_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_bytes(b"package \xff")
    with pytest.raises(InputError, match=r"a\.rego:1:9: not UTF-8"):
        load_policy_set([tmp_path])


def test_a_module_that_is_too_long_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.rego", "#" * (MAX_MODULE_BYTES + 1))
    with pytest.raises(InputError, match="split it"):
        load_policy_set([tmp_path])
