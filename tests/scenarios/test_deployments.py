"""Where an action takes effect is a fact of its decision: policy can tell production from everything else."""

import asyncio

import pytest

from bridle.engine.starting import derive_id
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind

LIMIT_S = 60.0
PIPELINE = """
pipeline:
  id: facts
  stages:
    - id: plain
      steps: [{id: a, run: "true"}]
    - id: prod
      service: shop
      environment: {id: eu, deploy-to: k8s}
      steps:
        - {id: a, run: "true"}
        - {id: both, parallel: {steps: [{id: l, run: "true"}, {id: r, run: "true"}]}}
        - {id: fails, run: exit 1, on-failure: stage-rollback}
      rollback: [{id: back, run: "true"}]
    - id: staging
      environment: {id: st, type: non-production}
      steps: [{id: a, run: "true"}]
"""
PROD = {"service": "shop", "environment": "eu", "type": "production", "infrastructure": "k8s"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_decision_of_a_stage_knows_what_it_deploys_and_where(app):
    plan = read_pipeline(PIPELINE, source="facts.yaml")
    execution = await app.control.start(plan, inputs=resolve_inputs(plan, {}), options={}, initiator=app.user)
    await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    known = {
        record.subject.partition("/")[2].partition("#")[0]: record.body["facts"]["deployment"]
        for one in (execution.id, derive_id(execution.id, "prod/rollback"))
        for record in await app.journal.read(execution=one, kinds=(Kind.DECIDED,))
        if record.body["request"]["tool"] == "command.run"
    }
    assert known == {
        "plain/a": None,
        "prod/a": PROD,
        "prod/both/l": PROD,
        "prod/both/r": PROD,
        "prod/fails": PROD,
        "prod/back": PROD,
        "staging/a": {"service": "", "environment": "st", "type": "non-production", "infrastructure": ""},
    }
