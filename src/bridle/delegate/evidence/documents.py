"""JSON that somebody else wrote, with ceilings; and what a reader of evidence gives back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError
from bridle.core.visible import make_visible

MAX_VALUES = 1_000_000
MAX_DEPTH = 64
MAX_TEXT = 200
SEVERITIES = ("critical", "high", "medium", "low", "note")


@dataclass(frozen=True)
class Reading:
    """What a file says. `about` are subjects that it names; with `names_all` the one it is for has to be among them."""

    name: str
    counts: Mapping[str, int]
    about: frozenset[str] = frozenset()
    names_all: bool = False
    signers: tuple[str, ...] = ()
    severities: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the summary; `highest` is the worst severity found, empty when there is none or the type has none."""
        highest = next((severity for severity in SEVERITIES if self.severities.get(severity)), "")
        return {
            "name": make_visible(self.name)[:MAX_TEXT],
            "counts": {**{name: int(count) for name, count in self.counts.items()}, **self.severities},
            "highest": highest,
            "signers": list(self.signers),
        }


def read_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object that `data` holds; raise ExecutionError when it is none, or too large or deep."""
    values = 0

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal values
        values += len(pairs)
        found = dict(pairs)
        if values > MAX_VALUES or len(found) != len(pairs):
            raise ValueError("it has too many values" if values > MAX_VALUES else "a key stands twice")
        return found

    try:
        _check_depth(data)
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ExecutionError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ExecutionError("it is not a JSON object")
    return document


def _check_depth(data: bytes) -> None:
    depth = 0
    for byte in data.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH * 2:  # brackets in texts count as well: what is honest has few
            raise ValueError("it is nested too deeply")


_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def objects(value: Any, *, what: str) -> Iterator[dict[str, Any]]:
    """Give the objects of a list; raise ExecutionError when it is no list of objects. None is an empty list."""
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ExecutionError(f"{what} is not a list of objects")
    yield from value


def text(value: Any) -> str:
    """Return a text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def must(holds: bool, otherwise: str) -> None:
    """Raise ExecutionError unless it holds."""
    if not holds:
        raise ExecutionError(otherwise)


def as_severity(value: Any) -> str:
    """Return a word of CVSS or of a scanner in our scale."""
    word = text(value).lower()
    return {
        "moderate": "medium",
        "info": "note",
        "informational": "note",
        "none": "note",
        "unknown": "high",
    }.get(word, word if word in SEVERITIES else "high")


def score_severity(score: float) -> str:
    """Return a score of CVSS 3 in its own scale."""
    steps = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((severity for least, severity in steps if score >= least), "note")


def tally(found: Counter[str]) -> dict[str, int]:
    """Return how often each severity was found, all of them named."""
    return {severity: found[severity] for severity in SEVERITIES}
