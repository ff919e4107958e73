"""The plan: a pipeline as a frozen tree, complete enough to run and to judge without its file.

Rules
  1. Only what is executed is in it; whatever the dialect can say beyond that was refused or noted before. Templates and other
     pipelines that it uses are in it whole: what happens to their files later changes nothing.
  2. Expressions stay source text; they are evaluated during the run, each time over what is known then.
  3. It is JSON both ways; what has its default value is left out.
  4. Its digest is over what runs: places and notes stay out, so that moving the file or a comment changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError, with_config

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError
from bridle.pipeline.failure import FailureRule
from bridle.pipeline.tree import CLOSED, Address, AnyNode, Block, Step, scope_of

FORMAT: TypeAlias = Literal[2]


@with_config(CLOSED)
@dataclass(frozen=True)
class InputSpec:
    """A value that a run takes: string, number (a whole one), boolean, array, object, connector or secret (by name).

    `enum` lists the values that are allowed; empty means any. `pattern` is a regular expression for texts.
    """

    type: str
    required: bool = False
    default: Any = None
    description: str = ""
    enum: tuple[Any, ...] = ()


@with_config(CLOSED)
@dataclass(frozen=True)
class Plan:
    """A pipeline ready to run. `notes` are for the reader: what was read and has no effect, what looks risky.

    `concurrency` is how many executions of it may run at a time; `lock` names every template by `name@version` and its digest.
    `drafts` are those of them that come from a branch: nobody has approved them. `variables` are `{"type", "value"}` by name,
    `policy_sets` the `{"name", "digest", "text"}` of what its steps `enforce`. `stage_executions` says that a run may be of some
    of its stages, `fixed_inputs` that a rerun has no others than the first run.
    """

    id: str
    name: str
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    stages: tuple[Step | Block, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    condition: str = ""
    on_failure: tuple[FailureRule, ...] = ()
    timeout_s: int | None = None
    barriers: tuple[str, ...] = ()
    concurrency: int | None = None
    rollback: tuple[Step | Block, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    lock: Mapping[str, str] = field(default_factory=dict)
    drafts: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    policy_sets: Mapping[str, Any] = field(default_factory=dict)
    stage_executions: bool = False
    fixed_inputs: bool = False
    format: FORMAT = 2

    def to_json(self) -> dict[str, Json]:
        """Return the plan as plain data; `from_json` gives back an equal plan."""
        plain: dict[str, Json] = _codec().dump_python(self, mode="json", exclude_defaults=True)
        return {**plain, "format": 2}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        """Read what `to_json` wrote; raise InputError for anything else."""
        try:
            return _codec().validate_json(json.dumps(data), strict=True)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"not a plan: {first['msg']}", where=where, hint="plan the pipeline again"
            ) from exc

    def digest(self) -> str:
        """Return `sha256:<hex>` over everything that runs (rule 4)."""
        data: dict[str, Any] = dict(self.to_json())
        data.pop("notes", None)
        _drop_places(data, ("stages", "rollback"))
        return digest(data)

    def node(self, address: Address) -> AnyNode:
        """Return the node at an address."""
        found: AnyNode = self.stages[address[0]]
        for index in address[1:]:
            assert isinstance(found, Block)
            found = found.nodes[index]
        return found

    def find(self, path: str) -> AnyNode | None:
        """Return the node that a path without cells names (`stage/step`, `stage/group/step`), or None."""
        nodes: tuple[AnyNode, ...] = self.stages
        found: AnyNode | None = None
        for id_ in path.split("/"):
            found = next((node for node in scope_of(nodes) if node.id == id_), None)
            nodes = found.nodes if isinstance(found, Block) else ()
        return found


@cache
def _codec() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _drop_places(data: dict[str, Any], lists: Sequence[str]) -> None:
    data.pop("place", None)
    for node in (node for name in lists for node in data.get(name, ())):
        _drop_places(node, ("nodes", "rollback"))
