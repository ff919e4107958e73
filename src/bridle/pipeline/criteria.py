"""A custom approval: a script is run again and again until what it puts out meets its criteria.

    approval:
      uses: custom
      run: 'echo "STATE=$(cat board/state)" >> $HARNESS_OUTPUT'
      with: {message: Wait for the change board, approve: {STATE: done}, reject: {STATE: refused}, retry: 1m, timeout: 4h}

Rules
  1. Criteria are the outputs' names and the values they have to have, all of them; or `{match: all|any, conditions: [{key,
     operator, value}]}` with the operators `equals`, `not-equals`, `in`, `not-in`.
  2. What is rejected and what is approved at once is rejected.
  3. It says whether a pipeline goes on. It guards no action: a program's word is nobody's approval.
"""

from __future__ import annotations

from collections.abc import Mapping as Table

from bridle.core.canonical import Json
from bridle.pipeline.complaint import suggest
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.values import to_text
from bridle.pipeline.vocabulary import CRITERIA, CRITERION, CUSTOM_WITH, spell

CUSTOM = "custom"
RETRY_S = 60
TIMEOUT_S = 86_400
OPERATORS = ("equals", "not-equals", "in", "not-in")


def read_custom(body: Fields) -> dict[str, Json]:
    """Return `{message, approve, reject, retry_s, timeout_s}`; criteria are `{match, conditions: [{key, operator, values}]}`."""
    node = body.get("with")
    details = open_fields(node, CUSTOM_WITH, findings=body.findings) if node is not None else None
    if details is None:
        body.refuse("an approval needs 'with'", reason="missing-key:with", hint="add with: {approve: {…}}")
        return {}
    if not details.has("approve"):
        details.refuse(
            "a custom approval needs 'approve'",
            reason="missing-key:approve",
            hint="write approve: {STATE: done}",
        )
    return {
        "message": details.text("message"),
        "approve": _read_criteria(details, "approve"),
        "reject": _read_criteria(details, "reject"),
        "retry_s": details.duration_s("retry", default=RETRY_S),
        "timeout_s": details.duration_s("timeout", default=TIMEOUT_S),
    }


def meets(criteria: Json, outputs: Table[str, Json]) -> bool:
    """True when a script's outputs meet criteria as `read_custom` returns them; without any condition, never."""
    assert isinstance(criteria, Table)
    conditions = criteria["conditions"]
    assert isinstance(conditions, (list, tuple))
    held = [_holds(condition, outputs) for condition in conditions]
    return bool(held) and (any(held) if criteria["match"] == "any" else all(held))


def _holds(condition: Json, outputs: Table[str, Json]) -> bool:
    assert isinstance(condition, Table)
    values = condition["values"]
    assert isinstance(values, (list, tuple))
    found = to_text(outputs.get(str(condition["key"])))
    is_among = found in [to_text(value) for value in values]
    return is_among is (condition["operator"] in ("equals", "in"))


def _read_criteria(details: Fields, key: str) -> dict[str, Json]:
    node = details.get(key)
    if node is None:
        return {"match": "all", "conditions": []}
    words = {spell(name.text) for name, _ in node.entries} if isinstance(node, Mapping) else set()
    if words and words <= set(CRITERIA.marks):
        fields = open_fields(node, CRITERIA, findings=details.findings)
        return _read_long(fields) if fields else {}
    conditions = [_condition(name.text, "equals", value, details) for name, value in details.entries(key)]
    return {"match": "all", "conditions": list(conditions)}


def _read_long(fields: Fields) -> dict[str, Json]:
    match = fields.text("match", "all").lower()
    if match not in ("all", "any"):
        fields.refuse(f"{match[:40]!r} is no way to match", reason="bad-match", hint="write all or any")
    conditions: list[Json] = []
    for node in fields.items("conditions"):
        one = open_fields(node, CRITERION, findings=fields.findings)
        if one is None:
            continue
        operator = spell(one.text("operator", "equals").strip().replace(" ", "-"))
        if operator not in OPERATORS:
            hint = suggest(operator, OPERATORS, otherwise=f"known: {', '.join(OPERATORS)}")
            one.refuse(f"{operator[:40]!r} is no operator", reason="bad-operator", hint=hint)
        conditions.append(_condition(one.required_text("key"), operator, one.get("value"), one))
    return {"match": match, "conditions": conditions}


def _condition(key: str, operator: str, value: Node | None, fields: Fields) -> dict[str, Json]:
    items = value.items if isinstance(value, Sequence) else (value,)
    texts: list[Json] = [item.text for item in items if isinstance(item, Scalar)]
    if len(texts) != len(items):
        fields.refuse(f"{key!r} is compared with a text", reason="wrong-shape", hint="write a single value")
    return {"key": key, "operator": operator, "values": texts}
