"""What a plan comes to as far as it is known before it runs: the cells of its strategies, the pipelines that it chains.

Rules
  1. A strategy is unfolded when all that it names is known: inputs, variables, the cell around it. Else it stands for its cells.
  2. A value that hangs on what is not known yet is left out, and so is all that hangs on that value: nothing is guessed.
  3. A `while` and a window have no cells before they run, only the most rounds that there can be.
  4. What a chained pipeline is given is known or not for each input alone; what is not given has its default.
  5. Conditions are not asked: what would be skipped is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import InputError
from bridle.pipeline.cells import count_cells, name_cells, show_cell
from bridle.pipeline.expressions import resolve
from bridle.pipeline.inputs import resolve_input
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED, Strategy
from bridle.pipeline.tree import AnyNode, Block, Step
from bridle.pipeline.variables import Shared, evaluate_variables, show_shared

_LOOP = ("for", "strategy", "split")
Context = Mapping[str, Json]


@dataclass(frozen=True)
class Foreseen:
    """A node as it would run. In a chained pipeline its path stands behind that of the chain and a `:`.

    `cell` is which one of its strategy it is, `values` what that one is for. Of a node that stands for its cells, `cells` is how
    many there will be, or the most rounds of a while. `why` says why they are not known, or why it would not begin. `inputs` are
    those of a chained pipeline that are known.
    """

    path: str
    depth: int
    node: AnyNode
    cell: int | None = None
    name: str = ""
    cells: int | None = None
    values: Json = None
    why: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)


def foresee_inputs(plan: Plan, given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the inputs that are known: given, with a default, or optional; raise InputError for a value that is refused."""
    return {
        name: resolve_input(name, spec, given=given.get(name))
        for name, spec in plan.inputs.items()
        if name in given or spec.default is not None or not spec.required
    }


def unfold(plan: Plan, inputs: Mapping[str, Json], *, shared: Shared | None = None) -> Iterator[Foreseen]:
    """Yield the nodes of a plan as they would run with these inputs, each block before what it holds. There may be very many."""
    unfolding = _Unfolding(shared or {})
    return unfolding.plan(plan, inputs, path="", depth=1)


@dataclass
class _Unfolding:
    shared: Shared
    _plans: dict[int, Plan] = field(default_factory=dict)

    def plan(self, plan: Plan, inputs: Context, *, path: str, depth: int) -> Iterator[Foreseen]:
        context: dict[str, Json] = {"inputs": inputs, "pipeline": {"id": plan.id, "name": plan.name}}
        of_all = show_shared(dict(self.shared))
        variables = _find_variables(plan.variables, {**context, "variable": of_all})
        context["pipeline"] = {"id": plan.id, "name": plan.name, "variables": variables}
        context["variable"] = {**of_all, **variables}
        yield from self._nodes(plan.stages, context, path, depth)

    def _nodes(
        self, nodes: tuple[AnyNode, ...], context: Context, around: str, depth: int
    ) -> Iterator[Foreseen]:
        for node in nodes:
            is_transparent = isinstance(node, Block) and node.transparent
            path = around if is_transparent else _below(around, node.id)
            if node.strategy is None:
                yield from self._one(Foreseen(path, depth, node), context)
            else:
                yield from self._cells(node.strategy, Foreseen(path, depth, node), context)

    def _cells(self, strategy: Strategy, whole: Foreseen, context: Context) -> Iterator[Foreseen]:
        counted, why = _count(strategy, context)
        cells = counted["count"] if counted else None
        standing = replace(whole, cells=cells, why=why)
        if counted is None or strategy.kind in UNBOUNDED:
            unknown = set(_LOOP) if strategy.kind in UNBOUNDED else {*_LOOP, "matrix"}
            yield from self._one(standing, {key: context[key] for key in context if key not in unknown})
            return
        yield standing
        around = as_mapping(context.get("matrix") or {})
        for index in range(counted["count"]):
            shown = show_cell(counted, index, around=around)
            cell = counted["cells"][index]
            yield from self._one(
                replace(
                    whole,
                    path=f"{whole.path}_{index}",
                    depth=whole.depth + 1,
                    cell=index,
                    name=counted["names"][index] if "names" in counted else "",
                    values=cell["values"] or cell["item"],
                ),
                {**context, **shown},
            )

    def _one(self, here: Foreseen, context: Context) -> Iterator[Foreseen]:
        node = here.node
        if isinstance(node, Block):
            yield here
            yield from self._nodes(node.nodes, _enter(node, context), here.path, here.depth + 1)
        elif node.kind == "chain":
            yield from self._chain(node, here, context)
        else:
            yield here

    def _chain(self, step: Step, here: Foreseen, context: Context) -> Iterator[Foreseen]:
        if id(step) not in self._plans:
            self._plans[id(step)] = Plan.from_json(step.with_["plan"])
        plan = self._plans[id(step)]
        given = step.with_.get("inputs") or {}
        known = _find_known(given, context)
        try:
            inputs = foresee_inputs(plan, known)
        except InputError as error:
            yield replace(here, why=f"cannot begin: {error.where}: {error.what}")
            return
        inputs = {name: value for name, value in inputs.items() if name in known or name not in given}
        yield replace(here, inputs=inputs)
        yield from self.plan(plan, inputs, path=f"{here.path}:", depth=here.depth + 1)


def _count(strategy: Strategy, context: Context) -> tuple[dict[str, Any] | None, str]:
    """Return the cells of a strategy, or why they are not known."""
    try:
        found = resolve(strategy.spec(), context)
        if found.unresolved:
            return None, f"known once {', '.join(found.unresolved)} is"
        counted = count_cells(strategy, found.value)
        if strategy.kind in UNBOUNDED:
            return counted, ""
        return {**counted, **_find_names(strategy, counted, context)}, ""
    except InputError as error:
        return None, f"cannot begin: {error.what}"


def _find_names(strategy: Strategy, counted: Mapping[str, Any], context: Context) -> dict[str, Json]:
    if not counted["count"]:
        return {}
    first = show_cell(counted, 0, around=as_mapping(context.get("matrix") or {}))
    is_known = not resolve(strategy.node_name, {**context, **first}).unresolved
    return name_cells(strategy, counted, context) if is_known else {}


def _enter(block: Block, context: Context) -> Context:
    """Return what is known inside a block: its inputs, its variables."""
    inside = dict(context)
    if block.kind == "stage":
        own = _find_variables(block.variables, context)
        inside["stage"] = {"id": block.id, "name": block.name, "variables": own}
        around = as_mapping(context["variable"]).items()
        inside["variable"] = {**{name: value for name, value in around if name not in block.variables}, **own}
    if block.inputs is not None:
        inside["inputs"] = _find_known(block.inputs, context)
    return inside


def _find_known(values: Mapping[str, Any], context: Context) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in values.items():
        try:
            rendered = resolve(value, context)
        except InputError:
            continue  # it would fail where it begins, with its line; here it is not known
        if not rendered.unresolved:
            found[name] = rendered.value
    return found


def _find_variables(declared: Mapping[str, Any], context: Context) -> dict[str, Json]:
    known = _find_known({name: item["value"] for name, item in declared.items()}, context)
    found: dict[str, Json] = {}
    for name in known:
        try:
            found |= evaluate_variables({name: declared[name]}, context)
        except InputError:
            continue  # as above
    return found


def _below(around: str, id_: str) -> str:
    return f"{around}{id_}" if around.endswith(":") else f"{around}/{id_}" if around else id_
