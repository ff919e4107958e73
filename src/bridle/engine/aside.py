"""Actions that the engine performs beside a step's own: as the person who started the execution, each with a token of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import UnavailableError
from bridle.dispatch.protocol import Request
from bridle.engine.desk import Desk
from bridle.engine.execution import place_of
from bridle.gate.action import Action, Denied, Done, Purpose, action_key
from bridle.trust.journal import Kind
from bridle.trust.kills import Killed
from bridle.trust.tokens import DeleteTokens, Minted, MintToken, describe_token, mint

TOKEN_TTL = timedelta(hours=1)


def plain_action(
    desk: Desk, path: str, tool: str, arguments: Mapping[str, Json], *, workspace: str, token: str = ""
) -> Action:
    """Return an action at `path` that is no step's."""
    request = Request(
        key=action_key(desk.execution.id, path),
        tool=tool,
        arguments=arguments,
        principal=desk.execution.initiator,
        purpose=str(Purpose.BUILD),
    )
    return Action(
        request=request,
        execution=desk.execution.id,
        step=path,
        boundary=Boundary(write=("**",)),
        token=token,
        workspace=workspace,
    )


async def act_aside(
    desk: Desk,
    path: str,
    tool: str,
    arguments: Mapping[str, Json],
    *,
    workspace: str,
    asked_for: frozenset[str] = frozenset({"workspace:use"}),
) -> Done | str:
    """Perform one action; return what came of it, or why it was not done."""
    return await perform_aside(
        desk,
        path,
        lambda minted: plain_action(desk, path, tool, arguments, workspace=workspace, token=minted.secret),
        asked_for=asked_for,
    )


async def perform_aside(
    desk: Desk,
    path: str,
    make: Callable[[Minted], Action],
    *,
    asked_for: frozenset[str],
    deployment: Mapping[str, Json] | None = None,
) -> Done | str:
    """Perform the action that `make` makes with a token for `path`; return what came of it, or why it was not done."""
    place = place_of(desk.execution, deployment)
    initiator = await desk.bench.principals.get(desk.execution.initiator, place)
    assert initiator is not None  # it was registered before the execution was
    minted = mint(
        actor=initiator,
        initiator=initiator,
        asked_for=asked_for,
        execution=desk.execution.id,
        step=path,
        expires_at=desk.now() + TOKEN_TTL,
        place=place,
        boundary=desk.bench.principals.boundary(place),
    )
    try:
        await desk.append(
            [desk.entry(Kind.TOKEN_MINTED, minted.token.id, describe_token(minted))],
            [DeleteTokens(desk.execution.id, path), MintToken(minted.token)],
        )
    except Killed as killed:
        return killed.what
    action = make(minted)
    result = await desk.bench.gate.perform(action)
    await desk.append(
        [desk.entry(Kind.TOKEN_DELETED, path, {"step": path})], [DeleteTokens(desk.execution.id, path)]
    )
    if isinstance(result, Done) and result.status == "succeeded":
        return result
    if isinstance(result, Done):
        value = result.value if isinstance(result.value, Mapping) else {}
        told = "; ".join(str(value[name]) for name in ("error", "next") if value.get(name))
        return told or f"{action.request.tool} failed"
    if isinstance(result, Denied):
        return f"{result.rule}: {result.reason}"
    raise UnavailableError(
        f"{action.request.tool} did not end: {result}", hint="bridle resume goes on from there"
    )
