"""Whoever is suspended does nothing more: the delegate that carries out, the user who starts and answers."""

from dataclasses import replace

import pytest

from bridle.core.errors import TrustError
from bridle.engine.control import Verdict
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Entry, Kind
from bridle.trust.principals import Lifecycle, RegisterPrincipal

RUN = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: touch done}]}]}"
ASK = (
    "pipeline: {id: q, stages: [{id: a, steps: [{id: b, approval: {uses: harness, with: {message: Go?}}}]}]}"
)


async def suspend(app, principal_id):
    known = await app.enrolled.get(principal_id)
    stopped = replace(known, state=Lifecycle.SUSPENDED)
    entry = Entry(Kind.PRINCIPAL_REGISTERED, "", principal_id, stopped.to_json())
    await app.journal.append([entry], [RegisterPrincipal(stopped, known)])


async def start(app, text):
    plan = read_pipeline(text, source="test.yaml")
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    return await app.control.follow(execution.id)


async def test_a_suspended_delegate_is_told_nothing(app):
    await suspend(app, app.delegate.name)
    execution = await start(app, RUN)
    records = await app.journal.read(execution=execution.id)
    assert execution.state == "denied"
    assert [record.body["effect"] for record in records if record.kind is Kind.DECIDED] == ["deny"]
    assert not [record for record in records if record.kind is Kind.INTENDED]


async def test_a_suspended_user_starts_nothing(app):
    await suspend(app, app.user.id)
    with pytest.raises(TrustError) as caught:
        await start(app, RUN)
    assert caught.value.reason == "principal-not-active"


async def test_a_suspended_user_gives_no_verdict(app):
    execution = await start(app, ASK)
    (approval,) = await app.approvals.find(execution=execution.id)
    await suspend(app, app.user.id)
    with pytest.raises(TrustError) as caught:
        await app.control.give_verdict(approval.id, Verdict(True, app.user))
    assert caught.value.reason == "principal-not-active"


async def test_a_suspended_user_steers_nothing(app):
    execution = await start(app, ASK)
    await suspend(app, app.user.id)
    with pytest.raises(TrustError) as caught:
        await app.control.cancel(execution.id, by=app.user)
    assert caught.value.reason == "principal-not-active"
