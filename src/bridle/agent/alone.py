"""One agent without a pipeline: the plan that runs it, under the same rules as everything else.

Rules
  1. The plan names the exact version that was found; what happens to the agents' folder later changes nothing.
  2. There is one stage, `agent`: a clone where a repository is named, then the step `run`.
  3. A value is text where the agent declares a text, and JSON otherwise. It may be an expression, as in a pipeline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridle.agent.definition import AgentDefinition
from bridle.core.errors import InputError
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Block, Step

PLACE = "bridle agent run:1:1"
TEXTS = ("string", "connector")


@dataclass(frozen=True)
class Checkout:
    """What the agent works on: a repository's branch; `main` where `branch` is empty."""

    repository: str
    branch: str = ""


def read_given(definition: AgentDefinition, given: Sequence[str]) -> dict[str, Any]:
    """Read `name=value` pairs as the agent declares its inputs; raise InputError. A name it lacks is refused later, by name."""
    kinds = {"protect": "array"} | {item.name: item.kind for item in definition.inputs}
    values: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"{pair!r} is not NAME=VALUE", hint="write --with branch=main", reason="usage")
        is_text = kinds.get(name, "string") in TEXTS
        values[name] = text if is_text or "<+" in text or "${{" in text else _read_json(name, text)
    return values


def check_given(definition: AgentDefinition, given: Mapping[str, Any]) -> None:
    """Raise InputError that names every input that is missing."""
    missing = [one.name for one in definition.inputs if one.required and one.name not in given]
    if missing:
        raise InputError(
            f"{definition.name} needs {', '.join(missing)}",
            hint=" ".join(f"--with {name}=…" for name in missing),
            reason="missing-input",
        )


def plan_agent(
    definition: AgentDefinition, *, given: Mapping[str, Any], checkout: Checkout | None = None
) -> Plan:
    """Return the plan of one stage that runs an agent."""
    uses = f"{definition.name}@{definition.version}"
    step = Step(
        id="run",
        name="run",
        kind="agent",
        with_={"uses": uses, "with": dict(given), "model": None},
        place=PLACE,
    )
    steps = (step,) if checkout is None else (_clone(checkout), step)
    stage = Block(id="agent", name="agent", kind="stage", nodes=steps, place=PLACE)
    return Plan(
        id=re.sub(r"[^A-Za-z0-9_-]", "-", f"agent-{definition.name}"), name=f"agent {uses}", stages=(stage,)
    )


def _clone(checkout: Checkout) -> Step:
    ref = {"type": "branch", "name": checkout.branch} if checkout.branch else None
    with_ = {"repo": checkout.repository, "ref": ref}
    return Step(id="clone", name="clone", kind="clone", with_=with_, place=PLACE)


def _read_json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        hint = f'write it as JSON: --with \'{name}={{"key": "value"}}\''
        raise InputError(f"the input {name!r} is not a text", hint=hint, reason="bad-input") from error
