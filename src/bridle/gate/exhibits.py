"""What a person is shown of a commit, and what it is compared with: read from the records of its execution."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.visible import show_name
from bridle.gate.provenance import report_of, verified_tree
from bridle.gate.reruns import read_counted
from bridle.trust.journal import Journal


async def describe_exhibits(
    journal: Journal, execution: str, provenance: Mapping[str, Json]
) -> dict[str, Json]:
    """Return what a person should see of a commit: its difference, and the test reports before and after."""
    records = await read_counted(journal, execution)
    before = next((report for report in map(report_of, records) if report is not None), None)
    checks = [record for record in records if verified_tree(record, provenance.get("tree"))]
    found = checks[-1].body["value"] if checks else None
    after = found if isinstance(found, Mapping) else {}
    return {
        "repository": provenance["repository"],
        "message": provenance["message"],
        "agent": provenance["agent"],
        "agent_version": provenance["agent_version"],
        "changed": _show_names(provenance["changed"]),
        "difference": after.get("difference", ""),
        "before": before,
        "after": after.get("suite"),
    }


async def count_baseline(journal: Journal, execution: str) -> int | None:
    """Return how many tests the pipeline's own first report of this execution counted."""
    for record in await read_counted(journal, execution):
        report = report_of(record)
        if report is not None:
            count = report.get("tests")
            return count if isinstance(count, int) else None
    return None


def _show_names(paths: Json) -> Json:
    """A person reads them: what is hidden in a name is written out."""
    return [show_name(str(path)) for path in paths] if isinstance(paths, (list, tuple)) else paths
