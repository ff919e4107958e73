"""What a stage deploys, and where: `service` and `environment` of a stage, or of the pipeline for all its stages.

    service: shop
    environment: {id: eu-prod, type: production, deploy-to: k8s-eu}

Rules
  1. The nearest wins, key by key: a stage of one environment may take its service from the pipeline.
  2. An environment is production unless the file says that it is not: policy has to recognise what it must guard.
  3. What the values are is recorded where the stage begins. One that comes to nothing fails the stage.
  4. Several services or environments in one stage, groups of them and filters are refused: a matrix makes a stage for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.complaint import suggest
from bridle.pipeline.expressions import render
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Scalar
from bridle.pipeline.steps import names_other_kind
from bridle.pipeline.vocabulary import ENVIRONMENT, SERVICE, Noun

PRODUCTION, OTHER = "production", "non-production"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


def read_deployment(fields: Fields) -> dict[str, str]:
    """Return what is declared of `{"service", "environment", "type", "infrastructure"}`; empty when nothing is."""
    found: dict[str, str] = {}
    service = _open(fields, "service", SERVICE)
    if service is not None:
        found["service"] = _read_id(service, fields)
    environment = _open(fields, "environment", ENVIRONMENT)
    if environment is None:
        return found
    found["environment"] = _read_id(environment, fields)
    found["type"] = environment.text("type", PRODUCTION)
    if not _is_expression(found["type"]):
        found["type"] = _read_type(environment)
    places = environment.texts("deploy-to")
    if len(places) > 1:
        hint = "make a stage for each: strategy: {matrix: {place: [..]}}, deploy-to: <+matrix.place>"
        environment.findings.refuse_later(environment.nodes["deploy-to"].place, "deploy-to-many", hint=hint)
    return {**found, "infrastructure": places[0]} if places else found


def _open(fields: Fields, key: str, noun: Noun) -> Fields | None:
    node = fields.get(key)
    if isinstance(node, Scalar):
        return Fields(noun, node.place, {"id": node}, fields.findings)
    return open_fields(node, noun, findings=fields.findings) if node is not None else None


def _read_id(body: Fields, fields: Fields) -> str:
    """`id`, else `name`, else the `ref` of one that is declared elsewhere."""
    text = body.text("id") or body.text("name") or body.text("ref")
    if not text and not names_other_kind(fields.nodes[body.noun.name], body.noun):
        hint = f"write {body.noun.name}: NAME"
        body.refuse(f"a {body.noun.name} needs an id", reason="missing-key:id", hint=hint)
    elif text and not _is_expression(text) and not _ID.fullmatch(text):
        hint = "use letters, digits, _, - and ."
        body.refuse(f"{text[:80]!r} is no id of a {body.noun.name}", reason="bad-id", hint=hint)
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
