"""Runs the tests of policies in a worker of their own that can be killed, and says which lines they did not reach.

Rules
  1. Modules of the package `bridle.gate` are tested beside the base set, as they are asked; a set of policy steps (package
     `pipeline`) is tested alone. Modules with complaints are not tested: InputError.
  2. A test passes when its rule is exactly true. Undefined, false, an error and no answer in time are failures.
  3. A test that does not answer takes its worker with it; the next one has a new one. What both reached is added up.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridle.adapters.rego import step_sets
from bridle.adapters.rego.engine import MEMORY_MIB, check_wheel, start_worker
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, load_policy_set, load_tests
from bridle.adapters.rego.process import WorkerProcess
from bridle.core.errors import InputError
from bridle.gate.facts_schema import make_facts_schema
from bridle.trust.policy import PolicyError
from bridle.trust.policy_tests import Reached, RuleResult, SuiteReport

PROGRAM = "bridle.adapters.rego.testing_worker"
STEP_PACKAGE = re.compile(rf"^package\s+{step_sets.PACKAGE}\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Suite:
    """Modules that are tested together. `subjects` names those whose lines count; the others are what they are asked beside."""

    path: Path
    modules: Mapping[str, str]
    subjects: tuple[str, ...]
    tests: Mapping[str, str]
    package: str = ""


@dataclass
class _Coverage:
    """What the workers of one suite have reached, added up."""

    reached: dict[str, set[int]]
    lines: dict[str, set[int]]

    def add(self, files: Mapping[str, Any]) -> None:
        for file, found in files.items():
            self.reached[file].update(found["reached"])
            self.lines[file].update(found["reached"], found["missed"])

    def told(self) -> tuple[Reached, ...]:
        return tuple(
            Reached(file, tuple(sorted(self.reached[file])), tuple(sorted(lines - self.reached[file])))
            for file, lines in sorted(self.lines.items())
        )


def check_set(path: Path, *, base: Path, timeout_s: float) -> None:
    """Raise InputError with what is wrong with the modules at `path`, or with their tests; none of these is run."""
    for suite in _suites_at(path.resolve(), base.resolve()):
        run = _Run(suite, timeout_s, MEMORY_MIB)
        try:
            run.ask("")
        finally:
            run.stop()


def load_suites(paths: Sequence[Path], *, base: Path) -> list[Suite]:
    """Read what is tested at `paths`; raise InputError for a path without a policy, and when there is no test at all."""
    suites = [suite for path in paths for suite in _suites_at(path.resolve(), base.resolve())]
    if not any(suite.tests for suite in suites):
        hint = "put rules called test_… into NAME_test.rego beside NAME.rego"
        if any(path.name.endswith("_test.rego") for path in paths):
            hint = "name what is tested, NAME.rego: the tests beside it are run"
        where = ", ".join(map(str, paths))
        raise InputError("there are no tests of policies here", where=where, hint=hint, reason="no-tests")
    return suites


def run_suite(suite: Suite, *, timeout_s: float, memory_mib: int = MEMORY_MIB) -> SuiteReport:
    """Run every test of one suite; raise InputError when its modules have complaints."""
    check_wheel()
    run = _Run(suite, timeout_s, memory_mib)
    try:
        results = tuple(run.test(found) for found in run.ask("")["rules"])
        return SuiteReport(suite.path, results, run.coverage.told())
    finally:
        run.stop()


class _Run:
    def __init__(self, suite: Suite, timeout_s: float, memory_mib: int) -> None:
        self._order = _order(suite, timeout_s, memory_mib)
        self._timeout_s = timeout_s
        self._worker: WorkerProcess | None = None
        self.coverage = _Coverage(
            {name: set() for name in suite.subjects}, {name: set() for name in suite.subjects}
        )

    def test(self, found: Mapping[str, str]) -> RuleResult:
        try:
            said = self.ask(found["rule"])
        except PolicyError as error:
            return RuleResult(found["rule"], found["where"], error.what)
        self.coverage.add(said["coverage"])
        return RuleResult(found["rule"], found["where"], _why_failed(said))

    def ask(self, question: str) -> Any:
        if self._worker is None or not self._worker.alive:
            self._worker, _ = start_worker(self._order, program=PROGRAM)
        return json.loads(self._worker.ask(1, question.encode(), timeout_s=self._timeout_s))

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()


def _why_failed(said: Mapping[str, Any]) -> str:
    if "error" in said:
        return f"raised an error: {said['error']}"
    value = said["value"]
    if value is True:
        return ""
    return "is undefined: something in it does not hold" if value == "<undefined>" else "is not true"


def _order(suite: Suite, timeout_s: float, memory_mib: int) -> dict[str, Any]:
    own = {"set.rego": step_sets.OWN} if suite.package else {ANSWER_NAME: ANSWER}
    return {
        "modules": dict(suite.modules),
        "subjects": list(suite.subjects),
        "tests": dict(suite.tests),
        "own": own,
        "package": suite.package,
        "facts": make_facts_schema(),
        "memory_mib": memory_mib,
        "cpu_s": math.ceil(timeout_s) + 1,
    }


def _suites_at(path: Path, base: Path) -> list[Suite]:
    """One suite of what the gate asks, and one of each set of policy steps."""
    modules, tests = load_policy_set([path]).modules, load_tests(path)
    steps = {name: text for name, text in modules.items() if STEP_PACKAGE.search(text)}
    suites = []
    for name, text in steps.items():
        test = f"{name.removesuffix('.rego')}_test.rego"
        own = {test: tests.pop(test)} if test in tests else {}
        place = path.parent / name
        suites.append(Suite(place, {name: text}, (name,), own, step_sets.PACKAGE))
    asked = {name: text for name, text in modules.items() if name not in steps}
    if asked:
        beside = {} if path == base else load_policy_set([base]).modules
        suites.insert(0, Suite(path, {**beside, **asked}, tuple(asked), tests))
    return suites
