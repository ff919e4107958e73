"""What expressions see: inputs, the cell they are in, and the states and outputs of what has run, read from the journal.

Rules
  1. A name means the node of that id in the nearest scope around; of several attempts, the last one; of the rounds of a `while`,
     the last one too.
  2. Nothing is copied: what an expression names is looked up when it is asked for.
  3. What another process has written is read before an expression is evaluated; that it has been written is the plan's business,
     which lets an expression look only at what has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.engine.execution import Execution
from bridle.engine.position import Level, Position, base_path
from bridle.pipeline.cells import show_cell
from bridle.pipeline.deployments import show_deployment
from bridle.pipeline.exported import ROOT_SCOPES, find_published
from bridle.pipeline.expressions import render
from bridle.pipeline.tree import Address, Block, is_named_group
from bridle.pipeline.variables import evaluate_variables, show_shared
from bridle.trust.journal import Journal, Kind, Record

_KINDS = (Kind.STEP_ENDED, Kind.BLOCK_STARTED, Kind.BLOCK_ENDED)
ONLY = "default"  # one installation is one account with one organisation
_EMPTY: Mapping[str, Json] = {}


@dataclass
class Known:
    """What the journal says about the nodes of one execution, by path. A rollback also knows what it undoes."""

    journal: Journal
    execution: str
    undoes: Known | None = None
    _ended: dict[str, Record] = field(default_factory=dict)
    _started: dict[str, Record] = field(default_factory=dict)
    _latest: dict[str, str] = field(default_factory=dict)
    _rounds: dict[str, str] = field(default_factory=dict)
    _read_to: int = -1

    async def refresh(self) -> None:
        """Read what has been written since the last time, by whatever process."""
        records = await self.journal.read(execution=self.execution, after=self._read_to, kinds=_KINDS)
        for record in records:
            self.take(record)
            self._read_to = record.seq
        if self.undoes is not None:
            await self.undoes.refresh()

    def take(self, record: Record) -> None:
        """Take a record that this process has written."""
        table = self._started if record.kind is Kind.BLOCK_STARTED else self._ended
        table[record.subject] = record
        if record.kind is Kind.BLOCK_STARTED and record.body.get("count") and not record.body.get("cells"):
            self._rounds.setdefault(record.subject, "")
        path = record.subject
        while path:  # what stands around it has begun as well
            self._latest[base_path(path)] = path
            self._take_round(base_path(path))
            path = path.rpartition("/")[0]

    def _take_round(self, path: str) -> None:
        loop = path.rpartition("_")[0]
        if loop in self._rounds:
            self._rounds[loop] = path

    def last_round(self, path: str) -> str:
        """Return the path of the last round of a `while`; of anything else, and before the first, the path itself."""
        cell = self._rounds.get(path)
        return self._latest[cell] if cell else path

    def find(self, path: str) -> str | None:
        """Return the path of the last attempt of what `path` names, or None when it has not begun."""
        found = self._latest.get(path)
        if found is None and self.undoes is not None:
            return self.undoes.find(path)
        return found

    def ended(self, path: str) -> Mapping[str, Json]:
        """Return the body of a node's end; empty when it has not ended."""
        record = self._ended.get(path)
        if record is None and self.undoes is not None:
            return self.undoes.ended(path)
        return record.body if record else _EMPTY

    def ended_in(self, scope: str) -> dict[str, Mapping[str, Json]]:
        """Return the ends of what stands directly in a scope, by the last part of its path."""
        parts = ((path.rpartition("/"), record) for path, record in self._ended.items())
        return {name: record.body for (around, _, name), record in parts if around == scope}

    def started(self, path: str) -> Mapping[str, Json]:
        """Return the body of a block's beginning: its inputs, its cells."""
        record = self._started.get(path)
        return record.body if record else _EMPTY

    def below(self, path: str) -> list[str]:
        """Return the names of what has begun in a scope, in no order; for whoever asks for all of it."""
        start = f"{path}/" if path else ""
        names = {known[len(start) :].partition("/")[0] for known in self._latest if known.startswith(start)}
        return sorted(names)

    def outputs_below(self, path: str) -> list[Mapping[str, Json]]:
        """Return the outputs of all that has ended in a scope, however deep, in the order of their ends."""
        records = sorted(self._ended.values(), key=lambda record: record.seq)
        found = [record.body["output"] for record in records if record.subject.startswith(f"{path}/")]
        return [output for output in found if isinstance(output, Mapping)]


class Scope(Mapping[str, Json]):
    """The nodes that a name can mean in some scopes, the nearest first."""

    def __init__(self, known: Known, paths: Sequence[str]) -> None:
        self._known = known
        self._paths = paths

    def __getitem__(self, name: str) -> Json:
        for scope in self._paths:
            path = self._known.find(f"{scope}/{name}" if scope else name)
            if path is not None:
                return self._view(path)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for scope in self._paths for name in self._known.below(scope)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _view(self, path: str) -> Mapping[str, Json]:
        last = self._known.last_round(path)
        body = self._known.ended(path) or self._known.ended(last)
        view: dict[str, Json] = {
            "id": path.rpartition("/")[2],
            "status": body.get("state", "running"),
            "output": self._known.ended(last).get("output"),
            "steps": Scope(self._known, (last,)),
            "variables": self._known.started(last).get("variables"),
        }
        return view


class Published(Mapping[str, Json]):
    """The outputs that steps have published in one scope, by key, as they are seen from a node."""

    def __init__(self, known: Known, position: Position, scope: str) -> None:
        self._known, self._position, self._scope = known, position, scope

    def __getitem__(self, key: str) -> Json:
        address = find_published(self._position.plan, self._scope, key, self._position.address)
        path = self._find_run(address) if address is not None else None
        if path is None:
            raise KeyError(key)
        return self._known.ended(path).get("output")

    def __iter__(self) -> Iterator[str]:
        return iter(())  # a key is asked for by name; nobody may ask for all of them

    def __len__(self) -> int:
        return 0

    def _find_run(self, address: Address) -> str | None:
        """Return the path of the last run of a node, in the cells and attempts that it shares with this one."""
        path = ""
        for length in range(1, len(address) + 1):
            node = self._position.plan.node(address[:length])
            if address[:length] == self._position.address[:length]:
                path = self._position.around(length).path
            elif not (isinstance(node, Block) and node.transparent):
                found = self._known.find(f"{path}/{node.id}" if path else node.id)
                if found is None:
                    return None
                path = self._known.last_round(found)
        return path


def build_context(
    execution: Execution, known: Known, position: Position, *, inside: bool = False
) -> dict[str, Json]:
    """Return the tree that expressions at a node look things up in; `inside` is the view from within a block."""
    levels = list(position.levels())
    stage = position.stage()
    context: dict[str, Json] = {
        "inputs": _find_inputs(execution, known, levels, inside=inside),
        "stages": Scope(known, ("",)),
        "steps": Scope(known, position.scopes(inside=inside)),
        "pipeline": _pipeline(execution),
        **_place(execution),
        **_find_group(levels if inside else levels[1:]),
        "exported_variables": {
            name: Published(known, position, scope) for name, scope in ROOT_SCOPES.items()
        },
    }
    own = _find_variables(known, stage) if stage is not None else {}
    if levels and "undoes" in execution.options:
        undone, begun = _find_undone(execution, known, levels[-1].node.id)
        context |= undone
        own = as_mapping(begun.get("variables") or {})
    if stage is not None:
        context["stage"] = {"id": stage.node.id, "name": stage.node.name, "variables": own}
    if position.plan.variables:
        shared = evaluate_variables(position.plan.variables, context)
        context["pipeline"] = {**_pipeline(execution), "variables": shared}
        own = {**shared, **own}
    of_all = as_mapping(execution.options.get("variables") or {})
    context["variable"] = {**show_shared(of_all), **own}
    if levels:
        context["step"] = {"id": position.node.id, "name": position.node.name}
        around = context.get("matrix", _EMPTY)
        context |= _find_cells(known, levels, around=around if isinstance(around, Mapping) else _EMPTY)
    if stage is not None:
        context |= show_deployment(find_deployment(known, stage) or _foresee_deployment(stage, context))
    return context


def find_deployment(known: Known, stage: Position) -> Mapping[str, Json]:
    """Return what a stage that has begun deploys, and where; empty when it deploys nothing."""
    return as_mapping(known.started(stage.path).get("deployment") or {})


def _foresee_deployment(stage: Position, context: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return it for the stage's own condition, which is asked before it begins: what cannot be told yet is not there."""
    assert isinstance(stage.node, Block)
    return as_mapping(render(dict(stage.node.deployment), context)) if stage.node.deployment else _EMPTY


def _find_inputs(
    execution: Execution, known: Known, levels: list[Level], *, inside: bool
) -> Mapping[str, Json]:
    for level in levels if inside else levels[1:]:
        if isinstance(level.node, Block) and level.node.inputs is not None:
            inputs = known.started(level.path).get("inputs")
            assert isinstance(inputs, Mapping)  # they were recorded when the block began
            return inputs
    return dict(execution.inputs)


def _find_group(levels: list[Level]) -> dict[str, Json]:
    """Return the nearest group with a name, under both of its names."""
    found = next((level.node for level in levels if is_named_group(level.node)), None)
    named: dict[str, Json] = {"id": found.id, "name": found.name} if found is not None else {}
    return {"group": named, "step_group": named}


def _find_cells(known: Known, levels: list[Level], *, around: Mapping[str, Json] = _EMPTY) -> dict[str, Json]:
    """Return `matrix`, of all strategies around with the nearest winning, and the loop of the nearest one."""
    matrix: dict[str, Json] = dict(around)
    loop: dict[str, Any] = {}
    for level in reversed(levels):
        if level.cell is None:
            continue
        loop = show_cell(known.started(strategy_path(level)), level.cell, around=matrix)
        matrix = loop["matrix"]
    return loop


def strategy_path(level: Level) -> str:
    """Return the path under which the cells of a node's strategy are recorded."""
    head = level.path.rpartition("/")[0]
    return f"{head}/{level.node.id}" if head else level.node.id


def _find_variables(known: Known, stage: Position) -> Mapping[str, Json]:
    """Return the variables of a stage, which were recorded when it began; none before that."""
    return as_mapping(known.started(stage.path).get("variables") or {})


def _find_undone(execution: Execution, known: Known, id_: str) -> tuple[dict[str, Json], Mapping[str, Json]]:
    """Return what a stage of a rollback sees of the one that it undoes: the cell, its inputs, and what was put out; and how
    that one began."""
    mine = as_mapping(as_mapping(execution.options["stages"])[id_])
    path = str(mine["path"])
    begun = known.undoes.started(path) if known.undoes else _EMPTY
    inputs: dict[str, Json] = {"inputs": begun["inputs"]} if begun.get("inputs") else {}
    return {**as_mapping(mine["cell"]), **inputs, "rollback": {"data": _rollback_data(known, path)}}, begun


def _rollback_data(known: Known, stage: str) -> Mapping[str, Json]:
    """Return what has been put out in the stage that is undone, the later winning."""
    found: dict[str, Json] = {}
    for output in known.undoes.outputs_below(stage) if known.undoes else ():
        found |= output
    return found


def find_cell(known: Known, position: Position) -> dict[str, Json]:
    """Return what expressions at a node see of the cells it is in: `matrix`, `strategy` and the like."""
    return _find_cells(known, list(position.levels()))


def _place(execution: Execution) -> dict[str, Json]:
    """Return where the execution belongs: what commands have as HARNESS_ACCOUNT_ID and the like (steps.run)."""
    project = str(execution.options.get("project") or ONLY)
    named = {"account": ONLY, "org": ONLY, "project": project}
    return {root: {"id": name, "name": name} for root, name in named.items()}


def _pipeline(execution: Execution) -> Mapping[str, Json]:
    return {
        "id": execution.pipeline,
        "name": execution.plan["name"],
        "execution_id": execution.id,
        "seq_id": execution.number,
        "triggered_by": {"name": execution.initiator.partition(":")[2]},
    }
