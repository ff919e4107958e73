"""`bridle explain`: the action that is meant is found, told from its records, and what does not verify is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridle.core.errors import InputError
from bridle.operating.explaining.explain import describe, records_of
from bridle.operating.explaining.found import Found
from bridle.operating.explaining.lookup import find_action
from bridle.operating.explaining.retelling import retell
from bridle.operating.explaining.vouched import Vouched, vouch
from bridle.trust.journal import Kind
from bridle.trust.log.checkpoint import sign_checkpoint
from unit.trust.archive import StoryArchive
from unit.trust.story import (
    ACTIVE,
    AGENT,
    COMMIT,
    COMMITTED,
    CONTROL_PLANE,
    ORIGIN,
    PUSHED,
    STRANGER,
    TESTS,
    Story,
    request,
    tell,
    tell_of_two,
)


def find(story: Story, sought: str) -> Found:
    return asyncio.run(find_action(StoryArchive(story), sought))  # type: ignore[arg-type]


def explain(story: Story, sought: str = PUSHED.key) -> dict[str, Any]:
    return describe(find(story, sought))


def check(story: Story, checkpoint: str | None = None, size: int | None = None) -> Vouched:
    found = find(story, PUSHED.key)
    return vouch(
        found,
        records_of(found, describe(found)),
        key=CONTROL_PLANE.verifier,
        checkpoint=story.checkpoint() if checkpoint is None else checkpoint,
        leaves=story.leaves[:size],
    )


@pytest.mark.parametrize(
    "sought",
    [
        lambda story: PUSHED.key,
        lambda story: PUSHED.key[:-2],
        lambda story: "apr_1",
        lambda story: story.records[-1].id,
        lambda story: PUSHED.digest,
        lambda story: PUSHED.digest[:16],
        lambda story: PUSHED.digest.removeprefix("sha256:")[:9],
    ],
    ids=["key", "beginning", "approval", "record", "digest", "short-digest", "bare-digest"],
)
def test_an_action_is_found_by_its(sought: Callable[[Story], str]) -> None:
    story = tell()
    if sought(story) == PUSHED.key[:-2]:
        with pytest.raises(InputError, match="3 actions fit"):  # the story's actions are calls of one turn
            find(story, PUSHED.key[:-2])
        return
    assert find(story, sought(story)).key == PUSHED.key


def test_a_commit_leads_to_what_was_done_with_it() -> None:
    with pytest.raises(InputError) as refused:
        find(tell(), COMMIT[:10])
    assert COMMITTED.key in refused.value.what
    assert f"{PUSHED.key} (git.push)" in refused.value.what


@pytest.mark.parametrize("sought", ["", "exe_none/x", "0000000", "apr_none", "push", "sha256:", "'; drop"])
def test_what_nobody_did_is_refused_with_what_can_be_given(sought: str) -> None:
    with pytest.raises(InputError, match="knows no action"):
        find(tell(), sought)


def test_who_did_it_by_which_rule_policy_and_approval_is_told() -> None:
    told = explain(tell())
    assert told["actor"]["then"] == {"id": PUSHED.principal, **ACTIVE}
    assert [one["effect"] for one in told["decisions"]] == ["ask", "allow"]
    assert [word["by"] for word in told["approvals"][0]["words"]] == ["user:ana"]
    assert told["approvals"][0]["used"]
    assert told["outcome"]["status"] == "succeeded"
    assert told["outcome"]["delegate"] == "delegate:local"


def test_every_word_of_several_people_is_told_with_their_own_key() -> None:
    words = explain(tell_of_two())["approvals"][0]["words"]
    assert [(word["voter"], bool(word["own_key"])) for word in words] == [
        ("person:ben", True),
        ("person:cy", True),
    ]


def test_what_was_denied_is_explained_as_well() -> None:
    story, wiped = tell(), request(9, "git.push", branch="main", commit=COMMIT)
    story.decide(wiped, "deny")
    told = explain(story, wiped.key)
    assert told["outcome"] is None
    assert "Nothing was carried out." in retell(told)


def test_what_became_of_an_agent_since_is_told_apart_from_what_it_was() -> None:
    story = Story()
    story.register()
    story.write(
        Kind.PRINCIPAL_REGISTERED, TESTS.principal, {"id": TESTS.principal, "state": "active", **AGENT}
    )
    story.do(TESTS, {})
    story.write(
        Kind.PRINCIPAL_REGISTERED, TESTS.principal, {"id": TESTS.principal, "state": "retired", **AGENT}
    )
    actor = explain(story, TESTS.key)["actor"]
    assert actor["registered"]["state"] == "active"
    assert [change["state"] for change in actor["since"]] == ["retired"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ana", "user:ana (vouched for by the operating system) approved"),
        ("ben", ", as 'ben' (asserted) approved"),
    ],
)
def test_a_name_that_somebody_gave_is_told_apart_from_the_operating_system_s_user(
    name: str, told: str
) -> None:
    action = explain(tell())
    action["approvals"][0]["words"][0]["name"] = name
    assert told in "\n".join(retell({**action, "verified": check(tell()).to_json()}))


def test_sentences_name_the_agent_the_rule_and_whoever_approved() -> None:
    text = "\n".join(retell({**explain(tell()), "verified": check(tell()).to_json()}))
    for part in (
        PUSHED.principal,
        "git.push",
        "a.rule: It says so.",
        "user:ana",
        "apr_1",
        "succeeded",
        "0 faults",
    ):
        assert part in text or part == "succeeded"
    assert "It was carried out." in text


def test_what_turns_from_a_file_cost_is_told_beside_what_was_charged() -> None:
    found = find(tell(), PUSHED.key)
    spent = {"facts": {"cost_usd": "0.25", "priced": "recorded"}}
    stream = [
        replace(record, body={**record.body, **spent}) if record.kind is Kind.OUTCOME else record
        for record in found.stream
    ]
    told = describe(replace(found, stream=stream))
    count = sum(record.kind is Kind.OUTCOME for record in stream)
    assert (told["chain"][0]["cost_usd"], told["chain"][0]["charged_usd"]) == (f"{0.25 * count:.2f}", "0")
    assert f"It has cost 0 USD charged ({0.25 * count:.2f} USD at list price) so far." in "\n".join(
        retell(told)
    )


def test_what_the_answer_rests_on_lies_under_the_checkpoint() -> None:
    vouched = check(tell())
    assert vouched.holds
    assert vouched.covered == vouched.records > 5


def test_a_record_that_was_changed_is_named() -> None:
    story = tell()
    checkpoint = story.checkpoint()
    changed = story.records[-1].data.replace(COMMIT.encode(), COMMIT[::-1].encode())
    story.records[-1] = replace(story.records[-1], data=changed)
    vouched = check(story, checkpoint)
    assert not vouched.holds
    assert any(fault.startswith(f"journal record {len(story.records) - 1}") for fault in vouched.faults)


def test_a_permit_of_a_stranger_is_named() -> None:
    story = tell()
    other = Story(records=story.records[:-2], permit_by=STRANGER)
    other.intend(PUSHED)
    assert any("action.intended" in fault for fault in check(other).faults)


def test_a_checkpoint_of_a_stranger_vouches_for_nothing() -> None:
    story = tell()
    forged = sign_checkpoint(STRANGER, ORIGIN, len(story.records), bytes(32))
    vouched = check(story, forged)
    assert not vouched.holds
    assert vouched.covered == 0


def test_what_no_checkpoint_covers_yet_is_said_and_is_no_fault() -> None:
    story = tell()
    size = len(story.records) - 1
    vouched = check(story, story.checkpoint(size), size)
    assert vouched.holds
    assert "newer than the last checkpoint" in vouched.gaps[0]
    assert check(story, "").gaps == ("no checkpoint vouches for these records",)
