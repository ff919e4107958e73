"""What a state has a say in, and who holds it: on doubt more rather than less."""

import pytest

from bridle.gate.external import Catalogue
from bridle.operating.cases.reach import find_tools, keep_held
from bridle.operating.cases.reading import read_case_type
from unit.operating.cases.test_reading import SOUND

NAMED = "tools: [mcp.shop.pay, mcp.shop.send.*]"
TYPE = read_case_type(SOUND.replace("tools: [mcp.shop.*]", NAMED), source="t.yaml")
KNOWN = find_tools(TYPE, Catalogue())


@pytest.mark.parametrize(
    "word", ["*", "mcp:*", "mcp:shop.*", "mcp:shop.p*", "mcp:shop.pay", "mcp:shop.send.mail"]
)
def test_who_holds_a_pattern_or_a_part_of_it_widens_by_what_only_the_target_covers(word):
    """No server says that any of these tools is there: it counts all the same."""
    assert TYPE.widens("busy", "new", {**keep_held(KNOWN, {word})})


def test_what_nobody_holds_is_held_by_nobody():
    assert keep_held(KNOWN, {"mcp:mail.send", "case:move", "file:read"}) == {"mcp.mail.send": "consequential"}


def test_what_lasts_counts_and_what_only_reads_in_the_workspace_does_not():
    assert {"git.push", "mcp.*", "mcp.shop.pay", "mcp.shop.send.*"} <= set(KNOWN)
    assert not {"file.read", "case.move"} & set(KNOWN)
