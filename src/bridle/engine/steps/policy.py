"""`policy`: a gate of the author's own. Its sets are asked about the payload, and one message of denial ends the step denied.

Rules
  1. No answer denies: a payload that cannot be made, a set that cannot be read, raises, takes too long or has no deny rule.
  2. A denial is the end: no failure strategy makes a success of it (`pipeline.failure`).
  3. The end of the step is the record: every set with its digest and what it said, and the digest of the payload.
  4. Without a payload the sets are asked about the pipeline, the stage and the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError
from bridle.core.notes import tell_error
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, refuse_secrets
from bridle.pipeline.expressions import render
from bridle.pipeline.functions import read_json
from bridle.trust.policy import PolicyError, SetAnswer


async def perform_policy(leg: Leg) -> Ending:
    """Ask every set; all of them are asked, so that all that is wrong is known at once."""
    try:
        payload = _payload(leg)
    except InputError as error:  # a question that cannot be put has no answer
        return Ended(State.DENIED, note=tell_error(error), hint=error.hint, error="policy-evaluation")
    sets = leg.body["sets"]
    assert isinstance(sets, (list, tuple))
    told = [await ask_set(leg, one, payload) for one in sets if isinstance(one, Mapping)]
    output: dict[str, Json] = {"payload": digest(payload), "sets": told}
    denied, warned = (join_messages(told, part) for part in ("deny", "warn"))
    if denied or len(told) != len(sets):
        return Ended(State.DENIED, output, note=denied, error="policy-evaluation")
    return Ended(State.SUCCEEDED, output, note=f"warning: {warned}" if warned else "")


def _payload(leg: Leg) -> Json:
    wanted = leg.body.get("payload")
    if wanted is None:
        return {name: leg.context[name] for name in ("pipeline", "stage", "inputs") if name in leg.context}
    payload = render(wanted, leg.context)
    refuse_secrets(leg.step, {"payload": payload})
    return read_json(payload) if isinstance(payload, str) else payload


async def ask_set(leg: Leg, one: Mapping[str, Json], payload: Json) -> dict[str, Json]:
    """Return what a set of the plan, `{"name", "digest", "text"}`, says about a payload; no answer is a denial."""
    name, text = str(one["name"]), str(one["text"])
    try:
        if digest(text) != one["digest"]:
            raise PolicyError("its text is not the one that was planned")
        answer = await leg.bench.sets.evaluate(f"{name}.rego", text, payload)
    except PolicyError as error:  # an answer of its own: a denial, and recorded
        answer = SetAnswer(deny=(error.what,))
    return {"set": name, "digest": one["digest"], "deny": list(answer.deny), "warn": list(answer.warn)}


def join_messages(told: list[dict[str, Json]], part: str) -> str:
    """Return all messages of one kind, `deny` or `warn`, each with the set that it comes from."""
    found = []
    for one in told:
        messages = one[part]
        assert isinstance(messages, list)
        found += [f"{one['set']}: {message}" for message in messages]
    return "; ".join(found)
