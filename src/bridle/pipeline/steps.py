"""A list of steps to nodes of the plan: steps, groups, parallel blocks, verification windows, templates.

Rules
  1. A step is of exactly one kind; bare text is a `run` step.
  2. What a block declares as `env` holds for what stands in it; the nearest wins.
  3. A group or a parallel block without id and name is transparent, unless it has a strategy: its steps belong to the scope
     around it. A step without an id gets one by its position, below that of the nameless blocks it stands in: `step_2_1`.
  4. A `verify` is a group that is run again and again until its window is over; its failure is of the class `verification`.
  5. A disabled node is there and is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from bridle.pipeline.failures import read_failures
from bridle.pipeline.fields import Fields, open_fields, refuse_foreign
from bridle.pipeline.kinds import read_body
from bridle.pipeline.names import read_names, refuse_duplicates
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.older import modernise_step
from bridle.pipeline.permissions import check_permissions, read_permissions
from bridle.pipeline.policies import take_enforced, take_sets
from bridle.pipeline.spots import Around, Reading
from bridle.pipeline.strategies import holds_expression, read_strategy
from bridle.pipeline.strategy import MOST_ROUNDS, Strategy
from bridle.pipeline.tree import Address, AnyNode, Block, Step, StepKind
from bridle.pipeline.vocabulary import (
    BLOCKS,
    GROUP,
    KINDS,
    PARALLEL,
    RUN,
    STEP,
    VERIFY,
    Mark,
    Noun,
    spell,
)

_HEAD = frozenset({"id", "identifier", "name", "desc", "description", "needs", "timeout"})
DISABLED = "false"
_RUN_USES = {"script": "script", "env": "env", "with": "env"}


def unread_step(node: Node, address: Address) -> Step:
    """Return what stands where a step could not be read: a complaint was made, and the others keep their positions."""
    id_ = f"step_{address[-1] + 1}"
    return Step(id=id_, name=id_, kind="run", place=str(node.place))


def read_steps(nodes: tuple[Node, ...], around: Around, reading: Reading) -> tuple[AnyNode, ...]:
    """Return the nodes of one block, in order."""
    return tuple(read_step(node, index, around, reading) for index, node in enumerate(nodes))


def read_step(node: Node, index: int, around: Around, reading: Reading) -> AnyNode:
    """Return one entry of a list of steps."""
    otherwise = f"{around.unnamed or 'step'}_{index + 1}"
    node = _name_agent(modernise_step(node, reading.findings), reading)
    if isinstance(node, Scalar) and node.text:
        here = around.below(index, {})
        body = Fields(STEP, node.place, {"run": node}, reading.findings)
        reading.mark(node, "script", here.address)
        with_ = read_body("run", node, body)
        check_permissions("run", here.permissions, body)
        return Step(
            id=otherwise,
            name=otherwise,
            kind="run",
            with_=with_,
            env=dict(around.env),
            permissions=here.granted,
            enforce=here.enforce,
            place=str(node.place),
        )
    fields = open_fields(node, STEP, findings=reading.findings)
    if fields is None:
        return unread_step(node, (*around.address, index))
    here = around.below(index, fields.variables("env"), read_permissions(fields))
    here = replace(here, enforce=(*here.enforce, *take_enforced(fields, reading.policies, reading.enforced)))
    head = read_head(fields, here, reading, otherwise=otherwise)
    kind = _read_kind(fields, node)
    if fields.has("outputs") and kind != "group":
        hint = "write output: below run:" if kind == "run" else "write them on the group or stage around it"
        what, place = f"a step of kind {kind} declares no outputs", fields.nodes["outputs"].place
        fields.refuse(what, reason="misplaced-outputs", hint=hint, at=place)
    if kind in BLOCKS or kind == "verify":
        return _READERS[kind](fields, here, reading, head)
    for spot_node, use in _list_texts(node):
        reading.mark(spot_node, use, here.address)
    with_ = read_body(kind, fields.nodes[kind], fields) if kind else {}
    if kind == "policy" and with_:
        with_ = take_sets(with_, fields, reading.policies)
    if kind == "barrier":
        _check_barrier(with_, fields, reading)
    check_permissions(kind, here.permissions, fields)
    return Step(
        kind=cast(StepKind, kind or "run"),
        with_=with_,
        permissions=here.granted,
        enforce=here.enforce,
        **head,
    )


def _name_agent(node: Node, reading: Reading) -> Node:
    if not isinstance(node, Mapping) or all(spell(key.text) != "template" for key, _ in node.entries):
        return node
    return reading.placing.agent(node, reading)


def read_head(fields: Fields, here: Around, reading: Reading, *, otherwise: str) -> dict[str, Any]:
    """Return what every node has, and note where its expressions stand."""
    id_, name = read_names(fields, otherwise)
    if holds_expression(fields.text("name")):
        text = "'name' is shown as it is written; node-name of a strategy is evaluated, for its cells"
        fields.findings.note(fields.nodes["name"].place, text)
    strategy = read_strategy(fields)
    mark_strategy(fields, here, reading)
    reading.mark(fields.get("if"), "condition", here.address)
    reading.mark(fields.get("env"), "env", here.address)
    for condition in _list_retry_conditions(fields.get("on-failure")):
        reading.mark(condition, "retry-condition", here.address)
    disabled = fields.flag("disabled", default=False)
    return {
        "id": id_,
        "name": name,
        "condition": DISABLED if disabled else fields.text("if").strip(),
        "needs": fields.texts("needs"),
        "strategy": strategy,
        "on_failure": read_failures(fields),
        "timeout_s": fields.duration_s("timeout"),
        "env": dict(here.env),
        "place": str(fields.place),
    }


def mark_strategy(fields: Fields, here: Around, reading: Reading) -> None:
    """Note the expressions of a strategy: conditions are asked for each cell, everything else comes before there are cells."""
    node = fields.get("strategy")
    for key, value in node.entries if isinstance(node, Mapping) else ():
        word = spell(key.text)
        if word == "if":
            reading.mark(value, "cell-condition", here.address)
        elif isinstance(value, Mapping):
            for inner, item in value.entries:
                part = spell(inner.text)
                is_condition = word == "while" and part == "condition"
                use = "cell-condition" if is_condition else "cell-name" if part == "node-name" else "strategy"
                reading.mark(item, use, here.address)
        else:
            reading.mark(value, "strategy", here.address)


def _list_retry_conditions(node: Node | None) -> Iterator[Node]:
    """Yield the conditions of retries, however deep in what follows what."""
    for item in node.items if isinstance(node, Sequence) else ():
        yield from _list_retry_conditions(item)
    for key, value in node.entries if isinstance(node, Mapping) else ():
        if spell(key.text) == "condition":
            yield value
        elif spell(key.text) != "steps":  # those of a rollback are steps like others
            yield from _list_retry_conditions(value)


def _read_group(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode:
    node = fields.nodes["group"]
    body = _open_block(node, GROUP, fields)
    if body is None:
        return unread_step(node, here.address)
    if body.has("id") or body.has("name"):
        head["id"], head["name"] = read_names(body, head["id"])
    outputs = read_outputs(body, here, reading) | read_outputs(fields, here, reading)
    transparent = _is_transparent(fields, body, head)
    nodes = read_steps(_need_steps(body), replace(here, unnamed=head["id"] if transparent else ""), reading)
    return Block(kind="group", nodes=nodes, outputs=outputs, transparent=transparent, **head)


def _read_parallel(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode:
    body = _open_block(fields.nodes["parallel"], PARALLEL, fields)
    if body is None:
        return unread_step(fields.nodes["parallel"], here.address)
    transparent = _is_transparent(fields, body, head)
    nodes = read_steps(_need_steps(body), replace(here, unnamed=head["id"] if transparent else ""), reading)
    return Block(kind="parallel", nodes=nodes, transparent=transparent, **head)


def _read_verify(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode:
    body = _open_block(fields.nodes["verify"], VERIFY, fields)
    if body is None:
        return unread_step(fields.nodes["verify"], here.address)
    if not body.has("window"):
        body.refuse("a verification needs 'window'", reason="missing-key:window", hint="write window: 10m")
    if head["strategy"] is not None:
        hint = "put the verification into a group, and give that the strategy"
        body.refuse("a verification repeats itself", reason="several-strategies", hint=hint)
    head["strategy"] = strategy = Strategy(
        "window", window_s=body.duration_s("window"), delay_s=body.duration_s("interval", default=30) or 0
    )
    if strategy.rounds > MOST_ROUNDS:
        _refuse_rounds(body, strategy)
    return Block(kind="group", nodes=read_steps(_need_steps(body), here, reading), **head)


def _refuse_rounds(body: Fields, strategy: Strategy) -> None:
    least_s = (strategy.window_s or 0) // MOST_ROUNDS + 1
    body.refuse(
        f"a verification of {strategy.rounds:,} rounds",
        reason="too-many-rounds",
        hint=f"at most {MOST_ROUNDS:,} are made: write interval: {least_s}s or more, or a shorter window",
        at=body.nodes["window"].place,
    )


def _read_template(fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode:
    return reading.placing.step(fields, here, reading, head)


_READERS = {
    "group": _read_group,
    "parallel": _read_parallel,
    "verify": _read_verify,
    "template": _read_template,
}


def _open_block(node: Node, noun: Noun, fields: Fields) -> Fields | None:
    """A bare list is the block's steps."""
    if isinstance(node, Sequence):
        return Fields(noun, node.place, {"steps": node}, fields.findings)
    return open_fields(node, noun, findings=fields.findings)


def _need_steps(body: Fields) -> tuple[Node, ...]:
    nodes = body.items("steps")
    if not nodes:
        hint = "add steps: with at least one step"
        body.refuse(f"{body.noun.name} needs steps", reason="missing-key:steps", hint=hint)
    return nodes


def _is_transparent(fields: Fields, body: Fields, head: dict[str, Any]) -> bool:
    named = any(part.has(key) for part in (fields, body) for key in ("id", "name"))
    return not named and head["strategy"] is None


def read_outputs(body: Fields, here: Around, reading: Reading) -> dict[str, str]:
    """Return a block's outputs by name: `{KEY: expr}`, or a list of such, or of `{name, value}`."""
    found: dict[str, str] = {}
    for item in body.items("outputs"):
        for name, node in _list_outputs(item):
            if not isinstance(node, Scalar):
                body.refuse(
                    f"the output {name!r} is no text", reason="wrong-shape", hint="write KEY: expression"
                )
                continue
            reading.mark(node, "output", here.address)
            found[name] = node.text
    return found


def _list_outputs(item: Node) -> Iterator[tuple[str, Node]]:
    entries = item.entries if isinstance(item, Mapping) else ()
    named = {spell(key.text): value for key, value in entries}
    name = named.get("name")
    if set(named) == {"name", "value"} and isinstance(name, Scalar):
        yield name.text, named["value"]
    else:
        yield from ((key.text, value) for key, value in entries)


def _check_barrier(with_: dict[str, Any], fields: Fields, reading: Reading) -> None:
    if with_.get("name") and with_["name"] not in reading.barriers:
        hint = f"add it to the pipeline: barriers: [{with_['name']}]"
        fields.refuse(f"there is no barrier {with_['name']!r}", reason="unknown-barrier", hint=hint)


def _read_kind(fields: Fields, node: Node) -> str:
    """Return the one kind of a step; empty, with a complaint, when there is none or more than one."""
    every = (*KINDS, *BLOCKS, "verify")
    kinds = [kind for kind in every if kind in fields.nodes]
    siblings = [key for key in ("uses", "with") if key in fields.nodes]
    if len(kinds) == 1 and (not siblings or not fields.has(kinds[0])):
        return kinds[0]
    if siblings and "/" in fields.text("uses"):
        refuse_foreign(fields, fields.text("uses"))
    elif siblings:
        hint = "put 'uses' and 'with' below agent:, approval:, template: or tool:"
        fields.refuse("'uses' belongs below a kind of step", reason="misplaced-uses", hint=hint)
    elif len(kinds) > 1:
        hint = "make one step of each"
        fields.refuse(f"a step can't be {' and '.join(kinds)}", reason="several-kinds", hint=hint)
    elif not names_other_kind(node, STEP):
        hint = f"add one of {', '.join(every)}"
        fields.refuse("a step needs a kind", reason="missing-kind", hint=hint)
    return ""


def names_other_kind(node: Node, noun: Noun) -> bool:
    """True when some key was complained about already: then that is what it is meant to be."""
    words = [spell(key.text) for key, _ in node.entries] if isinstance(node, Mapping) else []
    marks = (noun.marks.get(noun.aliases.get(word, word)) for word in words)
    return any(mark not in (Mark.CORE, Mark.NOTED) for mark in marks)


def _list_texts(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield the values of a step's own work in which expressions may stand, with their use."""
    for key, value in node.entries if isinstance(node, Mapping) else ():
        word = spell(key.text)
        if word in ("run", "background"):
            yield from _list_run(value)
        elif word == "approval":
            yield from list_approval(value)
            yield from ((target, "approval-for") for target in _find(value, "with", "for"))
        elif word not in _HEAD | {"if", "env", "strategy", "on-failure"}:
            yield value, "value"


def list_approval(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield the values of an approval in which expressions may stand, with their use."""
    for key, value in node.entries if isinstance(node, Mapping) else ():
        if spell(key.text) == "run":
            yield from _list_run(value)
        else:
            yield value, "value"


def _list_run(node: Node) -> Iterator[tuple[Node, str]]:
    if not isinstance(node, Mapping):
        yield node, "script"
    for key, value in node.entries if isinstance(node, Mapping) else ():
        word = spell(key.text)
        yield value, _RUN_USES.get(RUN.aliases.get(word, word), "value")


def _find(node: Node, *path: str) -> list[Node]:
    for word in path:
        below = node.entries if isinstance(node, Mapping) else ()
        found = [value for key, value in below if spell(key.text) == word]
        if not found:
            return []
        node = found[0]
    return [node]


def check_scope(noun: str, nodes: tuple[AnyNode, ...], reading: Reading) -> None:
    """Complain about ids that are used twice, in this scope and in those below it."""
    refuse_duplicates(noun, nodes, findings=reading.findings)
    for node in scope_blocks(nodes):
        check_scope("step", node.nodes, reading)


def scope_blocks(nodes: tuple[AnyNode, ...]) -> Iterator[Block]:
    """Yield the blocks that open a scope of their own: the others count with the scope they stand in."""
    for node in nodes:
        if isinstance(node, Block) and not node.transparent:
            yield node
        elif isinstance(node, Block):
            yield from scope_blocks(node.nodes)
