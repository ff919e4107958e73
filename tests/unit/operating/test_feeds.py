"""Events for other programs: they are what the specifications' own schemas and SDK take, and lead back to the record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator as Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from bridle.operating.feeds import (
    ACCOUNT_CHANGE,
    API_ACTIVITY,
    FEEDS,
    OCSF_VERSION,
    to_cloudevent,
    to_ocsf,
)
from bridle.trust.journal import GENESIS, Entry, Kind, Record, seal
from unit.trust.story import PUSHED, request, tell


@pytest.fixture(scope="module")
def validators() -> dict[int, Validator]:
    """The official schemas of the classes that we write, by their number."""
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))
    return {
        uid: Validator(
            schemas.get_class_schema(schemas.lookup_class_name_from_uid(uid), ["security_control"])
        )
        for uid in (API_ACTIVITY, ACCOUNT_CHANGE)
    }


def every_kind() -> list[Record]:
    """The story, and a record of every kind that says nothing: whatever is missing, an event is one."""
    told = records()
    more = [
        seal(
            seq=len(told) + number,
            record_id=f"rec_{kind}",
            at=told[0].at,
            entry=Entry(kind, "", "", {}),
            raw={},
            previous=GENESIS,
        )
        for number, kind in enumerate(Kind)
    ]
    return [*told, *more]


def records() -> list[Record]:
    story = tell()
    story.decide(request(9, "git.push", branch="main"), "deny")
    return story.records


def ocsf(kind: Kind, at: int = -1) -> dict[str, Any]:
    return to_ocsf([record for record in records() if record.kind is kind][at])


def test_the_sdk_of_cloudevents_reads_each_record_as_it_is() -> None:
    for record in every_kind():
        event = JSONFormat().read(None, json.dumps(to_cloudevent(record)))
        assert (event.get_id(), event.get_extension("bridlehash")) == (record.id, record.hash)
        assert event.get_data() == record.body


def test_each_record_fits_the_schema_that_ocsf_publishes(validators: dict[int, Validator]) -> None:
    for record in every_kind():
        event: dict[str, Any] = to_ocsf(record)
        complaints = [error.message for error in validators[event["class_uid"]].iter_errors(event)]
        assert complaints == [], record.kind
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["metadata"]["uid"] == record.id


def test_an_attribute_that_ocsf_does_not_have_would_be_noticed(validators: dict[int, Validator]) -> None:
    event = {**ocsf(Kind.DECIDED), "bridle": "yes"}
    assert not validators[API_ACTIVITY].is_valid(event)


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
