"""Input sets: values for a run in a file of their own.

    inputset: {id: …, inputs: {branch: main}}                  the short form
    {version: 1, kind: input-set, spec: {inputs: {…}}}         the long one
    {kind: overlay-input-set, spec: {input_sets: [a, b]}}      others by name, the later one wins
    inputs: {branch: main, overlay: {branch: next}}            values, and values that win over them

Rules
  1. One document with one of these roots. A value is data: what looks like an expression in it stays text.
  2. Whether a pipeline declares an input, and of what type, is asked when the values meet it (`inputs.resolve_inputs`).
  3. An overlay that leads back to itself is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from bridle.core.canonical import Json
from bridle.pipeline.complaint import Findings
from bridle.pipeline.document import read_documents
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, to_json
from bridle.pipeline.vocabulary import INPUT_SET, INPUT_SET_FILE, INPUT_SET_SPEC

FindSet = Callable[[str], str]
"""Returns the text of the input set of a name; raises InputError when there is none."""
KINDS = ("input-set", "overlay-input-set")


def read_input_set(text: str, *, source: str, find: FindSet, using: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return the values of an input set by name; raise PipelineError with every fault, InputError for one not found."""
    findings = Findings()
    roots = read_documents(text, source=source)
    fields = open_fields(roots[0], INPUT_SET_FILE, findings=findings) if roots else None
    values, names = _read_root(fields) if fields else ({}, ())
    for name in names:
        if name in using and fields is not None:
            hint = "take one of them out"
            chain = " → ".join((*using, name))
            fields.refuse(f"input sets go round in a circle: {chain}", reason="input-set-cycle", hint=hint)
    findings.raise_if_any()
    for name in names:
        values |= read_input_set(find(name), source=name, find=find, using=(*using, name))
    return values


def _read_root(fields: Fields) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Return the values that stand in the file, and the sets that it names."""
    roots = [key for key in ("inputset", "spec", "inputs") if fields.has(key)]
    if len(roots) != 1:
        hint = "write inputset:, or kind: input-set with spec:, or inputs:"
        fields.refuse("this is no input set", reason="no-input-set", hint=hint)
        return {}, ()
    if roots == ["inputset"]:
        body = open_fields(fields.nodes["inputset"], INPUT_SET, findings=fields.findings)
        return (_read_values(body, "inputs"), ()) if body else ({}, ())
    if roots == ["inputs"]:
        return _read_values(fields, "inputs"), ()
    kind = fields.text("kind").replace("_", "-").lower()
    spec = open_fields(fields.nodes["spec"], INPUT_SET_SPEC, findings=fields.findings)
    if kind not in KINDS:
        fields.refuse(f"{kind[:40]!r} is no kind of input set", reason="unknown-kind", hint=f"use {KINDS[0]}")
    if spec is None:
        return {}, ()
    return _read_values(spec, "inputs"), spec.texts("input-sets")


def _read_values(body: Fields, key: str) -> dict[str, Json]:
    """Return the values below `key`; those of its `overlay` win."""
    found: dict[str, Json] = {}
    over: Node | None = None
    for name, node in body.entries(key):
        if name.text == "overlay" and isinstance(node, Mapping):
            over = node
        else:
            found[name.text] = to_json(node)
    if isinstance(over, Mapping):
        found |= {name.text: to_json(node) for name, node in over.entries}
    return found
