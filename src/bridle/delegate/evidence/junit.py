"""JUnit XML as evidence: read as the reports of steps are (delegate.report), one file."""

from __future__ import annotations

from bridle.delegate.evidence.documents import Reading, must
from bridle.delegate.evidence.provenance import Keys
from bridle.delegate.report import read_reports


def read_junit(data: bytes, keys: Keys) -> Reading:
    """Read one file; a report of no test at all is no evidence."""
    del keys  # it carries no signature
    report = read_reports({"the file": data})
    counts = {name: int(str(report[name])) for name in ("tests", "failures", "errors", "skipped")}
    must(counts["tests"] > 0, "it tells of no test")
    return Reading("junit", counts)
