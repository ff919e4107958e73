"""The four spellings of an approval to one body.

Rules
  1. Only people of this installation approve (`uses: harness`); other systems are refused until they are connected.
  2. It waits a day unless told otherwise, and at most 53 weeks. What it does then is the engine's: never approve.
  3. `self-approval: false`, `block-executor: true` and `disallowPipelineExecutor: true` say the same thing.
  4. `for: <stage>.<step>` is Bridle's own: the tool step whose action is what the person approves.
"""

from __future__ import annotations

from bridle.core.canonical import Json
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.vocabulary import APPROVAL_WITH, APPROVERS

DEFAULT_TIMEOUT_S = 86_400
_UNCONNECTED = ("jira", "servicenow")


def read_approval(body: Fields) -> dict[str, Json]:
    """Return `{"uses": "harness", "with": {…}}`, the inner keys as `plan` lists them."""
    _check_uses(body)
    node = body.get("with")
    details = open_fields(node, APPROVAL_WITH, findings=body.findings) if node is not None else None
    if details is None:
        hint = "add with: {message: …}"
        body.refuse("an approval needs 'with'", reason="missing-key:with", hint=hint)
        return {"uses": "harness", "with": {}}
    return {"uses": "harness", "with": _read_details(details)}


def _check_uses(body: Fields) -> None:
    uses = body.text("uses", "harness")
    if uses == "custom":
        body.findings.refuse_later(body.place, "custom-approval", hint="use uses: harness")
    elif uses in _UNCONNECTED:
        body.refuse(f"{uses} is not connected", reason=f"no-connector:{uses}", hint="use uses: harness")
    elif uses != "harness":
        body.refuse(f"{uses[:80]!r} is no kind of approval", reason="bad-uses", hint="use uses: harness")


def _read_details(details: Fields) -> dict[str, Json]:
    node = details.get("approvers")
    approvers = open_fields(node, APPROVERS, findings=details.findings) if node is not None else None
    inner = approvers or Fields(APPROVERS, details.place, {}, details.findings)
    return {
        "message": details.required_text("message"),
        "for": details.text("for") or None,
        "groups": [*details.texts("groups"), *inner.texts("groups")],
        "users": [*details.texts("users"), *inner.texts("users")],
        "timeout_s": details.duration_s("timeout", default=DEFAULT_TIMEOUT_S),
        "min_count": max(details.count("min-count", default=1), inner.count("minimum", default=1)),
        "block_executor": _blocks_executor(details, inner),
    }


def _blocks_executor(details: Fields, inner: Fields) -> bool:
    """True when any of the spellings asks for it: the stricter one wins."""
    return (
        details.flag("block-executor", default=False)
        or inner.flag("block-executor", default=False)
        or not details.flag("self-approval", default=True)
    )
