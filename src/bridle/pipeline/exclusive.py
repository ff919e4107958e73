"""`concurrency` of a stage: one at a time, over all executions. It becomes a `queue` step that the stage begins with.

    concurrency: 1                     this stage of this pipeline
    concurrency: production            whatever has the group; the same key as `queue: {key: production}`
    concurrency: {group: deploy-<+inputs.place>}

Rules
  1. A group has one holder; whoever comes later waits in line. More than one at a time is refused.
  2. Nobody is ended for whoever comes later: `cancel-in-progress: true` is refused.
  3. The group is given back at the stage's end, after its rollback. A stage that is skipped does not stand in line.
"""

from __future__ import annotations

from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar
from bridle.pipeline.spots import Around, Reading
from bridle.pipeline.tree import Step
from bridle.pipeline.vocabulary import CONCURRENCY

OF_THE_STAGE = "${{ pipeline.id }}/${{ stage.id }}"


def read_lock(fields: Fields, here: Around, reading: Reading) -> tuple[Step, ...]:
    """Return the step that a stage begins with, where it is exclusive."""
    node = fields.get("concurrency")
    if node is None:
        return ()
    at = here.below(0, {})
    group = _read_group(node, fields)
    if isinstance(group, Scalar):
        reading.mark(group, "value", at.address)
    step = Step(
        id="concurrency",
        name="concurrency",
        kind="queue",
        with_={"key": group.text if group is not None else OF_THE_STAGE, "scope": "stage"},
        env=dict(here.env),
        permissions=here.granted,
        enforce=here.enforce,
        place=str(node.place),
    )
    return (step,)


def _read_group(node: Node, fields: Fields) -> Scalar | None:
    """Return the text that names the group; None for the stage itself."""
    if not isinstance(node, Mapping):
        body = Fields(CONCURRENCY, node.place, {}, fields.findings)
        is_number = isinstance(node, Scalar) and isinstance(node.value, int)
        body.nodes["max" if is_number else "group"] = node
    else:
        opened = open_fields(node, CONCURRENCY, findings=fields.findings)
        if opened is None:
            return None
        body = opened
    if body.count("max", default=1) > 1:
        hint = "leave it out, or limit the executions: concurrency: 2 of the pipeline"
        what = "a stage runs in one execution at a time, or in any number"
        body.refuse(what, reason="concurrency-above-one", hint=hint, at=node.place)
    refuse_cancelling(body)
    if not body.has("group"):
        return None
    body.required_text("group")
    group = body.get("group")
    return group if isinstance(group, Scalar) else None


def refuse_cancelling(body: Fields) -> None:
    """Complain about `cancel-in-progress`, unless it says no."""
    if body.flag("cancel-in-progress", default=False):
        hint = "leave it out: whoever comes later waits in line; bridle cancel ends an execution"
        at = body.nodes["cancel-in-progress"].place
        body.refuse("no execution is ended for a later one", reason="cancel-in-progress", hint=hint, at=at)
