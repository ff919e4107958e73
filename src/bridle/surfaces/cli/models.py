"""The models that a run asks, looked at before anything of it begins: it could not go on where one cannot answer.

Rules
  1. The run's model wins over the step's, the step's over the agent's own, that over the account's, as in the run itself.
  2. A file of turns is read, and a key has to be there; no endpoint is asked. A key is never shown.
  3. A name that is an expression is known only in the run. Whether an agent with a condition is asked is, too: of its model
     is only warned.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridle.agent.inline import find_agent
from bridle.core.errors import InputError, UnavailableError
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Address, AnyNode, Step, walk

if TYPE_CHECKING:
    from bridle.core.settings import Settings


def check_model(name: str, *, where: str = "--model") -> None:
    """Raise InputError when no kind of model has such a name; an empty one leaves the choice to others."""
    from bridle.app import key_references

    if not name:
        return
    try:
        key_references(name)
    except InputError as error:
        raise InputError(error.what, where=where, hint=error.hint, reason=error.reason) from error


def check_models(plan: Plan, *, chosen: str, settings: Settings, here: bool = True) -> list[str]:
    """Raise InputError when a model that the plan's agents would ask is none; and, unless its steps run elsewhere (`here`),
    InputError or UnavailableError when it cannot answer. Return what is said of those that may be left out."""
    check_model(chosen)
    agents = [
        (step, any(node.condition for node in _list_around(address, plan)))
        for address, step in walk(plan.stages)
        if isinstance(step, Step) and step.kind == "agent" and step.with_
    ]
    if not agents:
        return []
    check_model(settings.model, where="BRIDLE_MODEL")
    warnings = []
    if chosen and here:
        require_model(chosen)
    for step, may_be_left_out in agents if here and not chosen else ():
        try:
            _require_own(step, settings)
        except (InputError, UnavailableError) as error:
            if not (may_be_left_out or plan.condition):
                raise
            warnings.append(str(error))
    return list(dict.fromkeys(warnings))


def _list_around(address: Address, plan: Plan) -> list[AnyNode]:
    """Return a node and the blocks that it stands in."""
    nodes = dict(walk(plan.stages))
    return [nodes[address[:length]] for length in range(1, len(address) + 1)]


def _require_own(step: Step, settings: Settings) -> None:
    from bridle.app import agent_roots

    uses = step.with_.get("uses")
    if is_expression(uses):
        return
    own = find_agent(step.with_, roots=agent_roots()).model
    name = next(filter(None, (str(step.with_.get("model") or ""), own, settings.model)), "")
    if not name:
        hint = "name one with --model, in the step (model:), in the agent's file, or in BRIDLE_MODEL"
        raise InputError(f"no model is named for {step.id}", where=step.place, hint=hint, reason="no-model")
    if not is_expression(name):
        require_model(name)


def require_model(name: str) -> None:
    """Raise InputError when the turns of a model cannot be read, UnavailableError when something that it needs is not there."""
    from bridle.app import open_turns

    open_turns(name)
    find_keys(name, os.environ)


def find_keys(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where the key of a model is, nowhere for one that needs none; raise UnavailableError for what is missing."""
    from bridle.app import key_references

    sets = key_references(name)
    found = next((refs for refs in sets if all(environ.get(_variable(one)) for one in refs)), None)
    if found is None:
        told = " or ".join(" and ".join(refs) for refs in sets)
        fix = " ".join(f"export {_variable(one)}=…" for one in sets[0])
        what = f"{name} needs a key at {told}, and there is none"
        raise UnavailableError(what, hint=fix, reason="secret-missing")
    if name.startswith("bedrock:") and not (environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")):
        raise UnavailableError(f"{name} needs a region", hint="export AWS_REGION=…", reason="no-region")
    return found


def is_expression(text: object) -> bool:
    """True for what is known only during a run."""
    return any(mark in str(text) for mark in ("${{", "<+"))


def _variable(reference: str) -> str:
    return reference.removeprefix("env:")
