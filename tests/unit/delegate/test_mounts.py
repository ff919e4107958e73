from __future__ import annotations

import pytest

from bridle.delegate.mounts import static_prefix


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("src/**", "src"),
        ("src/iso*/x", "src"),
        ("**/*.py", "."),
        ("*", "."),
        ("src/a.py", "src/a.py"),
        ("src/", "src"),
        (".", "."),
    ],
)
def test_the_folder_before_the_first_wildcard_is_mounted(pattern: str, prefix: str) -> None:
    assert static_prefix(pattern) == prefix
