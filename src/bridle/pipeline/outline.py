"""The outline of a pipeline: which ids there are and in which order; what its checks look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.plan import InputSpec, Stage


@dataclass(frozen=True)
class Outline:
    """Which ids there are and in which order: a stage's position and its steps' positions and kinds."""

    inputs: Mapping[str, InputSpec]
    stages: Mapping[str, tuple[int, Mapping[str, tuple[int, str]]]]


@dataclass(frozen=True)
class Fault:
    """What is wrong about one name; the place is known to whoever asks."""

    what: str
    reason: str
    hint: str


def report(fault: Fault | None, place: Place, *, findings: Findings) -> None:
    """Record a fault, when there is one."""
    if fault is not None:
        findings.refuse(place, fault.what, reason=fault.reason, hint=fault.hint)


def draw_outline(inputs: Mapping[str, InputSpec], stages: Iterable[Stage]) -> Outline:
    """Return the outline of what was read."""
    drawn = {}
    for index, stage in enumerate(stages):
        drawn[stage.id] = (index, {step.id: (place, step.kind) for place, step in enumerate(stage.steps)})
    return Outline(inputs, drawn)
