"""The nodes of a plan: steps, and the blocks that hold them.

Rules
  1. A Step is one piece of work. A Block (stage, group, parallel) holds nodes; `parallel` runs its own side by side, the others
     one after the other.
  2. A node's path is the ids from its stage down, joined by `/`. A block without an id of its own is transparent: its nodes
     belong to the scope around it, in paths and in expressions. So ids are unique in a scope, not in a file.
  3. Any node may have a strategy; then it stands for its cells, and cell `i` of `x` has the id `x_i`.
  4. A block with `inputs` is a template put in place, or a stage that declares some: inside it, `inputs` means these, evaluated
     where the block begins. So are the `variables` of a stage, each `{"type", "value"}`, and its `deployment` (`deployments`).

Kinds of step and their `with_`
    run       {"script", "shell": sh|bash|python, "report": null|{"type": "junit", "path": a glob or a list}, "env": {},
              "output": [{"name", "alias", "mask"}], and where it has any "with": {},
              "evidence": [{"type", "path", "subject"}] and "output_alias": {"key", "scope": pipeline|stage|group}}
    background {"script", "shell", "env": {}, and where it has any "with": {}}: started, and not waited for
    clone     {"repo", "ref": null|{"type": branch|tag|commit|pull_request, "name"},
              and where it has them "depth", "path", "folders", "submodules"}
    agent     {"uses", "with": {}, "model": null|text}, and where the step says so "task", "rules": [], "max_turns",
              "tools": [] or {}; "uses" is empty for one that stands in the step (`agent.inline`)
    approval  {"uses": "harness", "with": {…}}: see `approvals`; {"uses": "custom", "with": {…}, "run"}: see `criteria`
    tool      {"uses": "family.verb", "with": {}}
    wait      {"duration_s"}
    barrier   {"name", "of"}: how many branches have to arrive
    queue     {"key", "scope": pipeline|stage}
    policy    {"sets": [{"name", "digest", "text"}], "payload"}
    chain     {"uses", "plan": the other pipeline's plan, "inputs": {}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict, with_config

from bridle.pipeline.failure import FailureRule
from bridle.pipeline.strategy import Strategy

CLOSED = ConfigDict(extra="forbid")
StepKind: TypeAlias = Literal[
    "run", "background", "clone", "agent", "approval", "tool", "wait", "barrier", "queue", "policy", "chain"
]
BlockKind: TypeAlias = Literal["stage", "group", "parallel"]


@with_config(CLOSED)
@dataclass(frozen=True, kw_only=True)
class Node:
    """What steps and blocks have in common. An empty `condition` is the default one; `needs` are ids in the same scope.

    `env` holds what the blocks around it and the node itself declare, the nearest last. `place` is `file:line:column`.
    """

    id: str
    name: str
    condition: str = ""
    needs: tuple[str, ...] = ()
    strategy: Strategy | None = None
    on_failure: tuple[FailureRule, ...] = ()
    timeout_s: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


@with_config(CLOSED)
@dataclass(frozen=True, kw_only=True)
class Step(Node):
    """One piece of work. Its token asks for no more than `permissions`; None leaves it at what the step needs."""

    kind: StepKind
    with_: Mapping[str, Any] = field(default_factory=dict)
    enforce: tuple[str, ...] = ()
    permissions: tuple[str, ...] | None = None


@with_config(CLOSED)
@dataclass(frozen=True, kw_only=True)
class Block(Node):
    """Nodes that belong together. `of` says whether stages stand in it or steps; `rollback` undoes a stage.

    `outputs` are expressions over its own nodes, evaluated at its end.
    """

    kind: BlockKind
    of: Literal["stages", "steps"] = "steps"
    nodes: tuple[Step | Block, ...] = ()
    transparent: bool = False
    rollback: tuple[Step | Block, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    deployment: Mapping[str, str] = field(default_factory=dict)


AnyNode: TypeAlias = Step | Block
Address: TypeAlias = tuple[int, ...]
"""Where a node stands: its position in `plan.stages`, then in each block's `nodes`, from the outside in."""


def is_named_group(node: AnyNode) -> bool:
    """True for a group that opens a scope of its own."""
    return isinstance(node, Block) and node.kind == "group" and not node.transparent


def walk(nodes: tuple[AnyNode, ...], *, below: Address = ()) -> Iterator[tuple[Address, AnyNode]]:
    """Yield every node with its address, a block before what it holds."""
    for index, node in enumerate(nodes):
        address = (*below, index)
        yield address, node
        if isinstance(node, Block):
            yield from walk(node.nodes, below=address)


def scope_of(nodes: tuple[AnyNode, ...]) -> Iterator[AnyNode]:
    """Yield the nodes that an id in this scope can mean: those listed, and those in transparent blocks among them."""
    for node in nodes:
        yield node
        if isinstance(node, Block) and node.transparent:
            yield from scope_of(node.nodes)
