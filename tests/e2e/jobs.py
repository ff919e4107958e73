"""What a child does beside the command line itself: the same commands, with one thing about the world changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.forks import command_line


def with_policies(job: Mapping[str, Any]) -> None:
    """Run a command of an installation that ships the policies in another folder."""
    from bridle.app import folders

    shipped = folders.shipped
    folders.shipped = lambda name: Path(job["policies"]) if name == "policies" else shipped(name)
    command_line(job["arguments"])


def with_another_result(arguments: list[str]) -> None:
    """Run a command of an installation whose delegate lists files in another form."""
    import bridle.delegate.app as root

    listed = root.EFFECTORS["file.list"]

    async def otherwise(task: Any, context: Any) -> Any:
        result = await listed(task, context)
        assert isinstance(result.value, Mapping)
        return replace(result, value={**result.value, "told": "otherwise"})

    root.EFFECTORS = {**root.EFFECTORS, "file.list": otherwise}
    command_line(arguments)


def with_key(job: Mapping[str, Any]) -> None:
    """Run a command whose model takes a key from the vault, as live ones do, and keep what it was asked in `asked`.

    It hands what it was asked back as its raw answer too, so that there is something to seal.
    """
    from bridle.adapters.models.scripted import ScriptedModel
    from bridle.core.canonical import canonical

    respond = ScriptedModel.respond
    log = os.open(job["asked"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def keyed(self: Any, payload: Any, *, vault: Any, **more: Any) -> Any:
        assert vault.resolve(job["key"])
        os.write(log, canonical(payload) + b"\n")
        reply = await respond(self, payload, vault=vault, **more)
        return replace(reply, raw=canonical(payload).decode())

    ScriptedModel.respond = keyed  # type: ignore[method-assign]
    command_line(job["arguments"])


def with_little_room(job: Mapping[str, Any]) -> None:
    """Run a command whose database may not grow beyond some pages: SQLite itself then says that the disk is full."""
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine

    @sa.event.listens_for(Engine, "connect")
    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {job['pages']}")

    command_line(job["arguments"])
