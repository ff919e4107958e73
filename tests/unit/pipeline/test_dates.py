"""A moment is one that exists, in the zone that was meant."""

import pytest

from bridle.pipeline.dates import find_zone, parse_moment

ROME = find_zone("Europe/Rome")


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-03-01 10:00", None, "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01 10:00", ROME, "2026-03-01T09:00:00.000000Z"),
        ("2026-07-01 10:00:30", ROME, "2026-07-01T08:00:30.000000Z"),
        ("2026-03-01 10:00 PM", ROME, "2026-03-01T21:00:00.000000Z"),
        ("2026-03-01T10:00:00+05:30", ROME, "2026-03-01T04:30:00.000000Z"),
        ("2026-03-01T10:00Z", None, "2026-03-01T10:00:00.000000Z"),
        ("2028-02-29 00:00", None, "2028-02-29T00:00:00.000000Z"),
        ("2026-10-25 02:30", ROME, "2026-10-25T00:30:00.000000Z"),
    ],
    ids=["utc", "winter", "summer", "pm", "offset", "z", "leap day", "the first of two"],
)
def test_a_moment_is_read(text, zone, moment):
    assert parse_moment(text, zone) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30 10:00",
        "2026-02-29 10:00",
        "2026-13-01 10:00",
        "2026-03-01 24:01",
        "2026-03-01",
        "soon",
        "",
    ],
)
def test_what_is_no_moment_is_none(text):
    assert parse_moment(text) is None


def test_an_hour_that_the_clocks_skip_does_not_exist():
    assert parse_moment("2026-03-29 02:30", ROME) is None
    assert parse_moment("2026-03-29 02:30") is not None


@pytest.mark.parametrize("name", ["Europe/Rom", "../../etc/passwd", "/etc/localtime", "", "Europe"])
def test_what_is_no_zone_is_none(name):
    assert find_zone(name) is None
