"""What an approval given now would rest on: where one of these is another later, it approves nothing any more."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.gate.action import Action
from bridle.gate.filling import full_asking
from bridle.gate.loops import is_counted, is_loop
from bridle.gate.manifest import Manifest
from bridle.gate.standing import Standing


def describe_resting(
    action: Action,
    manifest: Manifest | None,
    standing: Standing,
    *,
    policy: str,
    provenance: Mapping[str, Json] | None,
    loop: Json,
    case: Json,
) -> dict[str, Json]:
    """Return it by name, all but what is known of the limits."""
    return {
        **_rests_on(policy, standing, provenance),
        **_repeated(manifest, loop),
        **_described(manifest),
        **_planned(action),
        **_stands_in(action),
        **_standing_case(case),
    }


def describe_overfull(facts: Mapping[str, Json]) -> dict[str, Json]:
    """Return what an approval rests on besides, when a limit is full."""
    names = full_asking(facts)
    return {"limits": ", ".join(sorted(names))} if names else {}


def _rests_on(policy: str, standing: Standing, provenance: Mapping[str, Json] | None) -> dict[str, Json]:
    """What an approval given now would rest on: the agent is the one who made the commit, else the actor."""
    agent = standing.actor.digest if standing.actor else ""
    made = provenance or {}
    return {
        "policy": policy,
        "agent": made.get("agent_digest", agent),
        "commit": made.get("commit", ""),
        "repository": made.get("repository", ""),
        "report": made.get("report", ""),
    }


def _repeated(manifest: Manifest | None, loop: Json) -> dict[str, Json]:
    """What an approval rests on besides, when it is about a repetition, or about what cannot be counted."""
    if loop is None:
        return {"loop": "not known"} if is_counted(manifest) else {}
    assert isinstance(loop, Mapping)
    return {"loop": f"time {loop['times']}"} if is_loop(loop) else {}


def _standing_case(case: Json) -> dict[str, Json]:
    """What is approved for a case rests on how it stood: one that moves on takes the approval with it."""
    if not isinstance(case, Mapping):
        return {}
    return {"case": f"{case['id']} {case['state']} revision {case['revision']}"}


def _described(manifest: Manifest | None) -> dict[str, Json]:
    """An approval of a call to somebody's server rests on what its owner and the server said of the tool."""
    return {"tool": manifest.digest} if manifest and manifest.external else {}


def _stands_in(action: Action) -> dict[str, Json]:
    """An approval of a substitute rests on what it stands in for, and why."""
    told = action.instead
    return {"instead": f"{told['tool']} {told['because']} {told['record']}"} if told else {}


def _planned(action: Action) -> dict[str, Json]:
    """An approval of a plan rests on all of the plan."""
    return {"plan": action.plan["digest"]} if action.plan and action.plan["digest"] else {}
