"""Permits: the control plane's signed word to a delegate that this action may be carried out, with all that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bridle.core.canonical import Json, as_mapping, digest
from bridle.dispatch.protocol import Permit, Task, sign_permit
from bridle.gate.action import Action
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement
from bridle.trust.journal import Record
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import Token

PERMIT_TTL = timedelta(hours=1)  # longer than any command's wall time, shorter than a working day


def permit_now(on: Ports, action: Action, judgement: Judgement) -> Permit:
    """Sign what was decided just now."""
    decision = judgement.decision
    return _sign(on, action, decision.policy, token=judgement.standing.token, expect=decision.expect)


async def permit_again(
    on: Ports, action: Action, intent: Record, *, restore_to: str = "", token: Token | None = None
) -> Permit:
    """Sign the recorded decision anew for the token of today, its own or `token`; what was decided stays as it was."""
    content = as_mapping(as_mapping(intent.body["permit"])["content"])
    token = token or (await on.facts.standings.of(action)).token
    expect = {**as_mapping(content["expect"]), "restore_to": restore_to}
    return _sign(on, action, str(content["decision"]), token=token, expect=expect)


def make_task(action: Action, permit: Permit, *, restore_to: str = "") -> Task:
    """Return what the delegate is told."""
    return Task(
        request=action.request,
        permit=permit,
        token=action.token,
        workspace=action.workspace,
        boundary=action.boundary.to_json(),
        payload=action.payload,
        restore_to=restore_to,
    )


def _sign(
    on: Ports, action: Action, decision: str, *, token: Token | None, expect: Mapping[str, Json]
) -> Permit:
    """Sign a decision, with everything that a task carries beside its request: nothing can be swapped."""
    about: dict[str, Json] = {
        "boundary": digest(action.boundary.to_json()),
        "workspace": action.workspace,
        "restore_to": "",
    }
    inside = on.manifest_of(action.request.tool).inside
    return sign_permit(
        on.signer,
        action_digest=action.digest,
        delegate=CONTROL_PLANE if inside else on.delegate.name,
        decision=decision,
        token_id=token.id if token else "",
        expires_at=on.clock.now() + PERMIT_TTL,
        expect={**about, **expect},
    )
