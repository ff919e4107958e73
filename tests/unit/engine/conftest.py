"""Hand-made records with the bodies that gate and worker write, and an execution that they belong to."""

from datetime import UTC, datetime, timedelta

import pytest

from bridle.core.clock import iso
from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Entry, Kind, seal

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PIPELINE = """
pipeline:
  id: release
  stages:
    - {id: repair, steps: [{id: fix, agent: {uses: test.helper@1.0.0}}]}
    - {id: ship, steps: [{id: push, tool: {uses: git.push, with: {commit: x, branch: main}}}]}
"""


class Records:
    """Writes records one after the other, a second apart."""

    def __init__(self, execution="exe_1"):
        self.execution = execution
        self.all = []

    def add(self, kind, subject, **body):
        seq = len(self.all)
        record = seal(
            seq=seq,
            record_id=f"rec_{seq}",
            at=iso(START + timedelta(seconds=seq)),
            entry=Entry(kind, self.execution, subject, body),
            raw={},
            previous="",
        )
        self.all.append(record)
        return record

    def decided(
        self, place, tool, effect="allow", *, rule="a.rule", by="agent:test.helper", facts=None, **arguments
    ):
        key = f"{self.execution}/{place}"
        request = {"key": key, "tool": tool, "arguments": arguments, "principal": by, "purpose": "repair"}
        rules = [{"rule": rule, "reason": "It says so."}]
        return self.add(
            Kind.DECIDED,
            key,
            action=f"digest of {key}",
            request=request,
            effect=effect,
            rules=rules,
            facts=facts or {},
            policy="sha256:policy",
        )

    def intended(self, place, tool):
        key = f"{self.execution}/{place}"
        return self.add(Kind.INTENDED, key, action=f"digest of {key}", tool=tool, permit={}, tree="")

    def outcome(self, place, tool, value, status="succeeded", *, by="agent:test.helper", **facts):
        key = f"{self.execution}/{place}"
        return self.add(
            Kind.OUTCOME,
            key,
            action=f"digest of {key}",
            tool=tool,
            principal=by,
            status=status,
            value=value,
            facts=facts,
            report=None,
        )


@pytest.fixture
def records():
    return Records()


@pytest.fixture
def execution():
    plan = read_pipeline(PIPELINE, source="test.yaml")
    return Execution(
        id="exe_1",
        pipeline="release",
        plan=plan.to_json(),
        plan_digest=plan.digest(),
        inputs={},
        options={},
        initiator="user:ana",
        state=State.RUNNING,
        note="",
        started_at=START,
    )
