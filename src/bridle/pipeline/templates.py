"""Templates put in place: `uses: name@1.2` becomes the nodes that the template holds.

Rules
  1. A template is expanded while the pipeline is read; the plan holds all of it, and the lock names version and digest.
  2. Inside a template `inputs` are its own: what `with` gives, completed by defaults. A key that is not declared is refused,
     with the declared ones; a required one that is missing too.
  3. A template that uses itself, directly or through others, is refused, and so is one nested deeper than `DEEPEST`.
  4. The head of the place that uses it (id, if, strategy, on-failure, …) holds around the template's own.
  5. What all uses put in together is at most `LARGEST_TOTAL_BYTES` of text, counted at each use: small files that use each
     other can't stand for a huge plan.
  6. A template that says its own id or version says those of its place. One from a branch is a draft, and the plan names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from bridle.core.errors import InputError
from bridle.pipeline.complaint import Complaint, Findings, PipelineError, Place, suggest
from bridle.pipeline.declared import fill_inputs, fix_input
from bridle.pipeline.document import read_documents
from bridle.pipeline.fields import Fields, open_fields, refuse_foreign
from bridle.pipeline.library import Volume
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.plan import Plan
from bridle.pipeline.spots import Around, Reading
from bridle.pipeline.stages import read_stage, unread_stage
from bridle.pipeline.steps import read_outputs, read_step, read_steps, unread_step
from bridle.pipeline.tree import AnyNode, Block
from bridle.pipeline.vocabulary import GROUP, ROOT, STEP, TEMPLATE, TEMPLATE_FILE, spell

DEEPEST = 8
LARGEST_TOTAL_BYTES = 8 << 20
_BODIES = ("pipeline", "stage", "step", "group", "agent")


def place_step_template(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode:
    """Return the template that a step uses, as a group."""
    opened = _open_use(fields, "template", here, reading)
    if opened is None:
        return unread_step(fields.nodes["template"], here.address)
    file, volume, inputs = opened
    reading.using = (*reading.using, volume.pin)
    nodes, outputs = _read_nodes(file, here, reading)
    reading.using = reading.using[:-1]
    return Block(kind="group", nodes=nodes, outputs=outputs, inputs=inputs, **head)


def place_stage_template(
    fields: Fields, key: str, here: Around, reading: Reading, head: dict[str, Any]
) -> Block:
    """Return the template that a stage uses: a stage's own steps, or a step or group as its only one."""
    opened = _open_use(fields, key, here, reading)
    if opened is None:
        return unread_stage(fields.nodes[key], here.address)
    file, volume, inputs = opened
    reading.using = (*reading.using, volume.pin)
    if file.has("stage"):
        inner = read_stage(
            file.nodes["stage"], 0, replace(here, inputs=None, variables={}, deployment={}), reading
        )
        if inner.variables:
            hint = "declare them as inputs of the template, with defaults"
            file.refuse("a template's stage has no variables", reason="template-variables", hint=hint)
        if inner.deployment:
            hint = "write service and environment on the stage that uses the template"
            file.refuse("a template's stage deploys nothing", reason="template-deployment", hint=hint)
        made = _take_stage(inner, inputs, head)
    else:
        nodes, outputs = _read_nodes(file, here, reading)
        made = Block(kind="stage", nodes=nodes, outputs=outputs, inputs=inputs, **head)
    reading.using = reading.using[:-1]
    return made


def _take_stage(inner: Block, inputs: dict[str, Any], head: dict[str, Any]) -> Block:
    """The template's stage stands as a transparent group inside the stage that uses it, with its own conditions."""
    known = {name: getattr(inner, name) for name in inner.__dataclass_fields__}
    group = Block(**{**known, "kind": "group", "transparent": inner.strategy is None, "rollback": ()})
    return Block(kind="stage", of=inner.of, nodes=(group,), outputs=inner.outputs, inputs=inputs, **head)


def plan_template(fields: Fields, reading: Reading) -> Plan | None:
    """Return the plan of the template that a pipeline is, with what `with` gives of its inputs fixed."""
    body = _open_body(fields, "template")
    plan = plan_pipeline(body, reading) if body is not None else None
    if body is None or plan is None:
        return None
    inputs = dict(plan.inputs)
    for name, node in body.entries("with"):
        spec = inputs.get(name.text)
        if spec is None:
            hint = suggest(
                name.text, plan.inputs, otherwise=f"it declares: {', '.join(plan.inputs) or 'no inputs'}"
            )
            what = f"the template has no input {name.text!r}"
            body.refuse(what, reason="unknown-input", hint=hint, at=node.place)
        else:
            inputs[name.text] = fix_input(name.text, spec, node, body)
    return replace(plan, inputs=inputs)


def plan_pipeline(body: Fields, reading: Reading) -> Plan | None:
    """Return the plan of the pipeline that a chain or a whole pipeline uses; None, with complaints, when there is none."""
    branch = _read_branch(body)
    if branch is None:
        return None
    find = partial(reading.library.find, branch=branch) if branch else reading.library.find_pipeline
    volume = find_volume(body, reading, find=find)
    if volume is None:
        return None
    try:
        return reading.placing.nested(volume, reading)
    except PipelineError as error:
        reading.findings.complaints.extend(error.complaints)
        return None


def find_volume(body: Fields, reading: Reading, *, find: Callable[[str], Volume]) -> Volume | None:
    """Look `uses` up; complain about what is not there, what changed, and what would go round in a circle."""
    uses = body.required_text("uses")
    if not uses:
        return None
    place = body.nodes["uses"].place
    if "<+" in uses or "${{" in uses:
        hint = "write the name out: no expression may choose what runs"
        body.refuse("a template's name is written out", reason="bad-uses", hint=hint, at=place)
        return None
    if uses.startswith((".", "/")) or uses.count("/") > 0:
        refuse_foreign(body, uses, at=place)
        return None
    try:
        volume = find(uses)
    except (
        PipelineError
    ) as error:  # a file of the library that can't be read: its own place is the better one
        reading.findings.complaints.extend(error.complaints)
        return None
    except InputError as error:
        body.refuse(error.what, reason=error.reason, hint=error.hint, at=place)
        return None
    if volume.pin in reading.using or len(reading.using) >= DEEPEST:
        chain = " → ".join((*reading.using, volume.pin))
        hint = "take one of them out"
        body.refuse(f"templates go round in a circle: {chain}", reason="template-cycle", hint=hint, at=place)
        return None
    reading.used.size_bytes += len(volume.text)
    if reading.used.size_bytes > LARGEST_TOTAL_BYTES:
        what = f"all templates together put in more than {LARGEST_TOTAL_BYTES} bytes"
        raise PipelineError([Complaint(place, what, "too-large", "use fewer templates, or smaller ones")])
    _take_note(uses, volume, place, reading)
    return volume


def _take_note(uses: str, volume: Volume, place: Place, reading: Reading) -> None:
    if volume.draft:
        reading.used.drafts.add(volume.pin)
        reading.findings.note(place, f"{volume.source} is a draft: nobody has approved it")
    elif volume.version and "@" not in uses:
        text = f"{uses!r} has no version: {volume.version} is meant; a lock pins it"
        reading.findings.note(place, text)
    reading.used.lock[volume.pin] = volume.digest


def name_agent(node: Node, reading: Reading) -> Node:
    """Return a step that uses an agent as if it were a template as the agent step that it is; any other as it is."""
    if not isinstance(node, Mapping):
        return node
    fields = open_fields(node, STEP, findings=Findings())
    body = _open_body(fields, "template") if fields is not None and "template" in fields.nodes else None
    uses = body.text("uses") if body is not None else ""
    if body is None or not uses or body.has("git-branch"):
        return node
    try:
        volume = reading.library.find(uses)
    except InputError:
        return node  # whoever reads the template complains
    if not volume.agent:
        return node
    place = body.nodes["uses"].place
    _take_note(uses, volume, place, reading)
    named: dict[str, Node] = {"uses": Scalar(place, volume.pin, volume.pin, "")}
    agent = Mapping(
        body.place, _make_entries(place, {**named, **{k: body.nodes[k] for k in ("with",) if body.has(k)}})
    )
    kept = tuple(
        (key, value) for key, value in node.entries if spell(key.text) not in ("template", "uses", "with")
    )
    return Mapping(node.place, (*kept, *_make_entries(place, {"agent": agent})))


def _make_entries(place: Place, found: dict[str, Node]) -> tuple[tuple[Scalar, Node], ...]:
    return tuple((Scalar(place, key, key, ""), value) for key, value in found.items())


def _open_use(
    fields: Fields, key: str, here: Around, reading: Reading
) -> tuple[Fields, Volume, dict[str, Any]] | None:
    body = _open_body(fields, key)
    branch = _read_branch(body) if body is not None else None
    if body is None or branch is None:
        return None
    volume = find_volume(body, reading, find=lambda uses: reading.library.find(uses, branch=branch))
    if volume is None:
        return None
    if volume.agent:
        hint = "use it in a step, without git-branch"
        body.refuse(f"{volume.pin} is an agent", reason="wrong-template-kind", hint=hint)
        return None
    file = _open_file(volume, reading)
    if file is None:
        return None
    reading.mark(body.get("with"), "inputs", here.address)
    return file, volume, fill_inputs(file, body)


def _open_body(fields: Fields, key: str) -> Fields | None:
    node = fields.nodes[key]
    return _adopt(node, fields) if _is_empty(node) else open_fields(node, TEMPLATE, findings=fields.findings)


def _read_branch(body: Fields) -> str | None:
    """Return the branch that a draft is taken from, empty for none; None, with a complaint, for one without a name."""
    branch = body.text("git-branch")
    if body.has("git-branch") and not branch:
        hint = "write a branch, or leave it out"
        body.refuse("'git-branch' names no branch", reason="bad-branch", hint=hint)
        return None
    return branch


def _adopt(node: Node, fields: Fields) -> Fields:
    found: dict[str, Node] = {key: fields.nodes[key] for key in ("uses", "with") if key in fields.nodes}
    if found:
        text = "misplaced-uses: 'uses' and 'with' beside 'template' are read as its own"
        fields.findings.note(node.place, text)
    return Fields(TEMPLATE, node.place, found, fields.findings)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _open_file(volume: Volume, reading: Reading) -> Fields | None:
    roots = _read_roots(volume, reading)
    if roots is None:
        return None
    if len(roots) > 1:
        reading.findings.refuse_later(roots[1].place, "many-documents", hint="keep one document in the file")
    root = open_fields(roots[0], ROOT, findings=reading.findings) if roots else None
    node = root.get("template") if root else None
    if node is None:
        place = Place(volume.source, 1, 1)
        what, hint = f"{volume.pin} holds no template", "add the key template:"
        reading.findings.refuse(place, what, reason="missing-key:template", hint=hint)
        return None
    file = open_fields(node, TEMPLATE_FILE, findings=reading.findings)
    if file is not None:
        _check_place(file, volume)
    bodies = [key for key in _BODIES if file and file.has(key)]
    if file and len(bodies) != 1:
        what = f"a template has one body, not {' and '.join(bodies)}" if bodies else "a template needs a body"
        hint = f"use exactly one of {', '.join(_BODIES)}"
        file.refuse(what, reason="several-kinds" if bodies else "missing-kind", hint=hint)
        return None
    return file


def _read_roots(volume: Volume, reading: Reading) -> tuple[Node, ...] | None:
    """Read a template's text once, however often it is used; a fault is told once as well."""
    roots = reading.used.roots.get(volume.digest)
    if roots is None:
        try:
            roots = read_documents(volume.text, source=volume.source)
        except PipelineError as error:
            reading.findings.complaints.extend(error.complaints)
            return None
        reading.used.roots[volume.digest] = roots
    return roots


def _check_place(file: Fields, volume: Volume) -> None:
    """A file that calls itself something else is in the wrong place, and what was meant can't be told."""
    own_id, name = (text.replace("_", "-").lower() for text in (file.text("id"), volume.name))
    if own_id and own_id not in (name, name.rpartition(".")[2]):
        what = f"this file of {volume.name!r} says that its id is {file.text('id')!r}"
        file.refuse(
            what, reason="wrong-template", hint="rename the one or the other", at=file.nodes["id"].place
        )
    version = file.text("version")
    if version and volume.version and version != volume.version:
        what = f"this file of {volume.pin} says that its version is {version!r}"
        place = file.nodes["version"].place
        file.refuse(what, reason="wrong-template", hint="rename the one or the other", at=place)


def _read_nodes(file: Fields, here: Around, reading: Reading) -> tuple[tuple[AnyNode, ...], dict[str, str]]:
    """Return the nodes of a step or group template, and the outputs that it declares."""
    kind, node = _find_body(file)
    if kind == "group":
        return _read_group(node, here, reading)
    if kind == "step":
        step = read_step(node, 0, here, reading)
        return (step,), _outputs_of(step)
    file.refuse(
        f"a {kind} can't stand here", reason="wrong-template-kind", hint="use a step or group template"
    )
    return (), {}


def _find_body(file: Fields) -> tuple[str, Node]:
    """Return the kind of body and the body. An older `agent:` holds a step, a group, or what is now `step: agent:`."""
    kind = next(key for key in _BODIES if file.has(key))
    node = file.nodes[kind]
    while kind in ("agent", "step") and isinstance(node, Mapping):
        inner = [(key.text, value) for key, value in node.entries if key.text in ("step", "group")]
        if len(node.entries) != 1 or not inner:
            break
        kind, node = inner[0]
    if kind == "agent":
        key = Scalar(node.place, "agent", "agent", "")
        return "step", Mapping(node.place, ((key, node),))
    return kind, node


def _read_group(node: Node, here: Around, reading: Reading) -> tuple[tuple[AnyNode, ...], dict[str, str]]:
    if isinstance(node, Sequence):
        group: Fields | None = Fields(GROUP, node.place, {"steps": node}, reading.findings)
    else:
        group = open_fields(node, GROUP, findings=reading.findings)
    if group is None:
        return (), {}
    nodes = group.items("steps")
    if not nodes:
        group.refuse("a group needs steps", reason="missing-key:steps", hint="add steps:")
    return read_steps(nodes, here, reading), read_outputs(group, here, reading)


def _outputs_of(step: AnyNode) -> dict[str, str]:
    """A template of one step hands on what that step declares, so that nobody has to know how it is made."""
    if isinstance(step, Block):
        return {name: f"<+steps.{step.id}.output.{name}>" for name in step.outputs}
    declared = step.with_.get("output") if step.kind == "run" else None
    names = [str(item["alias"] or item["name"]) for item in declared or ()]
    return {name: f"<+steps.{step.id}.output.{name}>" for name in names}
