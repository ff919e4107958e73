"""SARIF 2.1.0 (OASIS): the results of static analysis.

A result counts when its kind is `fail` (also when left out), it is not suppressed and not `absent` from this run. Its severity is
the rule's `security-severity` (a CVSS score) where there is one, else its level: error is high, warning medium, note low.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from bridle.core.errors import ExecutionError
from bridle.delegate.evidence.documents import (
    Reading,
    must,
    objects,
    read_object,
    score_severity,
    tally,
    text,
)
from bridle.delegate.evidence.provenance import Keys

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
        driver = _object(_object(run, "tool"), "driver")
        must(bool(text(driver.get("name"))), "a run does not name its tool")
        names.append(text(driver["name"]))
        about |= _revisions(run)
        _count(run, driver, counts, severities)
    return Reading(
        ", ".join(dict.fromkeys(names)),
        {name: counts[name] for name in ("runs", "results", "suppressed", "failed_runs")},
        frozenset(about),
        severities=tally(severities),
    )


def _count(
    run: dict[str, Any], driver: dict[str, Any], counts: Counter[str], severities: Counter[str]
) -> None:
    must(isinstance(run.get("results"), list), "a run has no results, so nothing was looked at")
    rules = list(objects(driver.get("rules"), what="rules"))
    by_id = {text(rule.get("id")): rule for rule in rules}
    counts["failed_runs"] += any(
        item.get("executionSuccessful") is False
        for item in objects(run.get("invocations"), what="invocations")
    )
    for result in objects(run["results"], what="results"):
        if result.get("kind", "fail") != "fail" or result.get("baselineState") == "absent":
            continue
        if any(
            item.get("status", "accepted") == "accepted"
            for item in objects(result.get("suppressions"), what="x")
        ):
            counts["suppressed"] += 1
            continue
        counts["results"] += 1
        severities[_severity(result, _rule_of(result, rules, by_id))] += 1


def _rule_of(
    result: dict[str, Any], rules: list[dict[str, Any]], by_id: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    index = result.get("ruleIndex", _object(result, "rule").get("index"))
    if isinstance(index, int) and 0 <= index < len(rules):
        return rules[index]
    return by_id.get(text(result.get("ruleId")) or text(_object(result, "rule").get("id")), {})


def _severity(result: dict[str, Any], rule: dict[str, Any]) -> str:
    for holder in (result, rule):
        score = _object(holder, "properties").get("security-severity")
        if score is not None:
            return _scored(score)
    level = result.get("level") or _object(rule, "defaultConfiguration").get("level") or "warning"
    return _LEVELS.get(text(level), "high")


def _scored(score: Any) -> str:
    try:
        return score_severity(float(score))
    except (TypeError, ValueError) as error:
        raise ExecutionError("a security-severity is no number") from error


def _revisions(run: dict[str, Any]) -> set[str]:
    controls = objects(run.get("versionControlProvenance"), what="versionControlProvenance")
    return {f"commit:{text(item['revisionId']).lower()}" for item in controls if text(item.get("revisionId"))}


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name, {})
    must(isinstance(value, dict), f"{name} is not an object")
    return dict(value)
