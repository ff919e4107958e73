"""The lists of attacks, and of what recovery proves, name tests that are there."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
LISTS = [(TOP / "docs" / name).read_text("utf-8") for name in ("attacks.md", "recovery.md")]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", "\n".join(LISTS))


def test_what_a_list_names_is_tried() -> None:
    texts = {file: (TOP / file).read_text("utf-8") for file, _ in NAMED}
    missing = [
        (file, test) for file, test in NAMED if (f"def {test}(" if test else "def test_") not in texts[file]
    ]
    assert (len(NAMED) > 100, missing) == (True, [])
