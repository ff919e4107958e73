"""Records of another execution count in a rerun's evidence only where an end that is repeated leads to them."""

from __future__ import annotations

import pytest

from bridle.core.canonical import Json
from bridle.trust.evidence.taken_over import collect_ends, find_foreign
from bridle.trust.journal import JournalError, Kind, Record
from bridle.trust.keys import KeyRing
from bridle.trust.trail import Trail
from unit.trust.story import CONTROL_PLANE, Story


def end(story: Story, execution: str, stage: str, **body: Json) -> Record:
    return story.write(
        Kind.BLOCK_ENDED, stage, {"state": "succeeded", "note": "", **body}, execution=execution
    )


def rerun_twice() -> Story:
    """exe_1 commits; exe_2 takes its stage over, exe_3 takes it over from there and pushes."""
    story = Story()
    story.write(Kind.OUTCOME, "exe_1/make/fix#0.0", {}, execution="exe_1")
    first = end(story, "exe_1", "make")
    story.write(Kind.OUTCOME, "exe_1/make/late#0.0", {}, execution="exe_1")
    second = end(story, "exe_2", "make", reused=first.id)
    end(story, "exe_3", "make", reused=second.id)
    story.write(Kind.OUTCOME, "exe_3/ship/push#0.0", {}, execution="exe_3")
    return story


def kept(story: Story, *places: int) -> list[Record]:
    return [story.records[place] for place in places]


def test_the_ends_lead_to_what_the_stage_did() -> None:
    story = rerun_twice()
    ends = collect_ends(story.records, kept(story, 0, 5))
    assert list(ends) == ["make.taken-over.1", "make.taken-over.2", "make.taken-over.3"]
    assert find_foreign([story.records[0], *ends.values(), story.records[5]], execution="exe_3") is None


def test_a_run_that_took_nothing_over_carries_no_ends() -> None:
    story = rerun_twice()
    assert collect_ends(story.records, kept(story, 0)) == {}


@pytest.mark.parametrize(
    ("places", "foreign"),
    [
        ((0, 5), 0),  # nothing leads there
        ((0, 1, 4, 5), 0),  # a link is missing
        ((0, 3, 4, 5), 0),  # the last link is missing
        ((0, 1, 2, 3, 4, 5), 2),  # it was done after the stage had ended
    ],
)
def test_what_no_end_leads_to_is_foreign(places: tuple[int, ...], foreign: int) -> None:
    story = rerun_twice()
    found = find_foreign(kept(story, *places), execution="exe_3")
    assert found == story.records[foreign]


def test_another_stage_is_foreign() -> None:
    story = Story()
    story.write(Kind.OUTCOME, "exe_1/makeup/fix#0.0", {}, execution="exe_1")
    end(story, "exe_2", "make", reused=end(story, "exe_1", "make").id)
    assert find_foreign(story.records, execution="exe_2") == story.records[0]


def test_an_approval_counts_while_the_stage_had_not_ended() -> None:
    story = Story()
    early = story.write(Kind.APPROVAL_VERDICT, "apr_1", {}, execution="exe_1")
    first = end(story, "exe_1", "make")
    late = story.write(Kind.APPROVAL_VERDICT, "apr_2", {}, execution="exe_1")
    second = end(story, "exe_2", "make", reused=first.id)
    assert find_foreign([early, first, second], execution="exe_2") is None
    assert find_foreign([first, late, second], execution="exe_2") == late


@pytest.mark.parametrize(
    ("execution", "stage", "body"),
    [
        ("exe_2", "make", {"reused": "rec_77"}),
        ("exe_2", "other", {"reused": "rec_0"}),
        ("exe_1", "make", {"reused": "rec_0"}),
        ("exe_2", "make", {"reused": "rec_0", "state": "skipped"}),
    ],
)
def test_an_end_that_repeats_none_breaks_the_trail(execution: str, stage: str, body: dict[str, Json]) -> None:
    story, trail = Story(), Trail(KeyRing.only(CONTROL_PLANE.verifier))
    trail.follow(end(story, "exe_1", "make"))
    repeated = end(story, execution, stage, **body)
    with pytest.raises(JournalError, match="repeats"):
        trail.follow(repeated)
