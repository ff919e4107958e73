"""`bridle demo`: the main job, on a real project with a real failing build."""

from __future__ import annotations

import asyncio
import sys
from shutil import which
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import command, root, settings_alone
from bridle.surfaces.cli.options import (
    ApproveAs,
    AsJson,
    Model,
    NoInput,
    Quiet,
    is_terminal,
    say,
)

if TYPE_CHECKING:
    from bridle.app import App
    from bridle.core.settings import Settings
    from bridle.engine.execution import Execution
    from bridle.surfaces.cli.carry import Manner

PIPELINE = "autofix"
RECORDED = "recorded:autofix/turns.json"
ANEW = ("a", "anew")
ANSWERS = ("", "r", "resume", *ANEW)


@command(root, "demo", "bridle demo --approve-as ana", opens=settings_alone, policies=True)
async def demo(
    settings: Settings,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew, even if an earlier demo waits.")
    ] = False,
    model: Model = "",
    approve_as: ApproveAs = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Let a governed agent repair a real failing build; approve the repair, ship it, and verify the evidence.

    Without --model the agent's turns are recorded ones, played from a file; everything else is real.
    """
    from bridle.app import open_app
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.checks_machine import require_toolchain
    from bridle.surfaces.cli.closing import conclude, follow
    from bridle.surfaces.cli.models import check_model, require_model

    check_model(model)
    if model:
        require_model(model)
    require_toolchain(settings)
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    if not manner.quiet:
        say(f"Data in {settings.data_dir}, workspaces in {settings.work_dir}, keys in {settings.config_dir}.")
    async with open_app(settings) as app:
        execution = None if fresh else await _earlier(app, manner)
        if execution is None:
            execution = await _start(app, model or RECORDED)
        else:
            await app.control.carry_on(execution.id)
        code = conclude(await follow(app, execution.id, manner), as_json=as_json)
    if not manner.quiet:
        say_where_bridle_is()
    return code


def say_where_bridle_is() -> None:
    """Say what to type for `bridle`, which the lines before it call, where the shell would not find it."""
    if which("bridle") is None:
        say(f"`bridle` is {sys.argv[0]}: it is not on your PATH.")


async def _earlier(app: App, manner: Manner) -> Execution | None:
    """Return an earlier demo that has not ended, if it is to be resumed: asked on a terminal, taken elsewhere."""
    from bridle.core.states import State
    from bridle.surfaces.cli.asking import ask

    live = [state for state in State if not state.ended]
    found = [item for item in await app.executions.find(states=live) if item.options.get("demo")]
    if not found:
        return None
    say(f"An earlier demo has not ended: {found[0].id} ({found[0].state}).")
    if is_terminal(no_input=manner.no_input):
        while (word := await ask("[r]esume it or start [a]new? [r] ")) not in ANSWERS:
            say("Type r or a.")
        return None if word in ANEW else found[0]
    say("Resuming it; --fresh starts anew.")
    return found[0]


async def _start(app: App, model: str) -> Execution:
    from bridle.app import prepare_sample, shipped
    from bridle.pipeline.inputs import resolve_inputs
    from bridle.surfaces.cli.locking import read_plan

    plan = read_plan(shipped("samples") / PIPELINE / "pipeline.yaml")
    origin = await asyncio.to_thread(prepare_sample, app.settings)
    inputs = resolve_inputs(plan, {"repository": str(origin)})
    return await app.control.start(
        plan, inputs=inputs, options={"model": model, "demo": True}, initiator=app.user
    )
