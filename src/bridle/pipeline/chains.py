"""A stage that runs another pipeline: `chain: {uses, with: {inputs, input-sets, outputs}}`.

Rules
  1. The other plan is put in whole when this one is made: what runs is what was planned.
  2. Values come from the input sets that are named, the later winning, and then from `inputs`. Those of a set are data.
  3. `outputs` are evaluated at the end of the other pipeline, and judged there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.checks import check_spot
from bridle.pipeline.complaint import PipelineError, suggest
from bridle.pipeline.exclusive import read_lock
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.input_sets import read_input_set
from bridle.pipeline.nodes import Scalar
from bridle.pipeline.outline import draw_outline
from bridle.pipeline.plan import Plan
from bridle.pipeline.spots import Around, Reading, Spot
from bridle.pipeline.stages import unread_stage
from bridle.pipeline.strategies import holds_expression
from bridle.pipeline.templates import plan_pipeline
from bridle.pipeline.tree import Block, Step
from bridle.pipeline.vocabulary import CHAIN, CHAIN_OUTPUT, CHAIN_WITH


def read_chain(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block:
    """Another pipeline as a stage, with its outputs: its plan is put in whole, so that what runs is what was planned."""
    body = open_fields(fields.nodes["chain"], CHAIN, findings=fields.findings)
    if body is None:
        return unread_stage(fields.nodes["chain"], here.address)
    details = (
        open_fields(body.nodes["with"], CHAIN_WITH, findings=body.findings) if body.has("with") else None
    )
    inputs = {**_read_input_sets(details, reading), **details.values("inputs")} if details else {}
    lead = read_lock(fields, here, reading)
    at = here.below(len(lead), {})
    if here.permissions is not None:
        hint = "take the block away from around it, and put permissions into the other pipeline"
        what = "a block of permissions does not reach into another pipeline"
        fields.refuse(what, reason="permissions-around-chain", hint=hint)
    reading.mark(details.get("inputs") if details else None, "inputs", at.address)
    plan = plan_pipeline(body, reading)
    if plan is not None:
        _check_chain_inputs(plan, inputs, body)
        outputs = dict(_read_chain_outputs(details, plan)) if details else {}
        plan = replace(plan, outputs={**plan.outputs, **outputs})
    with_ = {
        "uses": body.text("uses"),
        "plan": plan.to_json() if plan else {},
        "inputs": inputs,
    }
    step = Step(
        id="chain",
        name=head["name"],
        kind="chain",
        with_=with_,
        env=head["env"],
        enforce=here.enforce,
        place=head["place"],
    )
    outputs = {name: f"<+steps.chain.output.{name}>" for name in plan.outputs} if plan else {}
    return Block(kind="stage", nodes=(*lead, step), outputs=outputs, **head)


def _read_input_sets(details: Fields, reading: Reading) -> dict[str, Json]:
    """Return the values of the input sets that a chain names, the later winning. They are data: no expression is made of them."""
    found: dict[str, Json] = {}
    place = details.nodes["input-sets"].place if details.has("input-sets") else details.place
    for name in details.texts("input-sets"):
        try:
            values = read_input_set(
                reading.library.find_inputs(name), source=name, find=reading.library.find_inputs
            )
        except PipelineError as error:
            reading.findings.complaints.extend(error.complaints)
            continue
        except InputError as error:
            details.refuse(error.what, reason=error.reason, hint=error.hint, at=place)
            continue
        if holds_expression(values):
            hint = "write expressions below inputs:, beside input-sets:"
            what = f"the input set {name!r} holds an expression"
            details.refuse(what, reason="expression-in-input", hint=hint, at=place)
        found |= values
    return found


def _check_chain_inputs(plan: Plan, given: dict[str, Any], body: Fields) -> None:
    for name in given:
        if name not in plan.inputs:
            hint = suggest(name, plan.inputs, otherwise=f"declared: {', '.join(plan.inputs) or 'none'}")
            body.refuse(f"{plan.id} has no input {name!r}", reason="unknown-input", hint=hint)
    for name, spec in plan.inputs.items():
        if spec.required and spec.default is None and name not in given:
            body.refuse(
                f"{plan.id} needs the input {name!r}", reason="missing-input", hint=f"give {name!r} a value"
            )


def _read_chain_outputs(details: Fields, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what this pipeline wants of the other one. It is evaluated there, at its end, so it is judged there."""
    outline = draw_outline(plan)
    for node in details.items("outputs"):
        item = open_fields(node, CHAIN_OUTPUT, findings=details.findings)
        if item is None:
            continue
        yield item.required_text("name"), item.required_text("value")
        value = item.get("value")
        if isinstance(value, Scalar):
            check_spot(Spot(value, (), "output"), outline, findings=details.findings)
