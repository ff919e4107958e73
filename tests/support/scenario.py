"""One scenario: a pipeline, what people do meanwhile, and what is expected to become of it. The words are in
tests/scenarios/test_scenarios.py."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bridle.app import App, load_variables
from bridle.engine.control import Verdict
from bridle.engine.execution import Execution
from bridle.engine.interventions import Decision, find_open_interventions
from bridle.engine.starting import derive_id
from bridle.engine.summary import summarise
from bridle.engine.views import StepView, Summary, elapsed_s
from bridle.gate.approvals import ApprovalState
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.library import EmptyLibrary, Library, Volume
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind

OUTCOME = frozenset(
    {"state", "steps", "names", "notes", "outputs", "decisions", "at_least_s", "at_most_s", "children"}
)
DOING = frozenset({"inputs", "templates", "approve", "answer", "pause", "cancel"})
WORDS = OUTCOME | DOING | {"planned"}
LOOK_S = 0.05
LIMIT_S = 60.0


@dataclass(frozen=True)
class Scenario:
    """The pipeline's text and the second document."""

    name: str
    text: str
    expected: Mapping[str, Any]


@dataclass(frozen=True)
class Played:
    """How it came out: the plan's notes, the execution and its records folded, and the same of every child by its path."""

    notes: tuple[str, ...]
    execution: Execution
    summary: Summary
    children: Mapping[str, Played]


class ShelfInMemory(Library):
    """Holds the templates that a scenario writes out."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def find(self, uses: str, *, branch: str = "") -> Volume:
        if uses not in self._texts:
            return EmptyLibrary().find(uses, branch=branch)
        name, _, version = uses.partition("@")
        text = self._texts[uses]
        return Volume(
            name, version, text, f"{name}.yaml", "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        )


def read_scenario(path: Path) -> Scenario:
    """Return the pipeline's text and what is expected; an expectation of another name would be none."""
    text, _, rest = path.read_text("utf-8").partition("\n---\n")
    expected = YAML(typ="safe", pure=True).load(rest)
    assert {"state", "steps"} <= set(expected) <= WORDS, path.name
    for child in expected.get("children", {}).values():
        assert {"state", "steps"} <= set(child) <= OUTCOME, path.name
    return Scenario(path.stem, text, expected)


async def play(app: App, scenario: Scenario, *, origins: Path) -> Played:
    """Run the pipeline, do what people do, and return how it ended. `ORIGINS` in the text is a folder of repositories."""
    expected = scenario.expected
    shelf = ShelfInMemory(expected.get("templates", {}))
    text = scenario.text.replace("ORIGINS", str(origins))
    shared = load_variables(app.settings.config_dir)
    plan = read_pipeline(text, source=f"{scenario.name}.yaml", library=shelf, shared=shared)
    inputs = resolve_inputs(plan, expected.get("inputs", {}))
    execution = await app.control.start(plan, inputs=inputs, options={}, initiator=app.user)
    async with asyncio.timeout(LIMIT_S):
        ended = await _accompany(app, execution, expected)
    return await _look(app, ended, plan.notes, expected)


async def _look(app: App, ended: Execution, notes: tuple[str, ...], expected: Mapping[str, Any]) -> Played:
    children = {
        path: await _look(app, await app.control.get(derive_id(ended.id, path)), (), wanted)
        for path, wanted in expected.get("children", {}).items()
    }
    summary = summarise(ended, await app.journal.read(execution=ended.id))
    return Played(notes, ended, summary, children)


async def _accompany(app: App, execution: Execution, expected: Mapping[str, Any]) -> Execution:
    """Follow an execution to its end, and do once what people are to do when it has come to it."""
    left = {word: dict(expected.get(word, {})) for word in ("approve", "answer")}
    wishes = {word: expected[word] for word in ("pause", "cancel") if word in expected}
    while not (now := await app.control.get(execution.id)).state.ended:
        if left["approve"]:
            await _approve(app, now, left["approve"])
        if left["answer"]:
            await _answer(app, now, left["answer"])
        await _wish(app, now, wishes)
        await asyncio.sleep(LOOK_S)
    left["wish"] = wishes
    assert not any(left.values()), f"it ended before people had done their part: {left}"
    return await app.control.follow(execution.id)


async def _approve(app: App, execution: Execution, left: dict[str, bool]) -> None:
    for approval in await app.approvals.find(execution=execution.id, states=(ApprovalState.OPEN,)):
        if approval.topic in left:
            verdict = Verdict(by=app.user, approved=left.pop(approval.topic))
            await app.control.give_verdict(approval.id, verdict)


async def _answer(app: App, execution: Execution, left: dict[str, str]) -> None:
    for asked in await find_open_interventions(app.journal, execution, now=datetime.now(UTC)):
        if asked.path in left:
            await app.control.intervene(execution.id, asked.path, Decision(left.pop(asked.path), app.user))


async def _wish(app: App, execution: Execution, wishes: dict[str, str]) -> None:
    """Pause or cancel when a step has begun; what is paused goes on half a second later."""
    for word, path in list(wishes.items()):
        if await app.journal.last(execution.id, path, (Kind.STEP_STARTED,)) is None:
            continue
        del wishes[word]
        if word == "cancel":
            await app.control.cancel(execution.id, by=app.user)
            continue
        await app.control.pause(execution.id, by=app.user)
        await asyncio.sleep(0.5)
        await app.control.resume(execution.id, by=app.user)


def check(played: Played, expected: Mapping[str, Any]) -> None:
    """Compare how it came out with what was expected of it."""
    steps = {step.path: step for group in played.summary.stages.values() for step in group}
    found = {path: str(step.state) for path, step in steps.items()}
    assert found == expected["steps"], {path: step.note for path, step in steps.items() if step.note}
    states = (str(played.execution.state), str(played.summary.state))
    assert states == (expected["state"], expected["state"])
    for path, name in expected.get("names", {}).items():
        assert steps[path].name == name
    for path, note in expected.get("notes", {}).items():
        assert note in steps[path].note
    for path, output in expected.get("outputs", {}).items():
        _check_output(steps[path], output)
    if "decisions" in expected:
        assert _decisions(played.summary) == expected["decisions"]
    for note in expected.get("planned", ()):
        assert any(note in known for known in played.notes), played.notes
    took_s = elapsed_s(played.summary, until="")
    assert expected.get("at_least_s", 0.0) <= took_s <= expected.get("at_most_s", LIMIT_S)
    for path, wanted in expected.get("children", {}).items():
        check(played.children[path], wanted)


def _check_output(step: StepView, output: Mapping[str, Any]) -> None:
    known = step.output if isinstance(step.output, Mapping) else {}
    assert _holds(known, output), {name: known.get(name) for name in (*output, "stderr")}


def _holds(found: Any, wanted: Any) -> bool:
    """True when `found` has every member of `wanted`, at any depth."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and _holds(found[key], item) for key, item in wanted.items()
        )
    return bool(found == wanted)


def _decisions(summary: Summary) -> list[dict[str, str]]:
    return [{"step": item.step, "tool": item.tool, "effect": item.effect} for item in summary.actions]
