"""SARIF 2.1.0 (OASIS): the results of static analysis.

A result counts when its kind is `fail` (also when left out), it is not suppressed and not `absent` from this run. Its severity is
the rule's `security-severity` (a CVSS score) where there is one, else its level: error is high, warning medium, note low.
Rules are the driver's and its extensions'; of several that a result may mean, the worst counts. A run that does not say that it
was successful failed, and one that keeps its results in another file is refused.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from bridle.core.errors import ExecutionError
from bridle.delegate.evidence.documents import (
    SEVERITIES,
    Reading,
    must,
    objects,
    read_object,
    score_severity,
    tally,
    text,
)
from bridle.delegate.evidence.provenance import Keys

Item = TypeVar("Item")

_NO_FAILURE = ("pass", "open", "informational", "notApplicable", "review")
_LEVELS = {"error": "high", "warning": "medium", "note": "low", "none": "note"}


def read_sarif(data: bytes, keys: Keys) -> Reading:
    """Read a log of one run or more."""
    del keys  # it carries no signature
    document = read_object(data)
    must(document.get("version") == "2.1.0", "its version is not 2.1.0")
    runs = list(objects(document.get("runs"), what="runs"))
    must(bool(runs), "it has no run")
    severities: Counter[str] = Counter()
    counts = Counter(runs=len(runs))
    names, about = [], set()
    for run in runs:
        tool = _object(run, "tool")
        driver = _object(tool, "driver")
        must(bool(text(driver.get("name"))), "a run does not name its tool")
        names.append(text(driver["name"]))
        about |= _revisions(run)
        _count(run, _Rules(driver, objects(tool.get("extensions"), what="extensions")), counts, severities)
    return Reading(
        ", ".join(dict.fromkeys(names)),
        {name: counts[name] for name in ("runs", "results", "suppressed", "failed_runs")},
        frozenset(about),
        severities=tally(severities),
    )


class _Rules:
    """The rules of a run: those of its driver and of each extension in their order, and all of them by id."""

    def __init__(self, driver: dict[str, Any], extensions: Iterator[dict[str, Any]]) -> None:
        self._driver, *self._extensions = (
            list(objects(part.get("rules"), what="rules")) for part in (driver, *extensions)
        )
        self._by_id: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for rule in (rule for rules in (self._driver, *self._extensions) for rule in rules):
            self._by_id[text(rule.get("id"))].append(rule)

    def find(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        """Return every rule that a result may mean, by place or by id; `a/b` is `a` as well."""
        named = _object(result, "rule")
        place, component = (
            result.get("ruleIndex", named.get("index")),
            _object(named, "toolComponent").get("index"),
        )
        rules = _at(self._extensions, component) or self._driver
        found = _at(rules, place)
        name = text(result.get("ruleId")) or text(named.get("id"))
        return [
            *([found] if found else []),
            *self._by_id.get(name, []),
            *self._by_id.get(name.partition("/")[0], []),
        ]


def _at(items: Sequence[Item], place: Any) -> Item | None:
    return items[place] if isinstance(place, int) and 0 <= place < len(items) else None


def _count(run: dict[str, Any], rules: _Rules, counts: Counter[str], severities: Counter[str]) -> None:
    must(isinstance(run.get("results"), list), "a run has no results, so nothing was looked at")
    must(not run.get("externalPropertyFileReferences"), "a run keeps a part of itself in another file")
    counts["failed_runs"] += any(
        item.get("executionSuccessful") is not True
        for item in objects(run.get("invocations"), what="invocations")
    )
    for result in objects(run["results"], what="results"):
        if result.get("kind") in _NO_FAILURE or result.get("baselineState") == "absent":
            continue
        if any(
            item.get("status", "accepted") == "accepted"
            for item in objects(result.get("suppressions"), what="x")
        ):
            counts["suppressed"] += 1
            continue
        counts["results"] += 1
        severities[_severity(result, rules.find(result))] += 1


def _severity(result: dict[str, Any], rules: Sequence[Mapping[str, Any]]) -> str:
    if (score := _score(result)) is not None:
        return _scored(score)
    return min((_severity_by(rule, result) for rule in rules or [{}]), key=SEVERITIES.index)


def _severity_by(rule: Mapping[str, Any], result: dict[str, Any]) -> str:
    if (score := _score(rule)) is not None:
        return _scored(score)
    level = result.get("level") or _object(rule, "defaultConfiguration").get("level") or "warning"
    return _LEVELS.get(text(level), "high")


def _score(holder: Mapping[str, Any]) -> Any:
    return _object(holder, "properties").get("security-severity")


def _scored(score: Any) -> str:
    try:
        number = float(score)
    except (TypeError, ValueError, OverflowError) as error:
        raise ExecutionError("a security-severity is no number") from error
    must(0 <= number <= 10, "a security-severity is not between 0 and 10")  # nor is what is no number
    return score_severity(number)


def _revisions(run: dict[str, Any]) -> set[str]:
    controls = objects(run.get("versionControlProvenance"), what="versionControlProvenance")
    return {f"commit:{text(item['revisionId']).lower()}" for item in controls if text(item.get("revisionId"))}


def _object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name, {})
    must(isinstance(value, dict), f"{name} is not an object")
    return dict(value)
