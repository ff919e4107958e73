"""Moments as people write them: a date and a time, with a zone beside it or an offset in it.

Rules
  1. `2026-03-01 10:00`, `2026-03-01 10:00 PM` and ISO 8601 are read; without a zone or an offset it is UTC.
  2. A day that does not exist is none, and so is an hour that the zone skips when its clocks go forward.
  3. An hour that comes twice means the first one: a deadline is never later than it may have been meant.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from bridle.core.clock import iso

FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M %p")


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of that name, such as `Europe/Rome`; None when there is none."""
    if name in ("UTC", "Etc/UTC"):
        return UTC  # known without a database of zones, which a small image may lack
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder
        return None


def parse_moment(text: str, zone: tzinfo | None = None) -> str | None:
    """Return the moment as ISO 8601 in UTC; None when `text` is no moment that exists."""
    found = _read(" ".join(text.split()))
    if found is None:
        return None
    if found.tzinfo is not None:
        return iso(found)
    local = found.replace(tzinfo=zone or UTC)
    back = local.astimezone(UTC).astimezone(zone or UTC)
    return iso(local) if back.replace(tzinfo=None) == found else None


def _read(text: str) -> datetime | None:
    for form in FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone stands beside it
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text) if ":" in text else None  # a day alone has no hour to end at
    except ValueError:
        return None
