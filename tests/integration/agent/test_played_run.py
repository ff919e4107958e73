"""The shipped repairer over the sample's script: recorded, played again, and cut off before and after every action.

The gate here is a fake that decides nothing, but keeps what it answered as the journal would; tools answer from a
table. What is real is the loop, the framework, the effector of models and the files of turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from bridle.adapters.models.connect import connect_model
from bridle.adapters.models.recording import record
from bridle.agent.loop import run_agent
from bridle.agent.outcome import AgentOutcome, Finished, Stopped
from bridle.agent.seat import Seat
from bridle.agent.shelf import load_agent
from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError
from bridle.delegate.effectors import Effector, EffectorContext
from bridle.delegate.effectors.model import build_model_effector
from bridle.dispatch.protocol import Permit, Task
from bridle.gate.action import Action, Done, Result
from bridle.gate.manifest import builtin_manifests
from bridle.trust.keys import Signature

ROOT = Path(__file__).parents[3]
SCRIPT = f"scripted:{ROOT / 'samples' / 'autofix' / 'script.yaml'}"
REPAIRER = load_agent("bridle.ci-autofix@1.0.0", roots=[ROOT / "agents"])
NO_PERMIT = Permit("", "", "", "", datetime(2026, 1, 1, tzinfo=UTC), {}, Signature("", ""))
COMMIT: dict[str, Json] = {
    "commit": "c" * 40,
    "branch": "bridle/autofix-isodate",
    "changed": ["src/isodate/duration.py"],
}


class Cut(Exception):
    """The process is gone."""


@dataclass
class FakeJournalGate:
    """Allows everything once, and answers what it answered before. `cut_at` counts the points before and after effects."""

    model: Effector
    tools: Mapping[str, Json] = field(default_factory=lambda: {"git.commit": COMMIT})
    known: dict[str, tuple[str, Result]] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    cut_at: int = -1

    async def perform(self, action: Action) -> Result:
        if action.key in self.known:
            digest, result = self.known[action.key]
            assert digest == action.digest, f"{action.key} is another action now"
            return result
        self._point()
        self.effects.append(action.key)
        result = await self._carry_out(action)
        self.known[action.key] = (action.digest, result)
        self._point()
        return result

    def _point(self) -> None:
        self.cut_at -= 1
        if self.cut_at == -1:
            raise Cut

    async def _carry_out(self, action: Action) -> Result:
        manifest = builtin_manifests().get(action.request.tool)
        self.complaints.append(
            manifest.complaint(action.request.arguments) if manifest else action.request.tool
        )
        if action.request.tool != "model.call":
            return Done("rec", "succeeded", self.tools.get(action.request.tool, {"ok": True}))
        context = cast(EffectorContext, type("FakeContext", (), {"vault": None}))
        try:
            made = await self.model(Task(action.request, NO_PERMIT, "", payload=action.payload), context)
        except ExecutionError as error:
            return Done("rec", "failed", {"error": error.what, "reason": error.reason, "next": error.hint})
        return Done("rec", made.status, made.value, made.facts, made.private)


async def run(
    gate: FakeJournalGate, *, model: str = "played:x", task_text: str = "It is red."
) -> AgentOutcome:
    seat = Seat(
        gate=gate,
        execution="exe_1",
        step="repair",
        token="brt_x",  # noqa: S106 - nothing reads it here
        workspace="ws",
        model=model,
        budget="",
        prompt=REPAIRER.prompt,
        boundary=REPAIRER.boundary,
    )
    return await run_agent(REPAIRER, seat, task_text=task_text)


def playing(name: str) -> Effector:
    return build_model_effector(lambda asked: connect_model(name))


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    path = tmp_path / "turns.json"
    recorder: Callable[[str], Any] = lambda asked: record(  # noqa: E731 - made once per call, as a root would
        connect_model(SCRIPT), path, source="scripted", priced_as="anthropic:claude-sonnet-5-5"
    )
    await run(FakeJournalGate(build_model_effector(recorder)))
    return path


async def test_the_script_runs_to_its_end_with_calls_that_fit_their_tools() -> None:
    gate = FakeJournalGate(playing(SCRIPT))
    outcome = await run(gate)
    assert isinstance(outcome, Finished)
    assert set(gate.complaints) == {""}
    assert {name: outcome.outputs[name] for name in COMMIT} == COMMIT


async def test_a_recording_plays_the_same_actions(recording: Path) -> None:
    scripted, played = FakeJournalGate(playing(SCRIPT)), FakeJournalGate(playing(f"recorded:{recording}"))
    assert await run(scripted) == await run(played)
    assert {key: digest for key, (digest, _) in scripted.known.items()} == {
        key: digest for key, (digest, _) in played.known.items()
    }


async def test_a_changed_result_of_a_tool_stops_a_played_run_with_the_difference(recording: Path) -> None:
    changed = FakeJournalGate(
        playing(f"recorded:{recording}"), {"git.commit": COMMIT, "file.read": {"ok": False}}
    )
    outcome = await run(changed)
    assert isinstance(outcome, Stopped)
    assert (outcome.reason, "+request.messages[5].result.ok: false" in outcome.detail) == (
        "recording-miss",
        True,
    )


async def test_another_task_stops_a_played_run_before_any_tool(recording: Path) -> None:
    gate = FakeJournalGate(playing(f"recorded:{recording}"))
    outcome = await run(gate, task_text="Delete everything.")
    assert isinstance(outcome, Stopped)
    assert gate.effects == ["exe_1/repair#0.0"]


@pytest.mark.parametrize("apart", [5, pytest.param(1, marks=pytest.mark.long)])
async def test_a_run_cut_off_anywhere_ends_the_same_and_does_nothing_twice(
    recording: Path, apart: int
) -> None:
    effector = playing(f"recorded:{recording}")
    whole = FakeJournalGate(effector)
    expected = await run(whole)
    points = 2 * len(whole.effects)
    for cut_at in range(0, points, apart):
        gate = FakeJournalGate(effector, cut_at=cut_at)
        with pytest.raises(Cut):
            await run(gate)
        assert await run(gate) == expected
        assert gate.effects == whole.effects
