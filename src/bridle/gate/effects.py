"""Effects: the only place from which a delegate is told to do something. Imported by the gate alone.

The intent is durable before this is called, and the outcome is written after. A report that does not verify is no
outcome: what happened is unknown, and a person has to look.
"""

from __future__ import annotations

from bridle.core.errors import TrustError
from bridle.dispatch.protocol import Delegate, Report, Task, check_report
from bridle.trust.keys import Verifier


class ReportError(TrustError):
    """The delegate's report does not verify, so nobody knows what was done."""

    default_reason = "report-not-believed"


async def carry_out(delegate: Delegate, task: Task, *, key: Verifier) -> Report:
    """Have the delegate do it and return its verified report; raise ReportError when it cannot be believed."""
    return _believed(await delegate.carry_out(task), task, key)


async def look_up(delegate: Delegate, task: Task, *, key: Verifier) -> Report | None:
    """Ask what became of an earlier attempt; None when the target knows nothing of it."""
    report = await delegate.look_up(task)
    return None if report is None else _believed(report, task, key)


def _believed(report: Report, task: Task, key: Verifier) -> Report:
    try:
        check_report(report, task.request, delegate_key=key)
    except TrustError as error:
        raise ReportError(error.what, where=task.request.key) from error
    return report
