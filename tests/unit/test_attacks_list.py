"""The lists of attacks, and of what recovery proves, name tests that are there."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LISTS = [(TOP / "docs" / name).read_text("utf-8") for name in ("attacks.md", "recovery.md")]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", "\n".join(LISTS))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test or file for file, test in NAMED])
def test_what_a_list_names_is_tried(file: str, test: str) -> None:
    text = (TOP / file).read_text("utf-8")
    assert re.search(rf"def {test}\(" if test else r"def test_", text), f"{file} has no {test}"
