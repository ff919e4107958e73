"""The one piece of the older generation that is read: a step of type `Agent`. It becomes an `agent` step.

    - step: {type: Agent, identifier: review, spec: {agentName: acme.review@1.0.6, agentSettings: {depth: high}}}
    - {id: review, agent: {uses: acme.review@1.0.6, with: {depth: high}}}

Its connectors are refused: which model and which servers an agent has is said by its file, the step's `model` or the account.
"""

from __future__ import annotations

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.fields import open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar
from bridle.pipeline.vocabulary import V0_AGENT, V0_STEP, spell

_KEPT = ("id", "name", "description", "timeout", "strategy")


def modernise_step(node: Node, findings: Findings) -> Node:
    """Return an entry of a list of steps in the present form; what is not of type Agent as it is."""
    older = _find_older(node)
    step = open_fields(older, V0_STEP, findings=findings) if older is not None else None
    if older is None or step is None:
        return node
    spec = open_fields(step.nodes["spec"], V0_AGENT, findings=findings) if step.has("spec") else None
    found = spec.nodes if spec is not None else {}
    agent = _make(older.place, {"uses": found.get("agent-name"), "with": found.get("agent-settings")})
    return _make(older.place, {**{key: step.nodes.get(key) for key in _KEPT}, "agent": agent})


def _find_older(node: Node) -> Mapping | None:
    """Return what stands below `step:` when that is all there is and its type is Agent."""
    entries = node.entries if isinstance(node, Mapping) else ()
    if len(entries) != 1 or spell(entries[0][0].text) != "step" or not isinstance(entries[0][1], Mapping):
        return None
    older = entries[0][1]
    found = [value for key, value in older.entries if spell(key.text) == "type"]
    return older if [node.text for node in found if isinstance(node, Scalar)] == ["Agent"] else None


def _make(place: Place, found: dict[str, Node | None]) -> Mapping:
    entries = ((Scalar(place, key, key, ""), node) for key, node in found.items() if node is not None)
    return Mapping(place, tuple(entries))
