"""Summaries and approvals made by hand."""

from datetime import UTC, datetime

import pytest

from bridle.core.states import State
from bridle.engine.views import ActionView, StepView, Summary
from bridle.gate.approvals import Approval

COST = {"turns": 2, "tokens": 1200, "list_usd": "0.75", "charged_usd": "0.25", "unpriced_turns": 0}


@pytest.fixture
def make_summary():
    def make(state=State.SUCCEEDED, *steps, **changes):
        stages = {}
        for step in steps or (StepView("build/suite", "run", state),):
            stages.setdefault(step.path.partition("/")[0], []).append(step)
        named = {"note": "", "cost": dict(COST), **changes}
        return Summary("exe_1", "release", state, stages=stages, **named)

    return make


@pytest.fixture
def make_action():
    def make(**changes):
        given = {
            "key": "exe_1/repair/fix#1.1",
            "step": "repair/fix",
            "tool": "file.edit",
            "principal": "agent:test.helper",
            "target": "tests/a.py",
        }
        return ActionView(**{**given, **changes})

    return make


@pytest.fixture
def make_approval():
    def make(**changes):
        at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        given = {
            "id": "apr_1",
            "execution": "exe_1",
            "topic": "ship/push",
            "key": "exe_1/ship/push#0.0",
            "action": "sha256:action",
            "tool": "git.push",
            "message": "Ship the repair?",
            "rests_on": {"commit": "c0ffee", "policy": "sha256:p", "report": ""},
            "shown": {},
            "requested_at": at,
            "expires_at": at.replace(day=8),
        }
        return Approval(**{**given, **changes})

    return make
