"""`bridle kill`: stop an agent, a pipeline or everything at once, in all processes, until it is lifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import (
    Answer,
    command,
    existing_counter,
    existing_store,
    root,
    settings_alone,
)

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.trust.kills import Answer as Answered
    from bridle.trust.kills import Kill

Reason = Annotated[
    str, typer.Option("--reason", help="Why: whoever is stopped by it is shown it.", metavar="TEXT")
]
As = Annotated[str, typer.Option("--as", help="Your name.", metavar="NAME")]
NOT_ALL = 4


@command(root, "kill", "bridle kill --agent acme.clerk --reason 'it pays twice'", opens=settings_alone)
async def kill(
    settings: Settings,
    agent: Annotated[str, typer.Option("--agent", help="Stop this agent.", metavar="NAME")] = "",
    pipeline: Annotated[str, typer.Option("--pipeline", help="Stop this pipeline.", metavar="ID")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Stop everything.")] = False,
    lift: Annotated[str, typer.Option("--lift", help="Let a kill count no more.", metavar="KILL")] = "",
    show: Annotated[
        bool, typer.Option("--list", help="Show the kills that stand, and who has answered.")
    ] = False,
    reason: Reason = "",
    as_name: As = "",
) -> Answer:
    """Stop an agent, a pipeline or everything at once: processes are ended, tokens deleted, sessions closed, nothing queued
    begins, until the kill is lifted.

    Waits up to five seconds for every process that lives and tells which have confirmed; ends with 4 when one has not. What was
    cancelled stays cancelled. --lift ends a kill, --list shows those that stand.
    """
    from bridle.trust.kills import Scope

    _check_one(agent, pipeline, everything, lift, show)
    if show:
        return await _list(settings)
    async with existing_counter(settings) as at:
        by = at.author(as_name)
        if lift:
            lifted = await at.store.kill_desk.lift(lift, reason=reason, by=by)
            again = "may begin again. What was cancelled has to be started anew."
            return Answer({"lifted": lifted.to_json()}, f"{lifted.id} is lifted: {lifted.what} {again}")
        scope = Scope.AGENT if agent else Scope.PIPELINE if pipeline else Scope.ALL
        named = f"agent:{agent.removeprefix('agent:')}" if agent else pipeline
        made = await at.store.kill_desk.kill(scope, named, reason=reason, by=by)
        answers = await at.store.kill_desk.await_answers(made)
    confirmed = all(answer.state == "confirmed" for answer in answers)
    return Answer(_document(made, answers), _tell(made, answers), code=0 if confirmed else NOT_ALL)


def _check_one(*wanted: str | bool) -> None:
    from bridle.core.errors import InputError

    if sum(map(bool, wanted)) != 1:
        raise InputError(
            "say one thing: what to stop, or which kill to lift",
            hint="bridle kill --agent NAME | --pipeline ID | --all | --lift KILL | --list",
            reason="not-one",
        )


async def _list(settings: Settings) -> Answer:
    async with existing_store(settings) as store:
        found = [(one, await store.kills.answers(one.id)) for one in await store.kills.standing()]
    lines = [line for one, said in found for line in _tell(one, said)]
    return Answer([_document(one, said) for one, said in found], lines or "No kill stands.")


def _document(kill: Kill, answers: list[Answered]) -> dict[str, Any]:
    return {"kill": kill.to_json(), "processes": [answer.to_json() for answer in answers]}


def _tell(kill: Kill, answers: list[Answered]) -> Iterator[str]:
    yield f"{kill.id}: {kill.by} has stopped {kill.what}: {kill.reason}"
    yield f"  {len(kill.concerned)} executions and sessions were under way; none of them can begin anything"
    for answer in answers:
        yield f"  {answer.state:<12} {answer.process} ({answer.host}, process {answer.pid}){_describe(answer)}"
    yield f"  lift it with: bridle kill --lift {kill.id}"


def _describe(answer: Answered) -> str:
    if answer.left is None:
        return f": nothing heard; it can record nothing any more, and what it had begun may run on: kill -9 {answer.pid}"
    return (
        f" at {answer.at}" if not answer.left else f": {answer.left} calls that were sent are still under way"
    )
