"""`bridle tools`: the tools of MCP servers, what is known of them, and approving what a server says anew."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.core.errors import WaitingError
from bridle.surfaces.cli.commands.dev import Servers, with_servers
from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.gate.external import Pin
    from bridle.gate.manifest import Manifest

tools_app = typer.Typer(
    help="Tools of MCP servers: what is known of them, and whether it still holds.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.add_typer(tools_app, name="tools")


@tools_app.command(name="list", epilog="Example: bridle tools list --servers servers.yaml --json")
def tools_list(servers: Servers = None, store: Store = "", as_json: AsJson = False) -> int:
    """Ask every server what it has, and list each tool with its effect, and with what stops it if something does."""
    found = asyncio.run(_list(_settings(servers, store)))
    if as_json:
        print_json(found)
        return 0
    for item in found:
        put(f"{item['tool']:<44} {item['effect']:<14} {item['recovery']:<7} {item['risk']}")
        if item["stopped"]:
            put(f"  stopped: {item['stopped']}")
        if item["substitute"]:
            put(f"  where it is known not to have done it: {item['substitute']}")
        if item["no_substitute"]:
            put(f"  no substitute: {item['no_substitute']}")
    if not found:
        put("No tools: name servers with --servers FILE")
    return 0


@tools_app.command(
    name="approve", epilog="Example: bridle tools approve mcp.refunds.issue_refund --digest sha256:1f…"
)
def tools_approve(
    tool: Annotated[str, typer.Argument(help="The tool, as `bridle tools list` has it.", metavar="TOOL")],
    digest: Annotated[str, typer.Option(help="What is approved: the digest that was shown.")] = "",
    servers: Servers = None,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Show what a server says of a tool now and did not before; with its digest, approve exactly that.

    Approvals that rested on the old words are void.
    """
    pin = asyncio.run(_approve(_settings(servers, store), tool, digest))
    assert pin.seen is not None
    if as_json:
        told = {"before": pin.pinned.to_json(), "now": pin.seen.to_json(), "approved": bool(digest)}
        print_json({"tool": tool, **told})
    else:
        put(_difference(pin))
        put(
            f"{tool} is approved as it is described now"
            if digest
            else f"Approve exactly this: bridle tools approve {tool} --digest {pin.seen.digest}"
        )
    return 0 if digest else WaitingError.exit_code


def _settings(servers: Path | None, store: str) -> Settings:
    from bridle.core.settings import load_settings

    return with_servers(load_settings(store_url=store), servers)


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


def _difference(pin: Pin) -> str:
    """Return what changed between what was approved and what the server says now."""
    assert pin.seen is not None
    old, new = (
        json.dumps(said.to_json(), indent=1, sort_keys=True).splitlines() for said in (pin.pinned, pin.seen)
    )
    return "\n".join(difflib.unified_diff(old, new, "approved", "now", lineterm=""))
