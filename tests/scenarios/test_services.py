"""Background services that are lost, cancelled or asked for by whom they are not for."""

import asyncio

import pytest

from bridle.engine.control import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind

SERVES = """\
pipeline:
  id: serves
  stages:
    - id: s
      steps:
        - {id: web, background: 'echo $$ > page; exec python3 -m http.server 8090 --bind 127.0.0.1'}
        - {id: asked, approval: {uses: harness, with: {message: Go on?}}}
        - {id: reads, run: 'for _ in 1 2 3 4 5 6 7 8 9 10; do python3 -c "$FETCH" && exit; sleep 0.1; done; exit 1'}
        - {id: long, if: <+inputs.long>, run: sleep 60}
  inputs: {long: {type: boolean, default: false}}
  env: {FETCH: 'import urllib.request as u; u.urlopen("http://127.0.0.1:8090/page")'}
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def begin(app, *, long=False):
    plan = read_pipeline(SERVES, source="serves.yaml")
    inputs = resolve_inputs(plan, {"long": long})
    return await app.control.start(plan, inputs=inputs, options={}, initiator=app.user)


async def approve(app, execution):
    async with asyncio.timeout(20):
        while not (asked := await _find_open(app, execution)):  # noqa: ASYNC110 - another task asks
            await asyncio.sleep(0.02)
    await app.control.give_verdict(asked[0].id, Verdict(by=app.user, approved=True))


async def _find_open(app, execution):
    return await app.approvals.find(execution=execution.id, states=(ApprovalState.OPEN,))


async def until(holds):
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - another task makes it so
            await asyncio.sleep(0.02)


async def ends(app, execution):
    records = await app.journal.read(execution=execution.id, kinds=(Kind.STEP_ENDED,))
    return {record.subject: record.body["state"] for record in records}


async def test_a_service_whose_process_is_gone_is_begun_again_before_the_next_step_that_reaches_it(app):
    execution = await begin(app)
    await until(lambda: app.delegate.serves(execution.id, "s/web"))
    await app.delegate._context.services.close()  # what the end of the process that carried it does
    assert await app.delegate.running(execution.id) == 0
    await approve(app, execution)
    await app.control.follow(execution.id)
    told = await ends(app, execution)
    assert (told["s/reads"], told["s/web/ended"]) == ("succeeded", "succeeded")
    starts = await app.journal.read(execution=execution.id, kinds=(Kind.OUTCOME,))
    assert [one.subject for one in starts if one.body["tool"] == "command.start"] == [
        f"{execution.id}/s/web#0.0",
        f"{execution.id}/s/web#0.1",
    ]


async def test_a_cancel_ends_a_service(app):
    execution = await begin(app, long=True)
    await approve(app, execution)

    async def long_runs():
        return await app.delegate.running(execution.id) == 2

    await until(long_runs)
    await app.control.cancel(execution.id, by=app.user)
    ended = await app.control.follow(execution.id)
    assert str(ended.state) == "cancelled"
    assert await app.delegate.running(execution.id) == 0
    assert not await app.delegate.serves(execution.id, "s/web")
    assert (await ends(app, execution))["s/web/ended"] == "succeeded"
