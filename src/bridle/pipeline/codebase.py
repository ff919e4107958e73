"""Clones at the beginning of stages: what the pipeline says of all of them, and what a stage says of its own.

    pipeline: {repo: {connector: acme, name: shop}, clone: {depth: 1}, stages: [{steps: [make]}, {clone: false, steps: [ls]}]}

Rules
  1. `repo` of the pipeline is what is cloned where a clone names no repository. It clones nothing itself.
  2. `clone` of the pipeline makes a clone the first step of each stage of steps; what a stage says in its own wins, key by key.
  3. `clone: false` and its like say that nothing is cloned.
"""

from __future__ import annotations

from bridle.pipeline.complaint import Place
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar
from bridle.pipeline.spots import Codebase
from bridle.pipeline.vocabulary import CLONE, REPO


def read_codebase(fields: Fields) -> Codebase:
    """Return what the pipeline says."""
    node = fields.get("repo")
    if isinstance(node, Scalar):
        return Codebase({"repo": node}, _read_wish(fields))
    body = open_fields(node, REPO, findings=fields.findings) if node is not None else None
    names = {"name": "repo", "connector": "connector"}
    repo = {names[key]: value for key, value in body.nodes.items()} if body else {}
    return Codebase(repo, _read_wish(fields))


def find_clone(fields: Fields, codebase: Codebase | None) -> Mapping | None:
    """Return the body of the clone that a stage begins with, or None."""
    around = codebase or Codebase()
    if not fields.has("clone"):
        own: dict[str, Node] | None = {} if around.clone is not None else None
    else:
        own = _read_wish(fields)
    if own is None:
        return None
    found = {**(around.clone or {}), **own}
    if "repo" not in found:
        found = {**around.repo, **found}
    node = fields.get("clone")
    return _make(node.place if node is not None else fields.place, found)


def _read_wish(fields: Fields) -> dict[str, Node] | None:
    """Return the keys of a `clone`; None where it is absent or says no."""
    node = fields.get("clone")
    if node is None or (isinstance(node, Scalar) and node.value in (True, False)):
        return {} if node is not None and node.value is True else None
    body = open_fields(node, CLONE, findings=fields.findings)
    if body is None or body.flag("disabled", default=False) or not body.flag("enabled", default=True):
        return None
    return {key: value for key, value in body.nodes.items() if key not in ("enabled", "disabled")}


def _make(place: Place, found: dict[str, Node]) -> Mapping:
    return Mapping(place, tuple((Scalar(place, key, key, ""), value) for key, value in found.items()))
