"""Outputs that a `run` step publishes under a key (`output-alias`), and which of them `exportedVariables` names from a place.

Rules
  1. `exportedVariables.getValue("pipeline.KEY.NAME")` is the output NAME of the step that published KEY for the pipeline;
     `stage.` and `stepGroup.` find what was published in the stage, or in a group, that the expression stands in.
  2. A key is published once in its scope: an expression never has two steps to choose from.
  3. It may be looked at where the step's own output may be, no sooner. A rollback looks at `rollback.data` instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.names import place_of
from bridle.pipeline.outline import Fault, Outline
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED
from bridle.pipeline.tree import Address, Block, Step, walk

SCOPES = {"pipeline": "pipeline", "stage": "stage", "stepgroup": "group"}
"""The words of the dialect, folded, and the one for each."""
ROOT_SCOPES = {"pipeline": "pipeline", "stage": "stage", "stepGroup": "group", "step_group": "group"}
"""The same as the first name of a path."""


def find_published(plan: Plan, scope: str, key: str, address: Address) -> Address | None:
    """Return the step whose outputs `key` means, in this scope, for whoever stands at `address`."""
    for found, around in _list_published(plan, scope, key):
        if address[: len(around)] == around:
            return found
    return None


def _list_published(plan: Plan, scope: str, key: str = "") -> Iterator[tuple[Address, Address]]:
    """Yield the steps that publish in a scope, each with the block that its key holds in; empty is the pipeline."""
    for address, node in walk(plan.stages):
        alias = node.with_.get("output_alias") if isinstance(node, Step) else None
        if alias and alias["scope"] == scope and key in ("", alias["key"]):
            around = _find_around(plan, address, scope)
            if around is not None:
                yield address, around


def _find_around(plan: Plan, address: Address, scope: str) -> Address | None:
    """Return the nearest stage or group around a step; None when it stands in no such block."""
    if scope == "pipeline":
        return ()
    for length in range(len(address) - 1, 0, -1):
        node = plan.node(address[:length])
        if isinstance(node, Block) and node.kind == scope and not node.transparent and node.of == "steps":
            return address[:length]
    return None


def check_published(plan: Plan, findings: Findings) -> None:
    """Complain about keys that are published twice in one scope, and about a group's key outside of all groups."""
    seen: dict[tuple[str, Address, str], Step] = {}
    for address, node in walk(plan.stages):
        alias = node.with_.get("output_alias") if isinstance(node, Step) else None
        if not alias or not isinstance(node, Step):
            continue
        around = _find_around(plan, address, alias["scope"])
        if around is None:
            what, hint = "this step stands in no named group", "use the scope Stage or Pipeline"
            findings.refuse(place_of(node), what, reason="no-group", hint=hint)
            continue
        first = seen.setdefault((alias["scope"], around, alias["key"]), node)
        if first is not node:
            what = f"{alias['key']!r} is published already in line {place_of(first).line}"
            findings.refuse(place_of(node), what, reason="duplicate-output-key", hint="use another key")


def judge_exported(
    path: tuple[str, ...], address: Address, outline: Outline, *, inside: bool
) -> Fault | None:
    """Return what is wrong with looking up `exported_variables.…` at an address."""
    if len(path) < 4 or path[1] not in ROOT_SCOPES:
        hint = 'write exportedVariables.getValue("pipeline.KEY.NAME"), or stage. or stepGroup. for pipeline.'
        return Fault("an exported variable needs scope, key and name", "bad-exported-variable", hint)
    if any(address[:length] in outline.rollbacks for length in range(1, len(address) + 1)):
        return Fault(
            "a rollback sees no exported variables", "no-exported-variable", "use rollback.data.NAME"
        )
    scope, key = ROOT_SCOPES[path[1]], path[2]
    found = find_published(outline.plan, scope, key, address)
    if found is None:
        published = _list_published(outline.plan, scope)
        known = [str(node.with_["output_alias"]["key"]) for node in _steps(outline, published)]
        hint = suggest(key, known, otherwise=f"published there: {', '.join(known[:12]) or 'nothing'}")
        return Fault(f"nothing is published as {key!r} for this {path[1]}", "unknown-output-key", hint)
    if not outline.ran_before(found, address, inside=inside):
        what = f"the step {outline.nodes[found].id!r}, which publishes {key!r}, has not run yet"
        return Fault(what, "later-step", "look at an earlier step, or move this one")
    for length in range(1, len(found) + 1):
        strategy = outline.nodes[found[:length]].strategy
        if address[:length] != found[:length] and strategy is not None and strategy.kind not in UNBOUNDED:
            what = f"{key!r} is published by many cells"
            return Fault(what, "many-cells", "name a cell's step: steps.ID_0.output.NAME")
    return None


def _steps(outline: Outline, published: Iterator[tuple[Address, Address]]) -> Iterator[Step]:
    for address, _ in published:
        node = outline.nodes[address]
        if isinstance(node, Step):
            yield node
