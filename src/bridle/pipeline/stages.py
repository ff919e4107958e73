"""The stages of a pipeline to blocks of the plan.

Rules
  1. A stage is of exactly one kind: steps, or a group or parallel of stages, or an approval, another pipeline (chain), or a
     template.
  2. Groups and parallels of stages are transparent unless they have a strategy: `stages.X` finds a stage wherever it stands.
  3. `jobs`, as other systems write them, are stages side by side; `needs` puts them in order.
  4. What a stage says about its machine is refused unless this machine is it: never a weaker one.
"""

from __future__ import annotations

from dataclasses import replace
from platform import machine, system
from typing import Any

from bridle.pipeline.codebase import find_clone
from bridle.pipeline.declared import fill_inputs
from bridle.pipeline.deployments import read_deployment
from bridle.pipeline.exclusive import read_lock
from bridle.pipeline.failures import take_rollback
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.kinds import read_body
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.permissions import check_permissions, read_permissions
from bridle.pipeline.policies import take_enforced
from bridle.pipeline.spots import Around, Reading
from bridle.pipeline.steps import (
    DISABLED,
    check_scope,
    list_approval,
    names_other_kind,
    read_head,
    read_outputs,
    read_step,
)
from bridle.pipeline.strategy import Strategy
from bridle.pipeline.tree import Address, AnyNode, Block, Step
from bridle.pipeline.variables import read_variables
from bridle.pipeline.vocabulary import (
    GROUP,
    PARALLEL,
    PLATFORM,
    STAGE,
    STAGE_KINDS,
    TEMPLATE_STAGES,
)

MOST_STAGES = 256
_EXCLUSIVE = ("steps", "approval", "chain")  # what stands in their templates says so itself


def unread_stage(node: Node, address: Address) -> Block:
    """Return what stands where a stage could not be read: a complaint was made, and the others keep their positions."""
    id_ = f"stage_{address[-1] + 1}"
    return Block(id=id_, name=id_, kind="stage", place=str(node.place))


def read_stages(fields: Fields, around: Around, reading: Reading) -> tuple[AnyNode, ...]:
    """Return the stages under `stages` or `jobs`, in order."""
    if fields.has("jobs"):
        return (_read_jobs(fields, around, reading),)
    nodes = fields.items("stages")
    if not nodes:
        hint = "add stages: with at least one stage"
        fields.refuse("a pipeline needs stages", reason="missing-key:stages", hint=hint)
        return ()
    if len(nodes) > MOST_STAGES:
        what = f"a pipeline has at most {MOST_STAGES} stages, not {len(nodes)}"
        fields.refuse(what, reason="too-many-stages", hint="split the pipeline")
        return ()
    stages = tuple(read_stage(node, index, around, reading) for index, node in enumerate(nodes))
    check_scope("stage", stages, reading)
    return stages


def read_stage(node: Node, index: int, around: Around, reading: Reading, *, id_: str = "") -> Block:
    """Return one entry of a list of stages."""
    fields = open_fields(node, STAGE, findings=reading.findings)
    if fields is None:
        return unread_stage(node, (*around.address, index))
    here = around.below(index, fields.variables("env"), read_permissions(fields))
    declared = read_deployment(fields)
    here = replace(
        here,
        variables={**around.variables, **read_variables(fields)},
        deployment={**around.deployment, **declared.texts},
        enforce=(*around.enforce, *take_enforced(fields, reading.policies, reading.enforced)),
    )
    reading.mark(fields.get("variables"), "value", here.address)
    for key in ("service", "environment"):
        reading.mark(fields.get(key), "strategy" if declared.strategy else "deployment", here.address)
    head = read_head(fields, here, reading, otherwise=id_ or f"{around.unnamed or 'stage'}_{index + 1}")
    if declared.strategy is not None:
        _deploy_each(fields, declared.strategy, reading, head)
    _check_machine(fields)
    kinds = [kind for kind in STAGE_KINDS if kind in fields.nodes]
    if len(kinds) > 1:
        fields.refuse(
            f"a stage can't be {' and '.join(kinds)}", reason="several-kinds", hint="make one stage of each"
        )
    elif not kinds and not names_other_kind(node, STAGE):
        hint = "add steps: with at least one step"
        fields.refuse("a stage needs steps", reason="missing-key:steps", hint=hint)
    if len(kinds) != 1:
        return unread_stage(node, here.address)
    _refuse_unused(fields, kinds[0])
    outputs = read_outputs(fields, here, reading)
    made = _READERS[kinds[0]](fields, here, reading, head)
    rollback = _read_rollback(fields, here, reading, after=len(made.nodes))
    return replace(
        made,
        outputs={**made.outputs, **outputs},
        rollback=rollback,
        variables=here.variables if made.kind == "stage" else {},
        deployment=here.deployment if made.kind == "stage" else {},
        inputs=_read_inputs(fields, kinds[0], here, reading) if fields.has("inputs") else made.inputs,
    )


def _refuse_unused(fields: Fields, kind: str) -> None:
    """Refuse what a stage of this kind has no use for: it would look as if it did something."""
    takes_uses = kind in (*TEMPLATE_STAGES, "approval") and not fields.has(kind)
    unused = {
        "uses": not takes_uses and "'uses' belongs below template:, approval: or chain:",
        "with": not (takes_uses or fields.has("inputs")) and "'with' gives values to inputs: of this stage",
        "rollback": kind in ("group", "parallel") and "write it on the stages that hold the steps",
        "clone": kind != "steps" and find_clone(fields, None) is not None and "only a stage of steps clones",
        "concurrency": kind not in _EXCLUSIVE and "write it on the stages that hold the steps",
    }
    for key, hint in unused.items():
        if hint and fields.has(key):
            what = f"{key!r} has no effect on this stage"
            fields.refuse(what, reason=f"misplaced-{key}", hint=hint, at=fields.nodes[key].place)


def _deploy_each(fields: Fields, strategy: Strategy, reading: Reading, head: dict[str, Any]) -> None:
    """Make a stage of several services or environments one for each; its condition is asked of each."""
    if head["strategy"] is not None:
        hint = "put the services and environments into the matrix: service: <+matrix.service>"
        fields.refuse("they are a strategy themselves", reason="several-strategies", hint=hint)
    if fields.has("group") or fields.has("parallel"):
        hint = "write them on the stages that hold the steps"
        what = "a group of stages names one service and one environment"
        fields.refuse(what, reason="misplaced-items", hint=hint)
    asked = fields.get("if")
    if asked is not None and head["condition"] != DISABLED:
        strategy, head["condition"] = replace(strategy, condition=head["condition"]), ""
        reading.spots = [
            replace(spot, use="cell-condition") if spot.scalar is asked else spot for spot in reading.spots
        ]
    head["strategy"] = strategy


def _read_inputs(fields: Fields, kind: str, here: Around, reading: Reading) -> dict[str, Any] | None:
    """Return a stage's own inputs, given below `with`, beside those of the pipeline, which they hide."""
    if kind not in ("steps", "approval", "chain") or here.inputs is None:
        hint = "declare them on the stages that hold the steps, or as inputs of the template"
        fields.refuse("no inputs can be declared here", reason="misplaced-inputs", hint=hint)
        return None
    reading.mark(fields.get("with"), "inputs", here.address)
    return {**{name: f"<+inputs.{name}>" for name in here.inputs}, **fill_inputs(fields, fields)}


def _read_rollback(fields: Fields, here: Around, reading: Reading, *, after: int) -> tuple[AnyNode, ...]:
    """Rollback steps look at their stage from its end: in addresses they follow its last node."""
    nodes = (*fields.items("rollback"), *take_rollback(fields))
    if len(nodes) == 1 and isinstance(nodes[0], Mapping):
        inner = [value for key, value in nodes[0].entries if key.text == "steps"]
        nodes = inner[0].items if inner and isinstance(inner[0], Sequence) else nodes
    return tuple(read_step(node, after + index, here, reading) for index, node in enumerate(nodes))


def _read_steps_stage(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    nodes = fields.items("steps")
    if not nodes:
        hint = "add steps: with at least one step"
        fields.refuse("a stage needs steps", reason="missing-key:steps", hint=hint)
    lead = read_lock(fields, here, reading)
    lead += _read_clone(fields, here, reading, at=here.below(len(lead), {}))
    offset = len(lead)
    steps = tuple(read_step(node, offset + index, here, reading) for index, node in enumerate(nodes))
    return Block(kind="stage", nodes=(*lead, *steps), **head)


def _read_clone(fields: Fields, here: Around, reading: Reading, *, at: Around) -> tuple[Step, ...]:
    """A clone is a first step of its own."""
    node = find_clone(fields, here.codebase)
    if node is None:
        return ()
    reading.mark(node, "value", at.address)
    with_ = read_body("clone", node, fields)
    check_permissions("clone", here.permissions, fields)
    return (
        Step(
            id="clone",
            name="clone",
            kind="clone",
            with_=with_,
            env=dict(here.env),
            permissions=here.granted,
            enforce=here.enforce,
            place=str(node.place),
        ),
    )


def _read_stage_group(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    return _read_inner_stages(fields, here, reading, head, kind="group")


def _read_stage_parallel(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    return _read_inner_stages(fields, here, reading, head, kind="parallel")


def _read_inner_stages(
    fields: Fields, here: Around, reading: Reading, head: dict[str, Any], *, kind: Any
) -> Block:
    node = fields.nodes[kind]
    noun = PARALLEL if kind == "parallel" else GROUP
    body = (
        Fields(noun, node.place, {"stages": node}, fields.findings)
        if isinstance(node, Sequence)
        else open_fields(node, noun, findings=fields.findings)
    )
    nodes = body.items("stages") if body else ()
    if body and not nodes:
        body.refuse(f"a {kind} of stages needs stages", reason="missing-key:stages", hint="add stages:")
    inner = replace(here, unnamed=head["id"] if head["strategy"] is None else "")
    stages = tuple(read_stage(item, index, inner, reading) for index, item in enumerate(nodes))
    return Block(kind=kind, of="stages", nodes=stages, transparent=head["strategy"] is None, **head)


def _read_approval_stage(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    node = fields.nodes["approval"]
    lead = read_lock(fields, here, reading)
    at = here.below(len(lead), {})
    for part, use in list_approval(node):
        reading.mark(part, use, at.address)
    with_ = read_body("approval", node, fields)
    step = Step(
        id="approval",
        name=head["name"],
        kind="approval",
        with_=with_,
        env=head["env"],
        permissions=here.granted,
        enforce=here.enforce,
        place=head["place"],
    )
    return Block(kind="stage", nodes=(*lead, step), **head)


def _read_chain(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    return reading.placing.chain(fields, here, reading, head)


def _read_template_stage(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    key = next(kind for kind in TEMPLATE_STAGES if kind in fields.nodes)
    return reading.placing.stage(fields, key, here, reading, head)


_READERS = {
    "steps": _read_steps_stage,
    "group": _read_stage_group,
    "parallel": _read_stage_parallel,
    "approval": _read_approval_stage,
    "chain": _read_chain,
    **dict.fromkeys(TEMPLATE_STAGES, _read_template_stage),
}


def _read_jobs(fields: Fields, around: Around, reading: Reading) -> Block:
    here = around.below(0, {})
    entries = fields.entries("jobs")
    stages = tuple(
        read_stage(node, index, here, reading, id_=key.text) for index, (key, node) in enumerate(entries)
    )
    check_scope("stage", stages, reading)
    return Block(
        id="jobs",
        name="jobs",
        kind="parallel",
        of="stages",
        nodes=stages,
        transparent=True,
        place=str(fields.place),
    )


def _check_machine(fields: Fields) -> None:
    runtime = fields.get("runtime")
    if runtime is not None:
        name = _name_runtime(runtime)
        if name != "shell":
            hint = "leave 'runtime' out: steps run in this machine's sandbox"
            fields.refuse(
                f"there is no runtime {name!r} here", reason=f"no-runtime:{name}", hint=hint, at=runtime.place
            )
    node = fields.get("platform")
    platform = open_fields(node, PLATFORM, findings=fields.findings) if node is not None else None
    if platform is None:
        return
    for key, here in (("os", _fold(system())), ("arch", _fold(machine()))):
        name = _fold(platform.text(key, here))
        if name != here:
            platform.refuse(
                f"there is no {name} here",
                reason=f"no-runtime:{name}",
                hint=f"use {key}: {here}, or leave it out",
                at=platform.nodes[key].place,
            )


def _fold(word: str) -> str:
    """Return an operating system or an architecture in one of the spellings that it has."""
    return {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64"}.get(word.lower(), word.lower()[:40])


def _name_runtime(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text[:40].lower()
    entries = node.entries if isinstance(node, Mapping) else ()
    kinds = [value.text for key, value in entries if key.text == "type" and isinstance(value, Scalar)]
    return (kinds or [key.text for key, _ in entries] or ["none"])[0][:40].lower()
