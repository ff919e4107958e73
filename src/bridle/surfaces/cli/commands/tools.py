"""`bridle tools`: the tools of MCP servers, what is known of them, and approving what a server says anew."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.core.errors import WaitingError
from bridle.surfaces.cli.command import Answer, command, group, settings_alone
from bridle.surfaces.cli.commands.dev import Servers, with_servers

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.gate.external import Pin
    from bridle.gate.manifest import Manifest

external = group("tools", tells="Tools of MCP servers: what is known of them, and whether it still holds.")
asks = partial(command, external, opens=settings_alone)


@asks("list", "bridle tools list --servers servers.yaml --json")
async def tools_list(settings: Settings, servers: Servers = None) -> Answer:
    """Ask every server what it has, and list each tool with its effect, and with what stops it if something does."""
    found = await _list(with_servers(settings, servers))
    lines = [line for item in found for line in _tell(item)]
    return Answer(found, lines or "No tools: name servers with --servers FILE")


def _tell(item: dict[str, Any]) -> Iterator[str]:
    yield f"{item['tool']:<44} {item['effect']:<14} {item['recovery']:<7} {item['risk']}"
    if item["stopped"]:
        yield f"  stopped: {item['stopped']}"
    if item["substitute"]:
        yield f"  where it is known not to have done it: {item['substitute']}"
    if item["no_substitute"]:
        yield f"  no substitute: {item['no_substitute']}"


@asks("approve", "bridle tools approve mcp.refunds.issue_refund --digest sha256:1f…")
async def tools_approve(
    settings: Settings,
    tool: Annotated[str, typer.Argument(help="The tool, as `bridle tools list` has it.", metavar="TOOL")],
    digest: Annotated[str, typer.Option(help="What is approved: the digest that was shown.")] = "",
    servers: Servers = None,
) -> Answer:
    """Show what a server says of a tool now and did not before; with its digest, approve exactly that.

    Approvals that rested on the old words are void.
    """
    pin = await _approve(with_servers(settings, servers), tool, digest)
    assert pin.seen is not None
    document = {
        "tool": tool,
        "before": pin.pinned.to_json(),
        "now": pin.seen.to_json(),
        "approved": bool(digest),
    }
    if digest:
        return Answer(document, [*_difference(pin), f"{tool} is approved as it is described now"])
    call = f"bridle tools approve {tool} --digest {pin.seen.digest}"
    return Answer(document, [*_difference(pin), f"Approve exactly this: {call}"], code=WaitingError.exit_code)


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from bridle.app import open_app

    async with open_app(settings) as app:
        for name in app.tools.servers:
            await app.tools.look(name)
        known = app.tools.known()
        return [_describe(manifest, known) for manifest in known.values()]


async def _approve(settings: Settings, tool: str, digest: str) -> Pin:
    """Return what changed; approve it if `digest` is that of what the server says now."""
    from bridle.app import open_app

    async with open_app(settings) as app:
        for name in app.tools.servers:
            if tool.startswith(f"mcp.{name}."):
                await app.tools.look(name)
        changed = await app.tools.find_changed(tool)
        if digest:
            await app.tools.approve(tool, digest=digest, by=app.user.id)
        return changed


def _describe(manifest: Manifest, known: Mapping[str, Manifest]) -> dict[str, Any]:
    from bridle.gate.rerouting import complain_of_substitute

    return {
        "tool": manifest.tool,
        "description": manifest.description,
        "effect": str(manifest.effect),
        "recovery": str(manifest.recovery),
        "risk": str(manifest.risk),
        "control": dict(manifest.control),
        "stopped": manifest.stopped,
        "substitute": manifest.substitute.tool if manifest.substitute else "",
        "no_substitute": complain_of_substitute(manifest, known.get),
        "digest": manifest.digest,
    }


def _difference(pin: Pin) -> Iterator[str]:
    """Return what changed between what was approved and what the server says now, as lines."""
    assert pin.seen is not None
    old, new = (
        json.dumps(said.to_json(), indent=1, sort_keys=True).splitlines() for said in (pin.pinned, pin.seen)
    )
    return difflib.unified_diff(old, new, "approved", "now", lineterm="")
