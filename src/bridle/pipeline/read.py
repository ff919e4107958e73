"""A pipeline file to a Plan, or to every complaint about it.

Rules
  1. One document with the root key `pipeline`; `version`, when there, is 1.
  2. All faults are collected; what can't be read is left out of the plan, never guessed.
  3. The older generation (`stages: [{stage: {type, spec}}]`), but for its agent steps, and fragments are refused by name.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from collections.abc import Mapping as Values
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePath

from bridle.pipeline.binding import bind_document
from bridle.pipeline.chains import read_chain
from bridle.pipeline.checks import check_plan
from bridle.pipeline.codebase import read_codebase
from bridle.pipeline.complaint import Complaint, Findings, PipelineError, Place
from bridle.pipeline.declared import read_inputs
from bridle.pipeline.deployments import read_deployment
from bridle.pipeline.document import read_documents
from bridle.pipeline.exclusive import refuse_cancelling
from bridle.pipeline.failures import read_failures
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.library import EmptyLibrary, Library, Volume
from bridle.pipeline.names import read_names
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.permissions import read_permissions
from bridle.pipeline.plan import Plan
from bridle.pipeline.policies import Policies, no_policies, take_enforced
from bridle.pipeline.spots import Around, Placing, Reading
from bridle.pipeline.stages import read_stages
from bridle.pipeline.steps import read_outputs
from bridle.pipeline.templates import (
    name_agent,
    place_stage_template,
    place_step_template,
    plan_template,
)
from bridle.pipeline.variables import Shared, read_variables
from bridle.pipeline.vocabulary import CONCURRENCY, PIPELINE, ROOT, TEMPLATE_FILE, spell

FRAGMENTS = frozenset({"steps", "stages", "group", "parallel", "run"})
BESIDE_TEMPLATE = ("id", "name", "description", "template")
BESIDE_JOBS = (
    "name",
    "env",
    "concurrency",
    "permissions",
)  # of a file whose root has the jobs; a pipeline has its own


def read_pipeline(
    text: str | bytes,
    *,
    source: str,
    library: Library | None = None,
    runtime: Values[str, str] | None = None,
    policies: Policies = no_policies,
    shared: Shared | None = None,
) -> Plan:
    """Return the plan of the pipeline in `text`; `source` names it in complaints, `library` has the templates it uses.

    `runtime` has the values of its runtime inputs by path, as text, `policies` the sets of its policy steps, `shared` the
    variables of the installation; where it is None, any may be named. Raise PipelineError, an InputError, with all complaints.
    Notes of the plan are texts `place: note`.
    """
    reading = Reading(Findings(), library or EmptyLibrary(), _Placing(), policies=policies, shared=shared)
    with _without_collecting():
        return _plan(text, source, reading, {} if runtime is None else runtime)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Look for no garbage meanwhile: what is made is kept, and to look through it again and again takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def plan_nested(volume: Volume, reading: Reading) -> Plan:
    """Return the plan of a pipeline that another one uses; raise PipelineError. What it locks is locked for both."""
    inner = Reading(
        Findings(),
        reading.library,
        reading.placing,
        used=reading.used,
        using=(*reading.using, volume.pin),
        policies=reading.policies,
        shared=reading.shared,
    )
    return _plan(volume.text, volume.source, inner, {})


class _Placing(Placing):
    """Templates, and the pipelines that chains and templates use."""

    step, stage = staticmethod(place_step_template), staticmethod(place_stage_template)
    agent, chain = staticmethod(name_agent), staticmethod(read_chain)
    nested = staticmethod(plan_nested)


def _plan(text: str | bytes, source: str, reading: Reading, runtime: Values[str, str]) -> Plan:
    findings = reading.findings
    root = _read_root(text, source, findings, runtime)
    fields = _find_pipeline(root, findings) if root else None
    plan = _read_plan(fields, reading, source=source) if fields else None
    findings.raise_if_any(partial=plan)
    assert plan is not None  # without a plan there is a complaint, and it was raised
    return plan


def _find_pipeline(root: Fields, findings: Findings) -> Fields | None:
    kinds = [key for key in ("pipeline", "template", "jobs") if root.has(key)]
    if len(kinds) > 1:
        what, hint = f"a file can't be {' and '.join(kinds)}", "keep one of them in this file"
        root.refuse(what, reason="several-kinds", hint=hint, at=root.nodes[kinds[1]].place)
        return None
    if root.has("jobs"):
        return Fields(
            PIPELINE,
            root.place,
            {key: root.nodes[key] for key in ("jobs", *BESIDE_JOBS) if root.has(key)},
            findings,
        )
    for key in (key for key in BESIDE_JOBS if kinds and root.has(key)):
        what, hint = f"{key!r} beside {kinds[0]}: has no effect", f"write it below {kinds[0]}:"
        root.refuse(what, reason=f"misplaced-{key}", hint=hint, at=root.nodes[key].place)
    body = root.get("pipeline")
    if body is not None:
        return open_fields(body, PIPELINE, findings=findings)
    template = root.get("template")
    if template is not None:
        file = open_fields(template, TEMPLATE_FILE, findings=findings)
        if file and file.has("pipeline"):
            return _open_shared(file)
        if file:
            file.refuse("a template is no pipeline", reason="no-pipeline", hint="run a pipeline that uses it")
        return None
    if not findings.complaints and "pipeline" in root.nodes:
        root.refuse("the pipeline is empty", reason="missing-key:stages", hint="add stages: below pipeline:")
    elif not findings.complaints:
        root.refuse("there is no pipeline in it", reason="missing-key:pipeline", hint="add the key pipeline:")
    return None


def _open_shared(file: Fields) -> Fields | None:
    """Return the pipeline of a template; its inputs stand in it, or beside it in the template."""
    body = open_fields(file.nodes["pipeline"], PIPELINE, findings=file.findings)
    if body is not None and file.has("inputs"):
        if body.has("inputs"):
            place, hint = file.nodes["inputs"].place, "declare them in one place, below pipeline:"
            file.refuse("the inputs are declared twice", reason="inputs-twice", hint=hint, at=place)
        body.nodes["inputs"] = file.nodes["inputs"]
    return body


def _read_root(
    text: str | bytes, source: str, findings: Findings, runtime: Values[str, str]
) -> Fields | None:
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
    if words := [key for key, _ in roots[0].entries if spell(key.text) in FRAGMENTS]:
        what = f"{words[0].text!r} without a pipeline around it"
        hint = "put it below pipeline: stages: - steps:"
        raise _refuse_file(words[0].place, what, "fragment-without-root", hint)
    root = bind_document(roots[0], runtime, findings=findings)
    fields = open_fields(root, ROOT, findings=findings)
    if fields and fields.text("version", "1") not in ("1", "1.0"):
        place = fields.nodes["version"].place
        fields.refuse(
            "only version 1 is read", reason="unsupported-version", hint="write version: 1", at=place
        )
    return fields


def _refuse_file(place: Place, what: str, reason: str, hint: str) -> PipelineError:
    return PipelineError([Complaint(place, what, reason, hint)])


def _read_plan(fields: Fields, reading: Reading, *, source: str) -> Plan | None:
    findings = reading.findings
    if _is_older(fields):
        hint = "rewrite it with stages: - steps: - run:"
        fields.refuse("an older generation of the dialect", reason="v0-pipeline", hint=hint)
        return None
    stem = re.sub(r"[^a-z0-9]", "", PurePath(source).stem.lower())
    id_, name = read_names(fields, stem[:128] or "pipeline")
    if "template" in fields.nodes:
        return _take_template(fields, reading, id_=id_, name=name)
    inputs = read_inputs(fields)
    env = fields.variables("env")
    reading.barriers = frozenset(fields.texts("barriers"))
    declared = read_deployment(fields)
    if declared.strategy is not None:
        hint = "write them on the stage that deploys them"
        fields.refuse("a pipeline names one service and one environment", reason="misplaced-items", hint=hint)
    around = Around(
        (),
        env,
        inputs=tuple(inputs),
        codebase=read_codebase(fields),
        deployment=declared.texts,
        permissions=read_permissions(fields),
        enforce=take_enforced(fields, reading.policies, reading.enforced),
    )
    stages = read_stages(fields, around, reading)
    reading.mark(fields.get("variables"), "value", ())
    for key in ("service", "environment"):
        reading.mark(fields.get(key), "deployment", ())
    reading.mark(fields.get("env"), "env", ())
    reading.mark(fields.get("if"), "condition", ())
    plan = Plan(
        id=id_,
        name=name,
        inputs=inputs,
        stages=stages,
        env=env,
        condition=fields.text("if").strip(),
        on_failure=read_failures(fields),
        timeout_s=fields.duration_s("timeout"),
        barriers=fields.texts("barriers"),
        concurrency=_read_concurrency(fields),
        outputs=read_outputs(fields, Around(()), reading),
        lock=dict(sorted(reading.used.lock.items())) if not reading.using else {},
        drafts=tuple(sorted(reading.used.drafts)),
        variables=read_variables(fields),
        policy_sets=dict(reading.enforced),
        stage_executions=fields.flag("allow-stage-executions", default=False),
        fixed_inputs=fields.flag("fixed-inputs-on-rerun", default=False),
    )
    if stages:
        plan = check_plan(plan, reading)
    return replace(plan, notes=findings.list_notes())


def _take_template(fields: Fields, reading: Reading, *, id_: str, name: str) -> Plan | None:
    """Return the plan of the template that the whole pipeline is, under its own name; what `with` gives is given for good."""
    for key in fields.nodes:
        if key not in BESIDE_TEMPLATE:
            hint = "put it into the template, or make it one of the template's inputs"
            what = f"{key!r} beside template: would change what the template is"
            fields.refuse(what, reason="beside-template", hint=hint, at=fields.nodes[key].place)
    plan = plan_template(fields, reading)
    if plan is None:
        return None
    lock = dict(sorted(reading.used.lock.items())) if not reading.using else {}
    notes = (*fields.findings.list_notes(), *plan.notes)
    drafts = tuple(sorted(reading.used.drafts))
    return replace(plan, id=id_, name=name, lock=lock, drafts=drafts, notes=notes)


def _read_concurrency(fields: Fields) -> int | None:
    node = fields.get("concurrency")
    if isinstance(node, Mapping):
        body = open_fields(node, CONCURRENCY, findings=fields.findings)
        if body is None:
            return None
        if body.has("group"):
            hint = "write it on the stages that work on it, or a step queue: {key: …, scope: pipeline}"
            body.refuse("a pipeline's own executions are its group", reason="concurrency-group", hint=hint)
        refuse_cancelling(body)
        return body.count("max", default=1)
    return fields.count("concurrency", default=1) if node is not None else None


def _is_older(fields: Fields) -> bool:
    return any(
        isinstance(stage, Mapping) and any(key.text == "stage" for key, _ in stage.entries)
        for stage in _list_items(fields.get("stages"))
    )


def _list_items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()
