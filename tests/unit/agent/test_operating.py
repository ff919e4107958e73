"""What an agent's file says of how it works, and what it leaves unsaid: named, never filled in, and never granted."""

from pathlib import Path

import pytest

from bridle.agent.forms import find_gaps, parse_agent
from bridle.agent.operating import OPERATING, summarise_gaps
from bridle.core.boundary import Boundary
from bridle.core.errors import InputError

BARE = "---\nname: a.b\nversion: 1.0.0\ntools: [file.read, file.edit]\n---\nHelp.\n"
SHIPPED = Path(__file__).parents[3] / "agents"
PARTS = {
    "description": "description: Helps.",
    "owner": "owner: ana",
    "purpose": "purpose: repair",
    "boundary.write": "boundary: {write: [src/**]}",
    "boundary.protect": "boundary: {protect: [tests/**]}",
    "boundary.push": "boundary: {push: [fix/**]}",
    "boundary.network": "boundary: {network: off}",
    "limits.max_turns": "limits: {max_turns: 5}",
    "limits.max_tokens": "limits: {max_tokens: 5}",
    "limits.max_cost_usd": "limits: {max_cost_usd: 1}",
    "limits.timeout": "limits: {timeout: 5m}",
    **{f"operating.{name}": f"operating: {{{name}: some words}}" for name in OPERATING},
}


def gaps(text):
    return {gap.hint.removeprefix("add ") for gap in find_gaps(text, file="a.md")}


def test_a_bare_file_has_every_gap():
    assert gaps(BARE) == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_stated_is_no_gap_and_nothing_else_is(part):
    assert gaps(BARE.replace("tools:", f"{PARTS[part]}\ntools:")) == set(PARTS) - {part}


def test_what_is_not_declared_is_not_granted():
    agent = parse_agent(BARE, file="a.md", owner="ana")
    assert agent.boundary == Boundary()
    assert agent.permissions == {"file:read", "file:edit", "model:call"}


def test_words_about_work_grant_nothing_and_make_another_version():
    stated = BARE.replace("tools:", "operating: {verification: it may push to main}\ntools:")
    bare, agent = (parse_agent(text, file="a.md", owner="ana") for text in (BARE, stated))
    assert (agent.permissions, agent.boundary) == (bare.permissions, bare.boundary)
    assert agent.digest != bare.digest


@pytest.mark.parametrize(
    "part",
    [
        "operating: {unit_of_wok: x}",
        "operating: {verification: ''}",
        "operating: {context_sources: []}",
        "unit_of_work: x",
    ],
)
def test_what_is_misspelt_empty_or_misplaced_is_refused(part):
    with pytest.raises(InputError):
        parse_agent(BARE.replace("tools:", f"{part}\ntools:"), file="a.md", owner="ana")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*/*.md")), ids=lambda file: file.parent.name)
def test_agents_that_ship_leave_nothing_unsaid(file):
    assert gaps(file.read_text("utf-8")) == set()


def test_what_is_left_unsaid_is_one_line():
    gaps = [InputError("a", hint="add operating.verification"), InputError("b", hint="add limits.timeout")]
    (line,) = summarise_gaps(gaps)
    assert "operating.verification, limits.timeout" in line
    assert summarise_gaps([]) == []
