"""Stages and steps: ids, kinds, and where in the file each expression stands.

Rules
  1. An id is letters, digits, `_` and `-`. Without one it is the name in lower case with all but letters and
     digits removed; without a name, `stage_1` or `step_1` by position. Two equal ids are refused.
  2. A step is of exactly one kind; bare text is a `run` step.
  3. What a stage declares as `env` holds for its steps; a step's own wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.failures import read_failures
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.kinds import read_body
from bridle.pipeline.nodes import Mapping, Node, Scalar, walk_scalars
from bridle.pipeline.plan import Stage, Step
from bridle.pipeline.vocabulary import KINDS, RUN, STAGE, STEP, Mark, Noun, spell

MOST_STAGES = 256
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}", re.ASCII)
_UNEVALUATED = frozenset({"id", "identifier", "name", "desc", "description"})


@dataclass(frozen=True)
class Spot:
    """A text that may hold expressions, and from where it looks: step -1 is the stage itself, stage -1 the pipeline."""

    scalar: Scalar
    stage: int
    step: int
    use: str  # "value", "condition", "script" or "approval-for"


@dataclass
class Reading:
    """What one pass over the stages collects beside the plan."""

    findings: Findings
    spots: list[Spot] = field(default_factory=list)


def read_stages(fields: Fields, reading: Reading) -> tuple[Stage, ...]:
    """Return the stages under `stages`, in order."""
    nodes = fields.items("stages")
    if not 1 <= len(nodes) <= MOST_STAGES:
        fields.refuse(
            f"a pipeline has 1 to {MOST_STAGES} stages, not {len(nodes)}",
            reason="too-many-stages" if nodes else "missing-key:stages",
            hint="split the pipeline" if nodes else "add stages: with at least one stage",
        )
        return ()
    stages = tuple(_read_stage(node, index, reading) for index, node in enumerate(nodes))
    _refuse_duplicates("stage", [stage.id for stage in stages], nodes=nodes, reading=reading)
    return stages


def _read_stage(node: Node, index: int, reading: Reading) -> Stage:
    fields = open_fields(node, STAGE, findings=reading.findings)
    if fields is None:  # complained about; an empty one keeps the positions of the others right
        return Stage(f"stage_{index + 1}", "")
    env = fields.variables("env")
    id_, name = read_names(fields, f"stage_{index + 1}")
    _mark(fields.get("env"), "value", reading=reading, stage=index, step=-1)
    _mark(fields.get("if"), "condition", reading=reading, stage=index, step=-1)
    steps = _read_steps(fields, index, reading, names_other_kind=_names_other_kind(node, STAGE))
    return Stage(
        id=id_,
        name=name,
        condition=fields.text("if").strip(),
        steps=tuple(replace(step, env={**env, **step.env}) for step in steps),
        on_failure=read_failures(fields),
        place=str(fields.place),
    )


def _read_steps(fields: Fields, stage: int, reading: Reading, *, names_other_kind: bool) -> tuple[Step, ...]:
    nodes = fields.items("steps")
    if not nodes and not names_other_kind:
        hint = "add steps: with at least one step"
        fields.refuse("a stage needs steps", reason="missing-key:steps", hint=hint)
    steps = tuple(_read_step(node, index, stage=stage, reading=reading) for index, node in enumerate(nodes))
    _refuse_duplicates("step", [step.id for step in steps], nodes=nodes, reading=reading)
    return steps


def _read_step(node: Node, index: int, *, stage: int, reading: Reading) -> Step:
    place = str(node.place)
    if isinstance(node, Scalar) and node.text:
        body = Fields(STEP, node.place, {"run": node}, reading.findings)
        _mark(node, "script", reading=reading, stage=stage, step=index)
        id_ = f"step_{index + 1}"
        return Step(id_, id_, "run", with_=read_body("run", node, body), place=place)
    fields = open_fields(node, STEP, findings=reading.findings)
    if fields is None:
        return Step(f"step_{index + 1}", "", "")
    for spot_node, use in _list_texts(node):
        _mark(spot_node, use, reading=reading, stage=stage, step=index)
    id_, name = read_names(fields, f"step_{index + 1}")
    kind = _read_kind(fields, node)
    return Step(
        id=id_,
        name=name,
        kind=kind,
        condition=fields.text("if").strip(),
        with_=read_body(kind, fields.nodes[kind], fields) if kind else {},
        on_failure=read_failures(fields),
        timeout_s=fields.duration_s("timeout"),
        env=fields.variables("env"),
        place=place,
    )


def _read_kind(fields: Fields, node: Node) -> str:
    """Return the one kind of a step; empty, with a complaint, when there is none or more than one."""
    kinds = [kind for kind in KINDS if kind in fields.nodes]
    siblings = [key for key in ("uses", "with") if key in fields.nodes]
    if len(kinds) == 1 and (not siblings or not fields.has(kinds[0])):
        return kinds[0]
    if siblings and "/" in fields.text("uses"):
        fields.refuse(
            "actions of a forge are not run", reason="foreign-action", hint="write the commands as run:"
        )
    elif siblings:
        hint = "put 'uses' and 'with' below agent:, approval: or tool:"
        fields.refuse("'uses' belongs below a kind of step", reason="misplaced-uses", hint=hint)
    elif len(kinds) > 1:
        hint = "make one step of each"
        fields.refuse(f"a step can't be {' and '.join(kinds)}", reason="several-kinds", hint=hint)
    elif not _names_other_kind(node, STEP):
        hint = f"add one of {', '.join(KINDS)}"
        fields.refuse("a step needs a kind", reason="missing-kind", hint=hint)
    return ""


def _names_other_kind(node: Node, noun: Noun) -> bool:
    """True when some key was complained about already: then that is what it is meant to be."""
    words = [spell(key.text) for key, _ in node.entries] if isinstance(node, Mapping) else []
    marks = (noun.marks.get(noun.aliases.get(word, word)) for word in words)
    return any(mark not in (Mark.CORE, Mark.NOTED) for mark in marks)


def read_names(fields: Fields, otherwise: str) -> tuple[str, str]:
    """Return id and name of a pipeline, stage or step (rule 1); `otherwise` serves where there is neither."""
    given, name = fields.text("id"), fields.text("name")
    if given and not _ID.fullmatch(given):
        hint = "use letters, digits, _ and -, at most 128"
        fields.refuse(f"{given[:80]!r} is no id", reason="bad-id", hint=hint, at=fields.nodes["id"].place)
    id_ = given or re.sub(r"[^a-z0-9]", "", name.lower())[:128] or otherwise
    return id_, name or id_


def _refuse_duplicates(noun: str, ids: list[str], *, nodes: tuple[Node, ...], reading: Reading) -> None:
    seen: dict[str, Place] = {}
    for id_, node in zip(ids, nodes, strict=True):
        place = _id_place(node)
        if id_ in seen:
            what = f"the {noun} id {id_!r} is already used in line {seen[id_].line}"
            reading.findings.refuse(place, what, reason="duplicate-id", hint="give one of them another id")
        seen.setdefault(id_, place)


def _id_place(node: Node) -> Place:
    """Return the place of the id, else of the name, else of the node."""
    if isinstance(node, Mapping):
        places = {spell(key.text): value.place for key, value in node.entries}
        return places.get("id") or places.get("identifier") or places.get("name") or node.place
    return node.place


def _mark(node: Node | None, use: str, *, reading: Reading, stage: int, step: int) -> None:
    for scalar in walk_scalars(node) if node is not None else ():
        reading.spots.append(Spot(scalar, stage, step, use))


def _list_texts(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield the values of a step in which expressions may stand, with their use."""
    for key, value in node.entries if isinstance(node, Mapping) else ():
        word = spell(key.text)
        if word == "if":
            yield value, "condition"
        elif word == "run":
            yield from _list_run(value)
        elif word == "approval":
            yield value, "value"
            yield from ((target, "approval-for") for target in _find(value, "with", "for"))
        elif word not in _UNEVALUATED:
            yield value, "value"


def _list_run(node: Node) -> Iterator[tuple[Node, str]]:
    if isinstance(node, Scalar):
        yield node, "script"
    for key, value in node.entries if isinstance(node, Mapping) else ():
        word = spell(key.text)
        yield value, "script" if RUN.aliases.get(word, word) == "script" else "value"


def _find(node: Node, *path: str) -> list[Node]:
    for word in path:
        below = node.entries if isinstance(node, Mapping) else ()
        found = [value for key, value in below if spell(key.text) == word]
        if not found:
            return []
        node = found[0]
    return [node]
