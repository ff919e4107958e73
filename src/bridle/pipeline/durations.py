"""Durations as people write them: `30s`, `10m`, `1h30m`, `1d`, `2w`, or a bare number of seconds."""

from __future__ import annotations

import re

LONGEST_S = 53 * 7 * 86_400  # what the dialect allows an approval to wait
_UNITS_S = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:(\d{1,8})w)?(?:(\d{1,8})d)?(?:(\d{1,8})h)?(?:(\d{1,8})m)?(?:(\d{1,8})s)?", re.ASCII)


def parse_duration(text: str) -> int | None:
    """Return the seconds that `text` stands for; None when it is no duration from 1 s to 53 weeks."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        seconds = int(text)
    else:
        match = _FORM.fullmatch(text.replace(" ", ""))
        groups = match.groups() if match else ()
        seconds = sum(int(group or 0) * unit for group, unit in zip(groups, _UNITS_S.values(), strict=False))
    return seconds if 1 <= seconds <= LONGEST_S else None
