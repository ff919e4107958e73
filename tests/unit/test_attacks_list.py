"""The list of attacks names tests that are there."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", (TOP / "docs" / "attacks.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test or file for file, test in NAMED])
def test_an_attack_in_the_list_is_tried(file: str, test: str) -> None:
    text = (TOP / file).read_text("utf-8")
    assert re.search(rf"def {test}\(" if test else r"def test_", text), f"{file} has no {test}"
