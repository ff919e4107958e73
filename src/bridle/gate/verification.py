"""What must be true of a tree before it is committed, read from what the delegate recomputed about it.

Rules
  1. The verification is of the tree that would be committed, and of no other.
  2. Every path that changed may be written by the step: the delegate's word (`outside`) and our own
     reading of `changed` must both say so.
  3. The delegate has looked for secrets in the lines that are added, and found none.
  4. The suite ran, ended with 0, and has neither failures nor errors.
  5. It ran a test, and counts no fewer of them than `baseline_tests` when there is such a number: the
     pipeline's own first report. A skipped test did not run.

What cannot be read counts as not true. Each function returns a complaint that tells the reader what to do,
or an empty string. Pure: running the suite and comparing the trees is the delegate's work.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.visible import show_name

SHOWN_PATHS = 20  # enough to act on; the whole list is in the record


def difference_complaint(verification: Mapping[str, Json] | None, *, tree: str, boundary: Boundary) -> str:
    """Say why the difference may not be committed. `tree` is the workspace's now, empty when not known."""
    if verification is None or not isinstance(verification.get("tree"), str) or not verification["tree"]:
        return "What changed in the workspace has not been recomputed, so nothing can be committed."
    if tree and verification["tree"] != tree:
        return "The workspace has changed since it was verified. Commit again, so that it is verified anew."
    outside, changed = _paths(verification, "outside"), _paths(verification, "changed")
    if outside is None or changed is None:
        return "The list of changed paths cannot be read, so nothing can be committed."
    forbidden = sorted({*outside, *(path for path in changed if not boundary.may_write(path))})
    if forbidden:
        shown = ", ".join(map(show_name, forbidden[:SHOWN_PATHS]))
        return f"These paths changed and may not: {shown}. Put them back, then commit again."
    return ""


def secrets_complaint(verification: Mapping[str, Json] | None) -> str:
    """Say which added lines hold a secret: where and of what format, never the value.

    Without any verification the difference's complaint says it all.
    """
    if verification is None:
        return ""
    found = verification.get("secrets")
    if not isinstance(found, (list, tuple)):
        return "Nobody has looked for secrets in what is to be committed, so nothing can be committed."
    if not found:
        return ""
    places = ", ".join(_place(item) for item in found[:SHOWN_PATHS])
    return (
        f"Added lines hold secrets: {places}. Take them out, also where a line was only moved into another file, then "
        "commit again; what is a secret is referred to, and what is none has to look like none."
    )


def _place(found: Json) -> str:
    item = found if isinstance(found, Mapping) else {}
    return f"{item.get('path', '?')}:{item.get('line', '?')} ({item.get('format', 'unknown')})"


def suite_complaint(verification: Mapping[str, Json] | None) -> str:
    """Say why the test suite does not allow a commit."""
    suite = (verification or {}).get("suite")
    if not isinstance(suite, Mapping):
        return "The test suite was not run on what is to be committed."
    try:
        bad, exit_code = _count(suite, "failures") + _count(suite, "errors"), _count(suite, "exit_code")
        tests, skipped = _count(suite, "tests"), _count({"skipped": 0, **suite}, "skipped")
        baseline = (verification or {}).get("baseline_tests")
        wanted = 1 if baseline is None else _count({"tests": baseline}, "tests")
    except (KeyError, TypeError):
        return "The report of the test suite cannot be read."
    if bad or exit_code != 0:
        return f"The test suite is not green: {bad} of {tests} tests failed (exit code {exit_code})."
    if tests < wanted or tests - skipped < 1:
        return f"The test suite has {tests} tests, {skipped} of them skipped; it had {wanted} at the start."
    return ""


def _paths(verification: Mapping[str, Json], name: str) -> list[str] | None:
    value = verification.get(name)
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return None
    return [str(item) for item in value]


def _count(suite: Mapping[str, Json], name: str) -> int:
    value = suite[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value
