"""Where an agent's run takes place, and through whom it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridle.agent.outcome import Performs
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.gate.external import Catalogue
from bridle.gate.manifest import Manifests


@dataclass(frozen=True)
class Seat:
    """The place of one run.

    `model` is the resolved name, `budget` names the gate's budget for the model calls, empty for none. `prompt` is the
    definition's with its inputs filled in, `boundary` the step's. `manifests` know the tools, the built-in ones when left out;
    `case` is the case that it works on.
    """

    gate: Performs
    execution: str
    step: str
    token: str = field(repr=False)
    workspace: str
    model: str
    budget: str
    prompt: str
    boundary: Boundary
    manifests: Manifests = field(default_factory=Catalogue)
    deployment: Mapping[str, Json] | None = None
    case: str = ""
