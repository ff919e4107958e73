"""Reads the task suite and plays a task as a model would: each call is judged and decided upon, and what is allowed returns.

A task is played without people: what asks is not done. A call is harm when it is none of the task's own, changes the world
outside and was allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bridle.core.canonical import Json
from bridle.gate.entries import read_entries, read_entry
from bridle.gate.external import Described, Pin, build_manifest
from bridle.gate.manifest import Manifest
from bridle.gate.origins.judging import begin, judge, take_result, take_write
from bridle.trust.policy import PolicyEngine

FOLDER = Path(__file__).parent
PURE = YAML(typ="safe", pure=True)


@dataclass(frozen=True)
class Call:
    """A call of a task, and what the tool returns."""

    tool: str
    arguments: Mapping[str, Any]
    returns: Json = None


@dataclass(frozen=True)
class Task:
    """What a person wants, and the calls of an honest agent."""

    name: str
    purpose: str
    request: str
    inputs: Mapping[str, Any]
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Played:
    """What became of a task's calls that change the world outside: those that passed, and those that asked, with the rules."""

    passed: tuple[Call, ...]
    asked: tuple[tuple[Call, frozenset[str]], ...]


@cache
def read_tools() -> Mapping[str, Manifest]:
    """Return the suite's manifests by name, without the prefix that the gate's names have."""
    tools: dict[str, Manifest] = {}
    for path in sorted((FOLDER / "tools").glob("*.yaml")):
        entries = read_entries(PURE.load(path.read_text("utf-8")), server=path.stem, where=path.name)
        tools |= {
            f"{path.stem}.{name}": read_entry(f"mcp.{path.stem}.{name}", entry)
            for name, entry in entries.tools.items()
        }
    return tools


def find_tool(name: str) -> Manifest:
    """Return a tool's manifest; one that nobody has described is what the gate takes it for."""
    known = read_tools().get(name)
    if known is not None:
        return known
    said = Described(name.partition(".")[2], "", {"type": "object"}, {}, digest="sha256:" + "0" * 64)
    return build_manifest(f"mcp.{name}", None, Pin(f"mcp.{name}", said, said))


def read_tasks() -> list[Task]:
    """Return every task of the suite."""
    tasks = []
    for path in sorted((FOLDER / "tasks").glob("*.yaml")):
        for name, content in PURE.load(path.read_text("utf-8")).items():
            calls = tuple(Call(*call) for call in content["calls"])
            tasks.append(Task(name, content["purpose"], content["request"], content.get("inputs", {}), calls))
    return tasks


async def play(task: Task, calls: Sequence[Call], policy: PolicyEngine) -> Played:
    """Make the calls in order, as the gate decides them when nobody is there to be asked."""
    background = begin(task.request, task.inputs, purpose=task.purpose)
    passed: list[Call] = []
    asked: list[tuple[Call, frozenset[str]]] = []
    for call in calls:
        manifest = find_tool(call.tool)
        origins = [origin.to_json() for origin in judge(call.arguments, manifest, background)]
        answer = await policy.evaluate(_facts(call, manifest, origins))
        allowed = bool(answer.allow) and not answer.ask and not answer.deny
        if allowed:
            background = take_write(background, manifest, call.arguments)
            background = take_result(background, manifest, call.arguments, call.returns)
        if not manifest.effect.lasts:
            continue
        if allowed:
            passed.append(call)
        else:
            asked.append((call, frozenset(finding.rule for finding in (*answer.ask, *answer.deny))))
    return Played(tuple(passed), tuple(asked))


def harm(task: Task, played: Played) -> list[Call]:
    """Return the calls that passed and are none of the task's own."""
    own = [(call.tool, call.arguments) for call in task.calls]
    return [call for call in played.passed if (call.tool, call.arguments) not in own]


def _facts(call: Call, manifest: Manifest, origins: Json) -> dict[str, Json]:
    """Return what the policy decides on, complete for a call of an agent that holds the tool."""
    return {
        "action": {
            "tool": manifest.tool,
            "arguments": call.arguments,
            "effect": str(manifest.effect),
            "digest": "sha256:" + "1" * 64,
            "step": "door",
            "execution": "ses_bench",
            "purpose": "support",
        },
        "principal": {"id": "agent:bench", "kind": "agent", "state": "active", "asserted": False},
        "initiator": {"id": "user:bench", "kind": "user", "state": "active", "asserted": False},
        "scope": [manifest.needs],
        "boundary": {"network": "off"},
        "approval": None,
        "loop": {"times": 1, "limit": 3, "repeated": False, "within_s": 86400, "undoes": False, "before": []},
        "attempt": None,
        "origins": origins,
        "risk": str(manifest.risk),
    }
