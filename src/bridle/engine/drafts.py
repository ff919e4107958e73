"""Drafts: templates from a branch, which nobody has approved. What they may not stand beside is refused before anything starts.

Rules
  1. A plan with a draft holds no step that performs a consequential or destructive tool, and no approval of an action.
     None of its stages deploys to production either.
  2. The pipelines that it chains count as a part of it.
  3. A tool without a manifest is no exception: nobody knows what it does.
  4. What an agent is offered, its own file says; whoever has it at hand asks `is_harmless` of each of its tools.
"""

from __future__ import annotations

from collections.abc import Iterator

from bridle.core.errors import InputError
from bridle.gate.manifest import builtin_manifests
from bridle.pipeline.deployments import OTHER
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Block, Step, walk


def refuse_drafts(plan: Plan) -> None:
    """Raise InputError when a plan has drafts and does what only approved text may be a part of."""
    if not plan.drafts:
        return
    for block in _list_deploying(plan):
        if block.deployment.get("type") != OTHER:
            raise InputError(
                f"a draft can't be part of a plan that deploys to production: {', '.join(plan.drafts)}",
                where=block.place,
                reason="draft-in-production",
                hint=f"merge the branch and lock its version, or say that the environment is {OTHER}",
            )
    for step in _list_steps(plan):
        deed = _name_deed(step)
        if deed:
            raise InputError(
                f"a draft can't be part of a plan that {deed}: {', '.join(plan.drafts)}",
                where=step.place,
                reason="draft-in-production",
                hint="merge the branch and lock its version, or take this step out while you try the draft",
            )


def is_harmless(tool: str) -> bool:
    """True when what a tool does stays in the workspace, or can be put back."""
    manifest = builtin_manifests().get(tool)
    return manifest is not None and not manifest.effect.lasts


def _list_deploying(plan: Plan) -> Iterator[Block]:
    for _, node in walk(plan.stages):
        if isinstance(node, Block) and node.deployment:
            yield node
        elif isinstance(node, Step) and node.kind == "chain":
            yield from _list_deploying(Plan.from_json(node.with_["plan"]))


def _list_steps(plan: Plan) -> Iterator[Step]:
    nodes = [node for _, node in walk(plan.stages)]
    undoing = [node for block in nodes for _, node in walk(getattr(block, "rollback", ()))]
    for node in (*nodes, *undoing):
        if isinstance(node, Step):
            yield node
            if node.kind == "chain":
                yield from _list_steps(Plan.from_json(node.with_["plan"]))


def _name_deed(step: Step) -> str:
    """Return what a step does that no draft may be near; empty when it is harmless."""
    if step.kind == "tool":
        uses = str(step.with_["uses"])
        return "" if is_harmless(uses) else f"performs {uses}"
    if step.kind == "approval" and step.with_["with"].get("for"):
        return f"asks a person about {step.with_['with']['for']}"
    return ""
