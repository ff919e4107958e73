"""Finds out whether a test command works in the sandbox, by running it there: through the gate, like everything else.

Rules
  1. A suite is green when it ended with 0 and, if it left a report, at least one test ran.
  2. The first green suite with a report is taken; without one, the first that is green; else the first that is red by its
     report, which is what an agent repairs; else the first that ended by itself: such a failure may be anything, and what was
     said is told. A report of nothing, and tests that fail for the want of pytest, count for none of these.
  3. A clone that fails, or a sandbox that does not start, ends the search: no other command would do better.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridle.core.errors import ExecutionError, UnavailableError
from bridle.core.states import State
from bridle.surfaces.cli.starter_suites import Suite

if TYPE_CHECKING:
    from bridle.app import App
    from bridle.surfaces.cli.starter_project import Project

SANDBOX = (
    "It runs in a sandbox: no network, programs and packages of the system only (below /usr; a virtual environment is not seen: "
    "apt-get install python3-pytest, for instance), and nothing can be written but /tmp and .bridle."
)
NO_PYTEST = re.compile(r"No module named '?pytest\b")


@dataclass(frozen=True)
class Trial:
    """How a suite went. `tests` is None when it left no report; `said` is what there is to tell of it.

    `red` says that the command ended by itself, and not well: by its report where there is one. A suite that is neither green nor
    red did not work.
    """

    suite: Suite
    green: bool
    tests: int | None
    said: str
    execution: str
    red: bool = False


async def try_suites(app: App, project: Project, suites: Sequence[Suite]) -> Trial:
    """Try suites until one is green with a report; raise ExecutionError that tells of each when none ended by itself."""
    trials: list[Trial] = []
    for suite in suites:
        trials.append(await _try(app, project, suite))
        if trials[-1].green and trials[-1].tests is not None:
            return trials[-1]
    usable = sorted((trial for trial in trials if trial.green or trial.red), key=_rank)
    if usable:
        return usable[0]
    told = "".join(f"\n  {trial.suite.command}: {trial.said}" for trial in trials)
    raise ExecutionError(
        f"no test command works in the sandbox, so nothing was written:{told}",
        where=str(project.root),
        hint=f"name another command: bridle init --test-command '…'. {SANDBOX}",
        reason="suite-not-green",
    )


def _rank(trial: Trial) -> tuple[bool, bool]:
    return not trial.green, trial.tests is None


async def _try(app: App, project: Project, suite: Suite) -> Trial:
    from bridle.app import shipped
    from bridle.pipeline.inputs import resolve_inputs
    from bridle.surfaces.cli.carry import Manner, carry
    from bridle.surfaces.cli.locking import read_plan

    plan = read_plan(shipped("samples") / "starter" / "trial.yaml")
    values = {"repository": str(project.root), "branch": project.branch, "suite": suite.script}
    inputs = resolve_inputs(plan, values)
    execution = await app.control.start(plan, inputs=inputs, options={}, initiator=app.user)
    summary = await carry(app, execution.id, Manner(quiet=True, no_input=True))
    clone, run = summary.stages["trial"]
    if clone.state is not State.SUCCEEDED:
        raise ExecutionError(f"the repository cannot be cloned: {clone.note}", where=str(project.root))
    output: Any = run.output if isinstance(run.output, Mapping) else {}
    if output.get("reason") in ("sandbox-unavailable", "program-missing"):
        raise UnavailableError(str(output["error"]), hint="bridle doctor names what is missing")
    return judge(suite, output, note=run.note, execution=execution.id)


def judge(suite: Suite, output: Mapping[str, Any], *, note: str, execution: str) -> Trial:
    """Read what a command came to."""
    report = output.get("report")
    ended_well = output.get("why") == "exit" and output.get("exit_code") == 0
    if not isinstance(report, Mapping):
        red = output.get("why") == "exit" and not ended_well
        return Trial(suite, ended_well, None, _last_words(output) or note, execution, red)
    ran = report["tests"] - report["skipped"]
    counts = f"{report['tests']} tests, {report['failures']} failures, {report['errors']} errors"
    if ran < 1:
        return Trial(suite, False, report["tests"], f"{counts}: no test ran", execution)
    first = next(iter(report["failing"]), None)
    said = f"{counts}; first {first['name']}: {first['message']}" if first else counts
    failing = [case for case in report["failing"] if not NO_PYTEST.search(case["message"])]
    red = bool(failing) and output.get("why") == "exit"
    return Trial(suite, ended_well and not first, report["tests"], said, execution, red)


def _last_words(output: Mapping[str, Any]) -> str:
    lines = f"{output.get('stdout', '')}\n{output.get('stderr', '')}".splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
