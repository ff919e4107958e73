"""`bridle plan`: what a pipeline would do, as far as that is known before it runs. Nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, root
from bridle.surfaces.cli.options import Given, InputSets

if TYPE_CHECKING:
    from bridle.core.canonical import Json
    from bridle.pipeline.plan import InputSpec, Plan
    from bridle.pipeline.tree import Step
    from bridle.pipeline.unfolding import Foreseen
    from bridle.pipeline.variables import Shared

MOST_NODES = 20_000  # a matrix in a matrix in a chain is soon more than anybody reads


@command(root, "plan", "bridle plan pipeline.yaml --input tag=v1")
def plan(
    pipeline: Annotated[Path, typer.Argument(help="The pipeline's YAML file.")],
    given: Given = None,
    input_sets: InputSets = None,
) -> Answer:
    """Show the plan of a pipeline: stages, steps, conditions, the actions each step performs, and its digest.

    Strategies are shown as their cells, and chained pipelines with their steps, as far as both are known: what hangs on the
    output of a step is known when it runs. Inputs that are given are checked as bridle run would; without any, defaults count.
    """
    from bridle.app import load_variables
    from bridle.core.settings import load_settings
    from bridle.engine.drafts import refuse_drafts
    from bridle.surfaces.cli.inputs import check_inputs
    from bridle.surfaces.cli.locking import read_plan

    found = read_plan(pipeline, given=given or [])
    inputs = check_inputs(found, given or [], sets=input_sets or [])
    refuse_drafts(found)
    return show_plan(found, inputs, shared=load_variables(load_settings().config_dir))


def show_plan(found: Plan, inputs: Mapping[str, Json], *, shared: Shared | None = None) -> Answer:
    """Return a plan to print, with the steps that would ask a person. `inputs` are those that are known."""
    from bridle.pipeline.unfolding import unfold

    nodes = list(islice(unfold(found, inputs, shared=shared), MOST_NODES + 1))
    document = {
        **found.to_json(),
        "digest": found.digest(),
        "asks": list_asking(found),
        "values": {name: _plain(value) for name, value in inputs.items()},
        "unfolded": [_describe_node(node) for node in nodes[:MOST_NODES]],
        "unfolded_whole": len(nodes) <= MOST_NODES,
    }
    return Answer(document, _tell_plan(found, inputs, nodes))


def _describe_node(here: Foreseen) -> dict[str, Any]:
    from bridle.pipeline.tree import Step

    node = here.node
    told: dict[str, Any] = {
        "path": here.path,
        "kind": node.kind,
        "name": here.name,
        "values": _plain(here.values),
        "why": here.why,
        "inputs": {name: _plain(value) for name, value in here.inputs.items()},
        "condition": node.condition,
    }
    if here.cells is not None:
        told["cells"] = here.cells
    if isinstance(node, Step):
        told |= {"does": describe_actions(node), "asks": asks(node)}
    return {name: value for name, value in told.items() if value not in ("", None, {}, False)}


def _tell_plan(found: Plan, inputs: Mapping[str, Json], nodes: list[Foreseen]) -> Iterator[str]:
    yield f"{found.id} ({found.name or found.id})  {found.digest()}"
    for name, spec in found.inputs.items():
        yield f"  input {name}: {_tell_input(spec, inputs.get(name))}"
    yield from (_tell_node(node) for node in nodes[:MOST_NODES])
    if len(nodes) > MOST_NODES:
        yield f"  … more than {MOST_NODES} nodes: the rest is not shown"
    for name, digest in found.lock.items():
        yield f"  locks {name} {digest}"
    for name in found.drafts:
        yield f"  draft {name}: from a branch, nobody has approved it"
    for note in found.notes:
        yield f"  note: {note}"


def _tell_input(spec: InputSpec, value: Json) -> str:
    if value is None:
        return f"{spec.type} ({'required, and not given' if spec.required else 'not given'})"
    remarks = ["default"] if _plain(value) == spec.default else []
    remarks += [f"one of {', '.join(str(item) for item in spec.enum)}"] if spec.enum else []
    told = "; ".join(remarks)
    return f"{spec.type} = {_spell(value)}{f' ({told})' if told else ''}"


def _tell_node(here: Foreseen) -> str:
    from bridle.pipeline.tree import Step

    node = here.node
    about = f"{node.kind:<9} {describe_actions(node)}" if isinstance(node, Step) else ""
    if node.kind == "parallel":
        about = "side by side"
    if node.strategy is not None and here.cell is None:
        about = f"{about}  {_tell_strategy(here)}".strip()
    elif here.why:
        about = f"{about}; {here.why}"
    if here.values is not None or here.name:
        about = f"{_tell_cell(here)}  {about}"
    if here.inputs:
        about = f"{about} with {_tell_pairs(here.inputs)}"
    id_ = node.id if here.cell is None else f"{node.id}_{here.cell}"
    return f"{'  ' * here.depth}{id_:<12} {about}{_condition(node.condition)}".rstrip()


def _tell_strategy(here: Foreseen) -> str:
    strategy = here.node.strategy
    assert strategy is not None
    if here.cells is None:
        return f"for each cell of its {strategy.kind}, {here.why}"
    if strategy.kind in ("while", "window"):
        return f"{here.cells} rounds at most{f' while {strategy.condition}' if strategy.condition else ''}"
    return f"{here.cells} {'cell' if here.cells == 1 else 'cells'} of its {strategy.kind}"


def _tell_cell(here: Foreseen) -> str:
    values = _tell_pairs(here.values) if isinstance(here.values, Mapping) else _spell(here.values)
    return f"{here.name} ({values})" if here.name else values


def _tell_pairs(values: Mapping[str, Json]) -> str:
    return ", ".join(f"{name}={_spell(value)}" for name, value in values.items())


def _spell(value: Json) -> str:
    """Return a value on one line; a secret by its name."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Json) -> Json:
    from bridle.pipeline.lookup import SecretPlaceholder

    if isinstance(value, str):
        return SecretPlaceholder.name_in(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def describe_actions(step: Step) -> str:
    """Return which actions a step performs."""
    body = step.with_
    match step.kind:
        case "run":
            return "command.run in the sandbox"
        case "background":
            return "command.start in the sandbox, not waited for"
        case "clone":
            return f"git.clone {body['repo']}"
        case "tool":
            return f"{body['uses']}{', which asks a person' if asks(step) else ''}"
        case "agent":
            return _describe_agent(body)
        case "approval":
            return _describe_approval(body)
        case "chain":
            return f"runs the pipeline {body['uses']}"
        case "policy":
            return f"asks the policy sets {', '.join(one['name'] for one in body['sets'])}"
        case "barrier" | "queue" | "wait":
            return " ".join(f"{name} {value}" for name, value in body.items())
        case _:
            return ""


def _describe_agent(body: Mapping[str, Any]) -> str:
    from bridle.agent.inline import find_agent

    if body["uses"]:
        return f"model.call and the tools of {body['uses']}"
    return ", ".join(("model.call", *find_agent(body, roots=()).tools))


def _describe_approval(body: Mapping[str, Any]) -> str:
    wanted = body["with"]
    if "run" in body:
        return f"command.run in the sandbox, every {wanted['retry_s']} s, until its outputs decide"
    people = ", ".join([*wanted.get("users", ()), *wanted.get("groups", ())]) or "a person"
    count = wanted.get("min_count", 1)
    asked = people if count == 1 else f"{count} of {people}"
    return f"asks {asked} about {wanted.get('for') or 'going on'}"


def asks(step: Step) -> bool:
    """True when the step's own action needs a person's word: an approval, and a tool whose effect cannot simply be put back."""
    from bridle.gate.manifest import builtin_manifests

    if step.kind == "approval":
        return "run" not in step.with_
    manifest = builtin_manifests().get(str(step.with_.get("uses"))) if step.kind == "tool" else None
    return manifest is not None and manifest.effect.lasts


def list_asking(plan: Plan) -> list[str]:
    """Return the ids of the steps that would ask, as `stage.step`; of a chained pipeline, behind those of the chain."""
    from bridle.pipeline.plan import Plan as Chained
    from bridle.pipeline.tree import Step, walk

    nodes = {address: node for address, node in walk(plan.stages)}
    found = []
    for address, node in nodes.items():
        path = ".".join(nodes[address[:length]].id for length in range(1, len(address) + 1))
        if isinstance(node, Step) and node.kind == "chain":
            found += [f"{path}.{inner}" for inner in list_asking(Chained.from_json(node.with_["plan"]))]
        elif isinstance(node, Step) and asks(node):
            found.append(path)
    return found


def _condition(condition: str) -> str:
    return f"  if {condition}" if condition else ""
