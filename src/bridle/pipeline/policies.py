"""The sets of a policy step, and those that a node enforces, taken into the plan whole: what is asked is what was there then.

Rules
  1. A set is named as it stands in an account, an organisation or a project: `account.prod` is the set `prod`.
  2. It is written out; no expression chooses which rules hold.
  3. What the pipeline, a stage, a group or a step enforces (`enforce: {policySets: [prod]}`) is asked before each step in it;
     what is inside only adds to it. The plan holds each of these texts once.
  4. One that is not there is refused: a gate without its rules would be no gate.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from bridle.core.canonical import Json, digest
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.vocabulary import ENFORCE

_SET = re.compile(r"(?:(?:account|org|project)\.)?([A-Za-z0-9_-]{1,100})", re.ASCII)


Policies: TypeAlias = Callable[[str], str | None]
"""Finds the text of a set by its name; None when there is none."""


def no_policies(_name: str) -> str | None:
    """Have nothing: for text that has no folder around it."""
    return None


def take_sets(with_: dict[str, Json], fields: Fields, policies: Policies) -> dict[str, Any]:
    """Return the step's body with the text and the digest of every set that it names."""
    named = with_.get("sets")
    assert isinstance(named, list)
    if not named:
        hint = "name the sets: sets: [prod]"
        fields.refuse("a policy step needs 'sets'", reason="missing-key:sets", hint=hint)
    return {**with_, "sets": [_take(str(name), fields, policies) for name in named]}


def take_enforced(fields: Fields, policies: Policies, known: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the sets that a node enforces; `known` takes their texts and digests."""
    node = fields.get("enforce")
    body = open_fields(node, ENFORCE, findings=fields.findings) if node is not None else None
    names = body.texts("policy-sets") if body is not None else ()
    if body is not None and not names:
        hint = "name the sets: enforce: {policySets: [prod]}"
        body.refuse("nothing is enforced", reason="missing-key:policy-sets", hint=hint)
    for name in names if body is not None else ():
        if name not in known:
            known[name] = _take(name, body or fields, policies)
    return names


def _take(name: str, fields: Fields, policies: Policies) -> dict[str, Json]:
    match = _SET.fullmatch(name)
    text = policies(match[1]) if match else None
    if match is None:
        hint = "write account.prod, or prod"
        fields.refuse(f"{name[:80]!r} names no policy set", reason="bad-set-name", hint=hint)
    elif text is None:
        hint = f"put it into policies/{match[1]}.rego beside the pipeline"
        fields.refuse(f"there is no policy set {name!r}", reason="unknown-policy-set", hint=hint)
    return {"name": name, "digest": digest(text), "text": text or ""}
