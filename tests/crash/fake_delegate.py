"""A delegate that carries out the random pipelines without a sandbox: workspaces are JSON, scripts are two or three words.

It holds to what a delegate promises: a task whose token is dead is refused, a tree is put back first when the task says so, a
merge leaves the forks, a drop and a save can be done twice. It keeps a ledger, outside every workspace, with a line for each
effect: the key, the tool, whether the tree before was put back, and the process.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bridle.core.canonical import Json, canonical, digest_bytes
from bridle.core.errors import ExecutionError, TrustError
from bridle.dispatch.protocol import Report, Task, sign_report
from bridle.trust.keys import Signer

ECHO = re.compile(r"echo (\S+) >> (\S+)")
COUNT = re.compile(r"test \$\(wc -l < (\S+)\) -ge (\d+)")
AT_LEAST = re.compile(r"test (\d+) -ge (\d+)")
EXIT = re.compile(r"exit (\d+)")
Files = dict[str, list[str]]


class FakeWorld:
    """The workspaces, the trees and the ledger, in a folder that every process sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ledger = folder / "ledger"
        for name in ("workspaces", "trees"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def read(self, workspace: str) -> Files:
        path = self.folder / "workspaces" / workspace
        files: Files = json.loads(path.read_bytes()) if path.exists() else {}
        return files

    def write(self, workspace: str, files: Files) -> None:
        _replace(self.folder / "workspaces" / workspace, canonical(files))

    def drop(self, workspace: str) -> None:
        (self.folder / "workspaces" / workspace).unlink(missing_ok=True)

    def snapshot(self, workspace: str) -> str:
        content = canonical(self.read(workspace))
        tree = digest_bytes(content)
        _replace(self.folder / "trees" / tree, content)
        return tree

    def tree(self, tree: str) -> Files:
        files: Files = json.loads((self.folder / "trees" / tree).read_bytes())
        return files

    def workspaces(self) -> dict[str, Files]:
        """Return what lies in every workspace, by name."""
        return {
            path.name: self.read(path.name)
            for path in (self.folder / "workspaces").iterdir()
            if path.suffix != ".new"
        }

    def note(self, **line: Json) -> None:
        with self._ledger.open("ab", buffering=0) as ledger:
            ledger.write(canonical(line) + b"\n")

    def ledger(self) -> list[dict[str, Any]]:
        """Return the effects, in order."""
        return (
            [json.loads(line) for line in self._ledger.read_bytes().splitlines()]
            if self._ledger.exists()
            else []
        )


class FakeDelegate:
    """Implements `dispatch.protocol.Delegate` on a FakeWorld."""

    name = "delegate:local"

    def __init__(self, world: FakeWorld, signer: Signer, token_lives: Any) -> None:
        self._world = world
        self._signer = signer
        self._token_lives = token_lives

    async def carry_out(self, task: Task) -> Report:
        if not await self._token_lives(task.token, task.permit.token_id):
            raise TrustError("the token is dead", reason="token-dead")
        self._world.note(
            key=task.request.key, tool=task.request.tool, restored=bool(task.restore_to), pid=os.getpid()
        )
        if task.restore_to:
            self._world.write(task.workspace, self._world.tree(task.restore_to))
        status, value = TOOLS[task.request.tool](self._world, task)
        return sign_report(
            self._signer,
            action_digest=task.request.digest,
            delegate=self.name,
            status=status,
            value=value,
            facts={"tree": self._world.snapshot(task.workspace)},
        )

    async def look_up(self, task: Task) -> Report | None:
        return None

    async def cancel(self, execution: str) -> int:
        return 0

    async def running(self, execution: str) -> int:
        return 0

    async def snapshot(self, workspace: str) -> str:
        return self._world.snapshot(workspace)

    async def probe(self) -> Mapping[str, Json]:
        return {"backend": "fake"}

    async def close(self) -> None:
        """There is nothing to let go of."""


def _run(world: FakeWorld, task: Task) -> tuple[str, Json]:
    files, code = world.read(task.workspace), 0
    for command in str(task.request.arguments["script"]).split("; "):
        code = _do(command, files)
    world.write(task.workspace, files)
    value: Json = {"exit_code": code, "why": "exit", "outputs": {}}
    return ("failed" if code else "succeeded"), value


def _do(command: str, files: Files) -> int:
    if found := ECHO.fullmatch(command):
        files.setdefault(found[2], []).append(found[1])
        return 0
    if found := COUNT.fullmatch(command):
        return int(len(files.get(found[1], [])) < int(found[2]))
    if found := AT_LEAST.fullmatch(command):
        return int(int(found[1]) < int(found[2]))
    if found := EXIT.fullmatch(command):
        return int(found[1])
    raise ExecutionError(f"this is no script that is known here: {command}", reason="fake-script")


def _fork(world: FakeWorld, task: Task) -> tuple[str, Json]:
    source = str(task.request.arguments["source"])
    world.write(task.workspace, world.read(source))
    return "succeeded", {"tree": world.snapshot(source), "source": source}


def _merge(world: FakeWorld, task: Task) -> tuple[str, Json]:
    base, branches = world.tree(str(task.request.arguments["base"])), task.request.arguments["branches"]
    if world.read(task.workspace) != base:
        raise ExecutionError("the workspace is no longer where its forks began", reason="workspace-moved")
    merged = dict(base)
    assert isinstance(branches, (list, tuple))
    for branch in branches:
        assert isinstance(branch, Mapping)
        for name, lines in world.read(str(branch["name"])).items():
            if lines != base.get(name):
                if merged.get(name) not in (base.get(name), lines):
                    raise ExecutionError(
                        f"branches made different things of {name}", reason="workspace-conflict"
                    )
                merged[name] = lines
    world.write(task.workspace, merged)
    return "succeeded", {"tree": world.snapshot(task.workspace)}


def _drop(world: FakeWorld, task: Task) -> tuple[str, Json]:
    names = task.request.arguments["workspaces"]
    assert isinstance(names, (list, tuple))
    for name in names:
        world.drop(str(name))
    return "succeeded", {"dropped": list(names)}


def _save(world: FakeWorld, task: Task) -> tuple[str, Json]:
    lines = world.read(task.workspace).get(str(task.request.arguments["path"]), [])
    return "succeeded", {"name": task.request.arguments["name"], "digest": digest_bytes(canonical(lines))}


TOOLS: Mapping[str, Callable[[FakeWorld, Task], tuple[str, Json]]] = {
    "command.run": _run,
    "workspace.fork": _fork,
    "workspace.merge": _merge,
    "workspace.drop": _drop,
    "artifact.save": _save,
}


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
