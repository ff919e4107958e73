"""Events for other programs: what their specifications require is there, and leads back to the record."""

from __future__ import annotations

from typing import Any

import pytest

from bridle.operating.feeds import FEEDS, to_cloudevent, to_ocsf
from bridle.trust.journal import Kind, Record
from unit.trust.story import PUSHED, request, tell

CLOUDEVENT = {"specversion", "id", "source", "type"}
OCSF = {"class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"}


def records() -> list[Record]:
    story = tell()
    story.decide(request(9, "git.push", branch="main"), "deny")
    return story.records


def ocsf(kind: Kind, at: int = -1) -> dict[str, Any]:
    return to_ocsf([record for record in records() if record.kind is kind][at])


def test_each_record_is_a_cloudevent_with_what_is_required() -> None:
    for record in records():
        event = to_cloudevent(record)
        assert event.keys() >= CLOUDEVENT
        assert all(name.isalnum() and name.islower() for name in event)
        assert (event["id"], event["bridlehash"]) == (record.id, record.hash)


def test_each_record_is_an_ocsf_event_with_what_is_required() -> None:
    for record in records():
        event: dict[str, Any] = to_ocsf(record)
        assert event.keys() >= OCSF
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["metadata"]["uid"] == record.id
        wanted = {"user"} if event["class_uid"] == 3001 else {"actor", "api", "src_endpoint"}
        assert event.keys() >= wanted


@pytest.mark.parametrize(("at", "action", "severity"), [(-1, 2, 3), (-2, 1, 1)], ids=["denied", "allowed"])
def test_a_decision_says_whether_it_was_allowed(at: int, action: int, severity: int) -> None:
    event = ocsf(Kind.DECIDED, at)
    assert (event["action_id"], event["severity_id"]) == (action, severity)
    assert event["actor"]["user"]["uid"] == PUSHED.principal
    assert event["api"]["operation"] == "git.push"


def test_an_outcome_says_how_it_ended() -> None:
    assert ocsf(Kind.OUTCOME)["status_id"] == 1


def test_both_forms_are_offered() -> None:
    assert set(FEEDS) == {"cloudevents", "ocsf"}
