"""`bridle kill`: stop an agent, a pipeline or everything at once, in all processes, until it is lifted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.trust.kills import Answer, Kill

Reason = Annotated[
    str,
    typer.Option(
        "--reason", help="Why, in two words at least: others have to understand it.", metavar="TEXT"
    ),
]
As = Annotated[str, typer.Option("--as", help="Your name.", metavar="NAME")]
NOT_ALL = 4


def register(app: typer.Typer) -> None:
    app.command(name="kill", epilog="Example: bridle kill --agent acme.clerk --reason 'it pays twice'")(kill)


def kill(
    agent: Annotated[str, typer.Option("--agent", help="Stop this agent.", metavar="NAME")] = "",
    pipeline: Annotated[str, typer.Option("--pipeline", help="Stop this pipeline.", metavar="ID")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Stop everything.")] = False,
    lift: Annotated[str, typer.Option("--lift", help="Let a kill count no more.", metavar="KILL")] = "",
    show: Annotated[
        bool, typer.Option("--list", help="Show the kills that stand, and who has answered.")
    ] = False,
    reason: Reason = "",
    as_name: As = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Stop it: processes are ended, tokens deleted, sessions closed, nothing queued begins, until the kill is lifted.

    Waits up to five seconds for every process that lives and tells which have confirmed; ends with 4 when one has not. What was
    cancelled stays cancelled. --lift ends a kill, --list shows those that stand.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store

    _check_one(agent, pipeline, everything, lift, show)
    settings = load_settings(store_url=store)
    check_store(settings)
    if show:
        return _show(asyncio.run(_list(settings)), as_json=as_json)
    if lift:
        lifted = asyncio.run(_lift(settings, lift, reason, as_name))
        if as_json:
            print_json({"lifted": lifted.to_json()})
        else:
            put(
                f"{lifted.id} is lifted: {lifted.what} may begin again. What was cancelled has to be started anew."
            )
        return 0
    made, answers = asyncio.run(_kill(settings, agent, pipeline, reason, as_name))
    if as_json:
        print_json({"kill": made.to_json(), "processes": [answer.to_json() for answer in answers]})
    else:
        _tell(made, answers)
    return 0 if all(answer.state == "confirmed" for answer in answers) else NOT_ALL


def _check_one(*wanted: str | bool) -> None:
    from bridle.core.errors import InputError

    if sum(map(bool, wanted)) != 1:
        raise InputError(
            "say one thing: what to stop, or which kill to lift",
            hint="bridle kill --agent NAME | --pipeline ID | --all | --lift KILL | --list",
            reason="not-one",
        )


async def _kill(
    settings: Any, agent: str, pipeline: str, reason: str, name: str
) -> tuple[Kill, list[Answer]]:
    from bridle.app import open_counter
    from bridle.trust.kills import Scope

    scope = Scope.AGENT if agent else Scope.PIPELINE if pipeline else Scope.ALL
    named = f"agent:{agent.removeprefix('agent:')}" if agent else pipeline
    async with open_counter(settings) as counter:
        made = await counter.store.kill_desk.kill(scope, named, reason=reason, by=counter.author(name))
        return made, await counter.store.kill_desk.await_answers(made)


async def _lift(settings: Any, kill_id: str, reason: str, name: str) -> Kill:
    from bridle.app import open_counter

    async with open_counter(settings) as counter:
        return await counter.store.kill_desk.lift(kill_id, reason=reason, by=counter.author(name))


async def _list(settings: Any) -> list[tuple[Kill, list[Answer]]]:
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        standing = await opened.kills.standing()
        return [(one, await opened.kills.answers(one.id)) for one in standing]


def _show(found: list[tuple[Kill, list[Answer]]], *, as_json: bool) -> int:
    if as_json:
        print_json(
            [{"kill": one.to_json(), "processes": [it.to_json() for it in said]} for one, said in found]
        )
        return 0
    for one, said in found:
        _tell(one, said)
    if not found:
        put("No kill stands.")
    return 0


def _tell(kill: Kill, answers: list[Answer]) -> None:
    put(f"{kill.id}: {kill.by} has stopped {kill.what}: {kill.reason}")
    put(f"  {len(kill.concerned)} executions and sessions were under way; none of them can begin anything")
    for answer in answers:
        put(f"  {answer.state:<12} {answer.process} ({answer.host}, process {answer.pid}){_describe(answer)}")
    put(f"  lift it with: bridle kill --lift {kill.id}")


def _describe(answer: Answer) -> str:
    if answer.left is None:
        return f": nothing heard; it can record nothing any more, and what it had begun may run on: kill -9 {answer.pid}"
    return (
        f" at {answer.at}" if not answer.left else f": {answer.left} calls that were sent are still under way"
    )
