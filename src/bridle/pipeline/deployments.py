"""What a stage deploys, and where: `service` and `environment` of a stage, or of the pipeline for all its stages.

    service: shop
    environment: {id: eu-prod, type: production, deploy-to: k8s-eu}
    environment: {items: [{id: test, type: non-production}, prod], sequential: true}

Rules
  1. The nearest wins, key by key: a stage of one environment may take its service from the pipeline.
  2. An environment is production unless the file says that it is not: policy has to recognise what it must guard.
  3. What the values are is recorded where the stage begins. One that comes to nothing fails the stage.
  4. Several services, environments or places to deploy to make a stage for each, as a matrix does: a deployment of its own,
     with its own window and rollback. They come one after the other, environments before services, and the first that fails
     is the last, unless it says `parallel: true`. The stage's `if` is asked for each.
  5. A group of environments and a filter name what is declared elsewhere, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.complaint import suggest
from bridle.pipeline.expressions import render
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Node, Scalar, Sequence
from bridle.pipeline.steps import names_other_kind
from bridle.pipeline.strategy import Strategy
from bridle.pipeline.vocabulary import ENVIRONMENT, ENVIRONMENT_ITEM, SERVICE, SERVICE_ITEM, Noun

PRODUCTION, OTHER = "production", "non-production"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Declared:
    """What a node says of it: the texts of `{"service", "environment", "type", "infrastructure"}`, those that it has, and the
    strategy that makes a stage for each where there are several."""

    texts: dict[str, str]
    strategy: Strategy | None = None


def read_deployment(fields: Fields) -> Declared:
    """Return what is declared; empty when nothing is."""
    environment, service = _open(fields, "environment", ENVIRONMENT), _open(fields, "service", SERVICE)
    texts: dict[str, str] = {}
    axes: dict[str, list[Any]] = {}
    if environment is not None:
        targets = _list_targets(environment, fields.nodes["environment"])
        several = environment.has("items") or len(targets) > 1
        if several:
            axes["environment"] = targets
        for name, text in targets[0].items() if targets else ():
            texts[name] = f"<+matrix.environment.{name}>" if several else text
    if service is not None and service.has("items"):
        axes["service"] = [_read_id(*item) for item in _open_items(service, SERVICE_ITEM)]
        texts["service"] = "<+matrix.service>"
    elif service is not None:
        texts["service"] = _read_id(service, fields.nodes["service"])
    several_bodies = [body for body in (environment, service) if body is not None and body.noun.name in axes]
    return Declared(texts, _read_order(axes, several_bodies) if axes else None)


def _list_targets(environment: Fields, node: Node) -> list[dict[str, str]]:
    """Return each place that is deployed to: `deploy-to` may name several of one environment."""
    several = environment.has("items")
    found: list[dict[str, str]] = []
    for body, written in _open_items(environment, ENVIRONMENT_ITEM) if several else [(environment, node)]:
        target = {"environment": _read_id(body, written), "type": body.text("type", PRODUCTION)}
        if not _is_expression(target["type"]):
            target["type"] = _read_type(body)
        found += [{**target, "infrastructure": place} for place in body.texts("deploy-to")] or [target]
    if len({"infrastructure" in target for target in found}) > 1:
        hint = "write deploy-to for each of them, or for none"
        environment.refuse(
            "only some of these say where they deploy to", reason="missing-key:deploy-to", hint=hint
        )
    return found


def _read_order(axes: dict[str, list[Any]], bodies: list[Fields]) -> Strategy:
    for body in bodies:
        if body.flag("parallel", default=False) and body.flag("sequential", default=False):
            hint = "keep one of them"
            body.refuse("they are deployed either parallel or sequential", reason="several-orders", hint=hint)
    beside = all(body.flag("parallel", default=not body.flag("sequential", default=True)) for body in bodies)
    return Strategy(
        "matrix", axes=tuple(axes.items()), max_parallel=None if beside else 1, fail_fast=not beside
    )


def _open(fields: Fields, key: str, noun: Noun) -> Fields | None:
    node = fields.get(key)
    if isinstance(node, (Scalar, Sequence)):
        return Fields(
            noun, node.place, {"id" if isinstance(node, Scalar) else "items": node}, fields.findings
        )
    return open_fields(node, noun, findings=fields.findings) if node is not None else None


def _open_items(body: Fields, noun: Noun) -> list[tuple[Fields, Node]]:
    if any(body.has(key) for key in noun.marks):
        hint = "say it of each of the items"
        body.refuse("what has items is not one itself", reason="misplaced-id", hint=hint)
    opened: list[tuple[Fields, Node]] = []
    for node in body.items("items"):
        if isinstance(node, Scalar):
            opened.append((Fields(noun, node.place, {"id": node}, body.findings), node))
        elif item := open_fields(node, noun, findings=body.findings):
            opened.append((item, node))
    if not body.items("items"):
        body.refuse(f"there is no {body.noun.name} in it", reason="no-items", hint="name at least one")
    return opened


def _read_id(body: Fields, node: Node) -> str:
    """`id`, else `name`, else the `ref` of one that is declared elsewhere."""
    noun = body.noun.name.partition(".")[0]
    known, *beside = [key for key in ("id", "name", "ref") if body.text(key)] or [""]
    text = body.text(known) if known else ""
    for key in beside:
        body.findings.note(body.nodes[key].place, f"{key!r} of {noun} beside {known!r} has no effect")
    if not text and not names_other_kind(node, body.noun):
        body.refuse(f"a {noun} needs an id", reason="missing-key:id", hint=f"write {noun}: NAME")
    elif text and not _is_expression(text) and not _ID.fullmatch(text):
        hint = "use letters, digits, _, - and ."
        body.refuse(f"{text[:80]!r} is no id of a {noun}", reason="bad-id", hint=hint)
    return text


def _read_type(body: Fields) -> str:
    word = body.text("type", PRODUCTION)
    folded = re.sub(r"[^a-z]", "", word.lower())
    types = {"production": PRODUCTION, "prod": PRODUCTION, "nonproduction": OTHER, "preproduction": OTHER}
    if folded not in types:
        hint = suggest(word, (PRODUCTION, OTHER), otherwise=f"use {PRODUCTION} or {OTHER}")
        body.refuse(f"{word[:40]!r} is no type of environment", reason="bad-environment-type", hint=hint)
    return types.get(folded, PRODUCTION)


def _is_expression(text: str) -> bool:
    return "<+" in text or "${{" in text


def evaluate_deployment(declared: Mapping[str, str], context: Mapping[str, Json]) -> dict[str, Json]:
    """Return the four values of a stage that begins, those that nobody declared empty; raise InputError."""
    found: dict[str, Json] = {"service": "", "environment": "", "type": PRODUCTION, "infrastructure": ""}
    for name, text in declared.items():
        value = render(text, context)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            what = (
                f"the {name} of this stage, {text}, came to {'nothing' if value in (None, '') else 'no id'}"
            )
            hint = "see with bridle logs what the step has done that it names, or write the id out"
            raise InputError(what, hint=hint, reason="deployment-without-value")
        found[name] = value
    if found["type"] not in (PRODUCTION, OTHER):
        hint = f"let it come to {PRODUCTION} or {OTHER}"
        raise InputError(
            f"{found['type']!r} is no type of environment", hint=hint, reason="bad-environment-type"
        )
    return found


def show_deployment(values: Mapping[str, Json]) -> dict[str, Json]:
    """Return what expressions see of it: `service`, `env` and `infrastructure`, each with its `id`."""
    seen = {"service": "service", "environment": "env", "infrastructure": "infrastructure"}
    shown: dict[str, Json] = {
        root: {"id": values[name], "name": values[name]} for name, root in seen.items() if values.get(name)
    }
    if "env" in shown:
        shown["env"] = {"id": values["environment"], "name": values["environment"], "type": values["type"]}
    return shown
