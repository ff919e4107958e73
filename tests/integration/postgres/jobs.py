"""What the child processes of these tests do, beside the command line itself."""

import asyncio
import os

from bridle.app import open_app, prepare_sample, shipped
from bridle.core.settings import load_settings
from bridle.engine.control import Verdict
from bridle.pipeline.inputs import resolve_inputs
from bridle.surfaces.cli.commands.demo import RECORDED
from bridle.surfaces.cli.locking import read_plan

DIED = 9


def wait_for_a_person(url):
    """Start the sample's pipeline, print its id once it waits for a person, and stay."""
    asyncio.run(_wait_for_a_person(load_settings(store_url=url)))


def say_yes_and_die(url):
    """Record a person's yes and die before anybody is told of it."""
    asyncio.run(_say_yes_and_die(load_settings(store_url=url)))


async def _wait_for_a_person(settings):
    async with open_app(settings) as app:
        plan = read_plan(shipped("samples") / "autofix" / "pipeline.yaml")
        inputs = resolve_inputs(plan, {"repository": str(prepare_sample(settings))})
        options = {"model": RECORDED, "demo": True}
        execution = await app.control.start(plan, inputs=inputs, options=options, initiator=app.user)
        await app.control.follow(execution.id)
        print(execution.id, flush=True)
        await asyncio.Event().wait()


async def _say_yes_and_die(settings):
    async with open_app(settings) as app:

        async def die(execution, topic):
            os._exit(DIED)

        app.durable.wake = die
        (approval,) = await app.approvals.find()
        await app.control.give_verdict(approval.id, Verdict(True, app.user, name="ana"))
