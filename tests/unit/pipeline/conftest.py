"""Fixtures of the pipeline tests: one whole example, and a way to read a pipeline around a few lines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import Complaint, PipelineError
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline

AUTOFIX = """\
version: 1
pipeline:
  id: autofix
  name: Repair a failing build
  inputs:
    repository: {type: string, required: true}
    branch: {type: string, default: main}
  stages:
    - id: build
      steps:
        - id: clone
          clone: {repo: <+inputs.repository>, ref: {type: branch, name: <+inputs.branch>}}
        - id: suite
          run:
            script: python -m xmlrunner isodate.tests.test_suite -o ../.bridle/reports
            report: {type: junit, path: .bridle/reports/*.xml}
          on-failure: ignore
    - id: repair
      if: <+stages.build.steps.suite.output.report.failing_count> > 0
      steps:
        - id: fix
          timeout: 30m
          agent:
            uses: bridle.ci-autofix@1.0.0
            with:
              report: <+stages.build.steps.suite.output.report>
    - id: approval
      if: <+stages.repair.status> == "succeeded"
      steps:
        - id: release
          approval: {uses: harness, with: {message: "Ship the repair?", for: ship.push, timeout: 7d}}
    - id: ship
      if: <+stages.approval.status> == "succeeded"
      steps:
        - id: push
          tool: {uses: git.push, with: {commit: <+stages.repair.steps.fix.output.commit>, branch: <+inputs.branch>}}
"""


@pytest.fixture
def autofix_text() -> str:
    return AUTOFIX


@pytest.fixture
def autofix() -> Plan:
    return read_pipeline(AUTOFIX, source="autofix.yaml")


def _read_steps(steps: str, *, head: str = "") -> Plan:
    lines = textwrap.indent(textwrap.dedent(steps).strip("\n"), " " * 8)
    top = textwrap.indent(textwrap.dedent(head).strip("\n"), "  ")
    text = f"pipeline:\n  id: p\n{top}\n  stages:\n    - id: one\n      steps:\n{lines}\n"
    return read_pipeline(text, source="p.yaml")


@pytest.fixture
def read_steps() -> Callable[..., Plan]:
    """Read a pipeline of one stage from the lines of its steps; these begin in line 7 (line 8 with a one-line head)."""
    return _read_steps


@pytest.fixture
def complain() -> Callable[..., tuple[Complaint, ...]]:
    """Read like `read_steps`, or a whole text, and return the complaints."""

    def complain(text: str, *, whole: bool = False, head: str = "") -> tuple[Complaint, ...]:
        with pytest.raises(PipelineError) as caught:
            _ = read_pipeline(text, source="p.yaml") if whole else _read_steps(text, head=head)
        return caught.value.complaints

    return complain
