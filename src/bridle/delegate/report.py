"""JUnit reports, written by a program that may lie or attack: read with ceilings, counted by ourselves.

Rules
  1. Tests are counted one by one; the totals that a report claims about itself are not read.
  2. A document type, an entity, a size, depth or count beyond the ceilings: ExecutionError with the file's place.
  3. What comes out has no times in it and is sorted, so that the same results have the same digest.

A report says what the suite printed about itself. It cannot prove that the tests were really run.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from bridle.core.canonical import Json, digest
from bridle.core.errors import ExecutionError
from bridle.delegate.output import normalise

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_FILE_BYTES = 16 << 20
MAX_FILES = 200
MAX_ELEMENTS = 500_000
MAX_DEPTH = 32
MAX_FAILING = 200  # listed; all are counted
MAX_MESSAGE = 300
MAX_NAME = 500

_KINDS = ("error", "failure", "skipped")  # the first that is found says what became of a test
_COUNTERS = {"error": "errors", "failure": "failures", "skipped": "skipped"}


def read_reports(files: Mapping[str, bytes]) -> dict[str, Json]:
    """Read JUnit files (path to content) into one report.

    `{"format", "tests", "failures", "errors", "skipped", "failing_count", "failing": [{"name", "kind",
    "message"}], "digest"}`; the digest is that of the rest.
    """
    if len(files) > MAX_FILES:
        raise ExecutionError(
            f"{len(files)} report files; the limit is {MAX_FILES}", reason="report-too-large"
        )
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    failing: list[dict[str, Json]] = []
    for path in sorted(files):
        for case in _cases(path, files[path]):
            _count(case, counts, failing)
    failing.sort(key=lambda item: (str(item["name"]), str(item["kind"]), str(item["message"])))
    report: dict[str, Json] = {
        "format": "junit",
        **counts,
        "failing_count": counts["failures"] + counts["errors"],
        "failing": failing[:MAX_FAILING],
    }
    return {**report, "digest": digest(report)}


def _count(case: Element, counts: dict[str, int], failing: list[dict[str, Json]]) -> None:
    counts["tests"] += 1
    kind = next((kind for kind in _KINDS if case.find(kind) is not None), "")
    if not kind:
        return
    counts[_COUNTERS[kind]] += 1
    if kind != "skipped":
        failing.append({"name": _name(case), "kind": kind, "message": _message(case, kind)})


def _name(case: Element) -> str:
    parts = (case.get("classname", ""), case.get("name", ""))
    return normalise(".".join(part for part in parts if part))[:MAX_NAME]


def _message(case: Element, kind: str) -> str:
    found = case.find(kind)
    assert found is not None
    text = (found.get("message") or found.text or "").strip()
    first = text.splitlines()[0] if text else ""
    name = found.get("type") or ""
    whole = first if not name or name in first else f"{name}: {first}"
    return normalise(whole)[:MAX_MESSAGE]


def _cases(path: str, data: bytes) -> Iterator[Element]:
    """Give each test case of one file; raise ExecutionError for what is no honest report."""
    if len(data) > MAX_FILE_BYTES:
        raise _bad(path, f"has {len(data)} bytes; the limit is {MAX_FILE_BYTES}")
    depth = count = 0
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            count += event == "start"
            if depth > MAX_DEPTH or count > MAX_ELEMENTS:
                raise _bad(path, "is nested too deeply or has too many elements")
            if event == "end" and element.tag == "testcase":
                yield element
                element.clear()
    except DefusedXmlException as exc:
        raise _bad(path, f"declares {type(exc).__name__}, which no report needs") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise _bad(path, f"is no XML: {exc}") from exc


def _bad(path: str, what: str) -> ExecutionError:
    return ExecutionError(
        f"the report {path} {what}",
        where=path,
        hint="let the test runner write JUnit XML",
        reason="bad-report",
    )
