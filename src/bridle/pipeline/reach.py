"""What a path may name from where it stands: one judge for each root of the context."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Values

from bridle.pipeline.complaint import suggest
from bridle.pipeline.exported import judge_exported
from bridle.pipeline.expressions import Reference
from bridle.pipeline.lookup import KNOWN_ROOTS, match_name
from bridle.pipeline.outline import Fault, Outline
from bridle.pipeline.spots import BEFORE_CELLS, CONDITIONS, MAY_NAME_SECRETS, Spot
from bridle.pipeline.strategy import UNBOUNDED, Strategy
from bridle.pipeline.tree import Address, Block, is_named_group
from bridle.pipeline.variables import PROJECT, SCOPES
from bridle.pipeline.wrappers import rewrap

_PIPELINE = ("id", "name", "execution_id", "seq_id", "triggered_by")
_PIPELINE_LATER = ("execution_url", "status")
_NODE = ("status", "output", "id", "name", "steps")
_LOOP_MEMBERS = {
    "for": ("iteration",),
    "strategy": ("iteration", "total", "item"),
    "split": ("index", "total"),
}


def judge(reference: Reference, spot: Spot, outline: Outline) -> Fault | None:
    """Return what is wrong with looking up `reference` from `spot`."""
    root = reference.path[0]
    judge_root = _JUDGES.get(root)
    if judge_root is not None:
        return judge_root(reference.path, spot, outline)
    if root == "manifests":
        return Fault("no source of manifests is bound", "no-manifest-source", "remove this expression")
    if root in KNOWN_ROOTS:
        return Fault(f"{root!r} has no value yet", f"not-executed-yet:{root}", "remove this expression")
    hint = suggest(
        root, KNOWN_ROOTS, otherwise="put text between quotes; paths begin with inputs, steps or stages"
    )
    return Fault(f"{'.'.join(reference.path)!r} leads nowhere", "unknown-reference", hint)


def _is_inside(spot: Spot) -> bool:
    return spot.use == "output"


def _judge_input(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    block = _template_around(spot, outline)
    known = outline.plan.inputs if block is None else block.inputs or {}
    if len(path) > 1 and _is_secret_input(path[1], block, outline):
        return _judge_secret_place(spot)
    if len(path) < 2 or match_name(path[1], dict.fromkeys(known), is_id=False) is not None:
        return None
    hint = suggest(path[1], known, otherwise=f"declare it: inputs: {{{path[1]}: {{type: string}}}}")
    return Fault(f"there is no input {path[1]!r}", "unknown-input", hint)


def _template_around(spot: Spot, outline: Outline) -> Block | None:
    """The nearest block around the spot with inputs of its own; the block's own head looks at those outside it."""
    start = len(spot.address) if _is_inside(spot) else len(spot.address) - 1
    for length in range(start, 0, -1):
        block = outline.nodes.get(spot.address[:length])
        if isinstance(block, Block) and block.inputs is not None:
            return block
    return None


def _judge_step(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    scopes = list(outline.scopes_around(spot.address, inside=_is_inside(spot)))
    if not scopes:
        hint = "write stages.<stage>.steps.<step>"
        return Fault("there is no current step here", "unknown-step", hint)
    if len(path) < 2:
        return None
    for scope in scopes:
        found = outline.find(path[1], scope)
        if found is not None:
            return _judge_node(path[2:], found, spot, outline)
    names = [name for scope in scopes for name in outline.scopes[scope]]
    hint = suggest(path[1], names, otherwise=f"steps of this stage: {', '.join(names[:12]) or 'none'}")
    return Fault(f"there is no step {path[1]!r}", "unknown-step", hint)


def _judge_stage(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if len(path) < 2:
        return None
    found = outline.find(path[1], ())
    if found is None:
        known = outline.scopes[()]
        hint = suggest(path[1], known, otherwise=f"stages: {', '.join(list(known)[:12])}")
        return Fault(f"there is no stage {path[1]!r}", "unknown-stage", hint)
    return _judge_node(path[2:], found, spot, outline)


def _judge_node(
    below: tuple[str, ...], found: tuple[Address, bool], spot: Spot, outline: Outline
) -> Fault | None:
    """Judge what is asked of a node: its own state only when it has ended, that of its steps when these have."""
    address, is_cell = found
    node = outline.nodes[address]
    if below[:1] == ("steps",) and isinstance(node, Block) and len(below) > 1:
        inner = outline.find(below[1], address)
        if inner is None:
            known = outline.scopes.get(address, {})
            hint = suggest(
                below[1], known, otherwise=f"steps of {node.id}: {', '.join(list(known)[:12]) or 'none'}"
            )
            return Fault(f"there is no step {below[1]!r}", "unknown-step", hint)
        return _judge_node(below[2:], inner, spot, outline)
    ran = _is_own_round(address, spot, outline) or outline.ran_before(
        address, spot.address, inside=_is_inside(spot)
    )
    if not ran:
        stage = outline.stage_of(address)
        if stage in (spot.address, address) or stage != outline.stage_of(spot.address):
            name = outline.nodes[stage].id if stage else node.id
            return Fault(f"the stage {name!r} has not ended yet", "later-stage", "look at an earlier stage")
        hint = "look at an earlier step, or move this one"
        return Fault(f"the step {node.id!r} has not run yet", "later-step", hint)
    one_of_many = node.strategy is not None and node.strategy.kind not in UNBOUNDED and not is_cell
    if one_of_many and below[:1] == ("output",):
        hint = f"look at one of its cells: {node.id}_0"
        return Fault(f"{node.id!r} stands for many cells", "many-cells", hint)
    if isinstance(node, Block) and node.kind == "stage":
        is_variable = below[:1] == ("variables",)
        return (
            _judge_name(below[1:], node.variables, "stage")
            if is_variable
            else _judge_member(below, _NODE, noun="stage")
        )
    return _judge_member(below, _NODE, noun="step")


def _is_own_round(target: Address, spot: Spot, outline: Outline) -> bool:
    """True for what a `while` asks about its own last round."""
    node = outline.nodes.get(spot.address)
    strategy = node.strategy if node is not None and spot.use == "cell-condition" else None
    is_while = strategy is not None and strategy.kind == "while"
    return is_while and target[: len(spot.address)] == spot.address


def _judge_member(below: tuple[str, ...], known: tuple[str, ...], *, noun: str) -> Fault | None:
    if not below or below[0] in known:
        return None
    hint = suggest(below[0], known, otherwise=f"known: {', '.join(known)}")
    return Fault(f"a {noun} has no {below[0]!r}", "unknown-member", hint)


def _judge_pipeline(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if path[1:2] == ("variables",):
        return _judge_name(path[2:], _pipeline_variables(spot, outline), "pipeline")
    if path[1:2] and path[1] in _PIPELINE_LATER:
        name = f"pipeline.{path[1]}"
        return Fault(
            f"{name!r} has no value yet", f"not-executed-yet:{name}", f"known: {', '.join(_PIPELINE)}"
        )
    return _judge_member(path[1:], _PIPELINE, noun="pipeline")


def _judge_secret(path: tuple[str, ...], spot: Spot, _outline: Outline) -> Fault | None:
    if len(path) < 2:
        return Fault("a secret needs a name", "bad-secret-name", "write secrets.NAME")
    return _judge_secret_place(spot)


def _is_secret_input(name: str, block: Block | None, outline: Outline) -> bool:
    """True for a secret of the pipeline's own; what a template's input holds is only known when its block begins.

    A stage with inputs hands on those of the pipeline that it does not hide.
    """
    declared = outline.plan.inputs
    key = match_name(name, declared, is_id=False)
    if key is None or declared[key].type != "secret":
        return False
    return block is None or rewrap(str((block.inputs or {}).get(key))) == f"${{{{ inputs.{key} }}}}"


def _judge_secret_place(spot: Spot) -> Fault | None:
    if spot.use in CONDITIONS:
        return Fault("a condition can't look at a secret", "secret-in-expression", "decide by something else")
    if spot.use in MAY_NAME_SECRETS:
        return None
    hint = "set it as a variable in `env`, and let the command read that"
    return Fault("a secret can only be given to a command, in its `env`", "secret-outside-env", hint)


def _strategies(spot: Spot, outline: Outline) -> list[Strategy]:
    """The strategies that have made a cell where the spot is evaluated, the nearest first."""
    found = []
    for length in range(len(spot.address), 0, -1):
        node = outline.nodes.get(spot.address[:length])
        own = length == len(spot.address)
        if node is not None and node.strategy is not None and not (own and spot.use in BEFORE_CELLS):
            found.append(node.strategy)
    return found


def _judge_matrix(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    matrices = [strategy for strategy in _strategies(spot, outline) if strategy.kind == "matrix"]
    if not matrices:
        hint = "give this node a matrix; a condition on one of its values goes below strategy: as if:"
        return Fault("there is no matrix here", "no-strategy", hint)
    known = {name for strategy in matrices for name, _ in strategy.axes}
    for strategy in matrices:
        included = strategy.include if isinstance(strategy.include, (list, tuple)) else ()
        known |= {name for item in included if isinstance(item, dict) for name in item}
    if len(path) < 2 or path[1] in known or any(isinstance(item.include, str) for item in matrices):
        return None
    hint = suggest(path[1], known, otherwise=f"axes: {', '.join(sorted(known)) or 'none'}")
    return Fault(f"the matrix has no axis {path[1]!r}", "unknown-axis", hint)


def _judge_loop(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if not _strategies(spot, outline):
        return Fault(
            f"{path[0]!r} has a value inside a strategy only", "no-strategy", "give this node a strategy"
        )
    return _judge_member(path[1:], _LOOP_MEMBERS[path[0]], noun=path[0])


def _judge_rollback(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    inside = any(spot.address[:length] in outline.rollbacks for length in range(1, len(spot.address) + 1))
    if not inside:
        return Fault("'rollback' has a value in rollback steps only", "no-rollback", "use steps.<id>.output")
    return _judge_member(path[1:], ("data",), noun="rollback")


def _judge_own(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if spot.use == "retry-condition" and path[0] == "step":
        return None
    if not spot.address:
        return Fault(f"there is no current {path[0]} here", f"no-{path[0]}", "write it inside a stage")
    if path[:2] == ("stage", "variables"):
        return _judge_name(path[2:], _stage_variables(spot, outline), "stage")
    return _judge_member(path[1:], ("id", "name"), noun=path[0])


def _judge_group(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    """`group` and `step_group` are the nearest group with a name; a group's own head looks at the one around it."""
    start = len(spot.address) if _is_inside(spot) else len(spot.address) - 1
    if not any(is_named_group(outline.nodes[spot.address[:length]]) for length in range(start, 0, -1)):
        return Fault("there is no group with a name around it", "no-group", "give the group an id")
    return _judge_member(path[1:], ("id", "name"), noun="group")


def _judge_variable(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    if len(path) > 1 and path[1] in SCOPES:
        return (
            None
            if outline.shared is None
            else _judge_name(path[2:], outline.shared.get(path[1], {}), path[1])
        )
    own = {**_pipeline_variables(spot, outline), **_stage_variables(spot, outline)}
    return _judge_name(path[1:], {**(outline.shared or {}).get(PROJECT, {}), **own}, "place")


def _pipeline_variables(spot: Spot, outline: Outline) -> Values[str, object]:
    """Those of the pipeline, for everything but their own values."""
    return {} if spot.use == "value" and not spot.address else outline.plan.variables


def _stage_variables(spot: Spot, outline: Outline) -> Values[str, object]:
    """The variables of the stage around the spot; the stage's own head is evaluated before they are."""
    address = outline.stage_of(spot.address)
    block = outline.nodes[address] if address and (address != spot.address or _is_inside(spot)) else None
    return block.variables if isinstance(block, Block) else {}


def _judge_name(below: tuple[str, ...], known: Values[str, object], noun: str) -> Fault | None:
    if not below or match_name(below[0], known, is_id=False) is not None:
        return None
    hint = suggest(below[0], known, otherwise=f"declared: {', '.join(known) or 'none'}")
    return Fault(f"this {noun} has no variable {below[0]!r}", "unknown-variable", hint)


def _judge_deployment(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    """`service` and `infrastructure` have a value in stages that deploy; a pipeline that is chained may be given them."""
    address = outline.stage_of(spot.address)
    if not address:
        return Fault(f"there is no current {path[0]} here", f"no-{path[0]}", "write it inside a stage")
    return _judge_member(path[1:], ("id", "name"), noun=path[0])


def _judge_place(path: tuple[str, ...], _spot: Spot, _outline: Outline) -> Fault | None:
    """One installation is one account with one organisation; the project is the execution's."""
    return _judge_member(path[1:], ("id", "name"), noun=path[0])


def _judge_exported(path: tuple[str, ...], spot: Spot, outline: Outline) -> Fault | None:
    return judge_exported(path, spot.address, outline, inside=_is_inside(spot))


def _accept(_path: tuple[str, ...], _spot: Spot, _outline: Outline) -> Fault | None:
    return None


_JUDGES: dict[str, Callable[[tuple[str, ...], Spot, Outline], Fault | None]] = {
    "inputs": _judge_input,
    "steps": _judge_step,
    "stages": _judge_stage,
    "pipeline": _judge_pipeline,
    "secrets": _judge_secret,
    "env": _accept,
    "account": _judge_place,
    "org": _judge_place,
    "project": _judge_place,
    "service": _judge_deployment,
    "infrastructure": _judge_deployment,
    "matrix": _judge_matrix,
    "for": _judge_loop,
    "strategy": _judge_loop,
    "split": _judge_loop,
    "rollback": _judge_rollback,
    "exported_variables": _judge_exported,
    "variable": _judge_variable,
    "group": _judge_group,
    "step_group": _judge_group,
    "stage": _judge_own,
    "step": _judge_own,
}
