"""What holds for every test.

Rules
  1. In CI a skip is a failure, unless its reason is listed in allowed_skips.txt.
  2. The long form of a campaign runs only when a marker is asked for with `-m`.
  3. A worker forks all its processes from one parent.
  4. An example of a property has five seconds: on a busy machine a whole one takes long, and only what hangs takes that.
  5. What was imported and collected is never searched for garbage again: with thousands of tests that takes half a second.
"""

import gc
import os
from collections.abc import Generator, Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from support.forks import Forks

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
settings.register_profile("bridle", deadline=timedelta(seconds=5))
settings.load_profile("bridle")
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if item not in long]
    if long:
        config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def forks() -> Iterator["Forks"]:
    """A parent for processes of ours, which has imported everything."""
    from support.forks import opened_forks  # here: the rules above are tested with this file alone

    with opened_forks() as parent:
        yield parent


def _judge(report: Report) -> Report:
    """Turn a skip for an unlisted reason into a failure that names it; leave expected failures alone."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not any(fnmatchcase(reason, listed) for listed in _allowed()):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI for a reason that tests/allowed_skips.txt does not list: {reason}"
    return report


def _allowed() -> list[str]:
    lines = ALLOWED_SKIPS.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
