"""A pipeline file to a Plan, or to every complaint about it.

Rules
  1. One document with the root key `pipeline`; `version`, when there, is 1.
  2. All faults are collected; what can't be read is left out of the plan, never guessed.
  3. The older generation (`stages: [{stage: {type, spec}}]`) and fragments are recognised and refused by name.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from bridle.pipeline.checks import check_expressions
from bridle.pipeline.complaint import Complaint, Findings, PipelineError, Place
from bridle.pipeline.declared import read_inputs
from bridle.pipeline.document import read_documents
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence, walk_scalars
from bridle.pipeline.outline import draw_outline
from bridle.pipeline.plan import Plan
from bridle.pipeline.stages import Reading, Spot, read_names, read_stages
from bridle.pipeline.targets import check_targets
from bridle.pipeline.vocabulary import PIPELINE, ROOT


def read_pipeline(text: str | bytes, *, source: str) -> Plan:
    """Return the plan of the pipeline in `text`; `source` names it in complaints.

    Raise PipelineError, an InputError, with all complaints. Notes of the plan are texts `place: note`.
    """
    findings = Findings()
    root = _read_root(text, source, findings)
    body = root.get("pipeline") if root else None
    fields = open_fields(body, PIPELINE, findings=findings) if body is not None else None
    if root and "pipeline" not in root.nodes and not findings.complaints:
        root.refuse("there is no pipeline in it", reason="missing-key:pipeline", hint="add the key pipeline:")
    elif root and body is None and not findings.complaints:
        root.refuse("the pipeline is empty", reason="missing-key:stages", hint="add stages: below pipeline:")
    plan = _read_plan(fields, findings, source=source) if fields else None
    findings.raise_if_any()
    assert plan is not None  # without a plan there is a complaint, and it was raised
    return plan


def _read_root(text: str | bytes, source: str, findings: Findings) -> Fields | None:
    roots = read_documents(text, source=source)
    if not roots:
        raise _refuse_file(
            Place(source, 1, 1), "the file is empty", "empty-file", "write a pipeline: into it"
        )
    if len(roots) > 1:
        findings.refuse_later(roots[1].place, "many-documents", hint="keep one document in the file")
    if isinstance(roots[0], Sequence):
        what = "a list of steps is no pipeline"
        hint = "put it below pipeline: stages: - steps:"
        raise _refuse_file(roots[0].place, what, "fragment-without-root", hint)
    if isinstance(roots[0], Scalar):
        raise _refuse_file(
            roots[0].place, "this is no pipeline", "no-pipeline", "begin with the key pipeline:"
        )
    fields = open_fields(roots[0], ROOT, findings=findings)
    if fields and fields.text("version", "1") not in ("1", "1.0"):
        place = fields.nodes["version"].place
        fields.refuse(
            "only version 1 is read", reason="unsupported-version", hint="write version: 1", at=place
        )
    return fields


def _refuse_file(place: Place, what: str, reason: str, hint: str) -> PipelineError:
    return PipelineError([Complaint(place, what, reason, hint)])


def _read_plan(fields: Fields, findings: Findings, *, source: str) -> Plan | None:
    if _is_older(fields):
        hint = "rewrite it with stages: - steps: - run:"
        fields.refuse("an older generation of the dialect", reason="v0-pipeline", hint=hint)
        return None
    reading = Reading(findings)
    stem = re.sub(r"[^a-z0-9]", "", PurePath(source).stem.lower())
    id_, name = read_names(fields, stem[:128] or "pipeline")
    inputs = read_inputs(fields)
    env = fields.variables("env")
    stages = read_stages(fields, reading)
    env_node = fields.get("env")
    for scalar in walk_scalars(env_node) if env_node is not None else ():
        reading.spots.append(Spot(scalar, -1, -1, "value"))
    if stages:
        outline = draw_outline(inputs, stages)
        check_expressions(reading.spots, outline, findings=findings)
        check_targets(reading.spots, outline, findings=findings)
    return Plan(id_, name, inputs, stages, env, findings.list_notes())


def _is_older(fields: Fields) -> bool:
    return any(
        isinstance(stage, Mapping) and any(key.text == "stage" for key, _ in stage.entries)
        for stage in _list_items(fields.get("stages"))
    )


def _list_items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()
