"""A whole delegate and its counterparts for the tests of this folder: control plane, sandbox, origin."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.boundary import Boundary, Suite
from bridle.core.canonical import Json
from bridle.core.clock import FrozenClock
from bridle.delegate.app import EFFECTORS, LOOK_UPS
from bridle.delegate.effectors import Effector, EffectorContext
from bridle.delegate.effectors.server import NoServers
from bridle.delegate.sandbox.policy import (
    Capabilities,
    Network,
    SandboxPolicy,
    SandboxResult,
    SandboxUnavailable,
)
from bridle.delegate.secret_outputs import SecretOutputs
from bridle.delegate.services import Services
from bridle.delegate.vault import Vault
from bridle.delegate.worker import Worker
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report, Request, Task, sign_permit
from bridle.trust.keys import Signer
from bridle.trust.redaction import Redactor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ME = "delegate:test"


Behaviour = Callable[[Path, Mapping[str, str]], SandboxResult]


def ended(exit_code: int = 0, *, stdout: bytes = b"", why: str = "exit") -> SandboxResult:
    return SandboxResult(why, exit_code, stdout, b"", truncated=False, duration_ms=1)


class FakeSandbox:
    """A fake: confines nothing, runs nothing. It calls `behave` with the workspace and notes the policy."""

    def __init__(self) -> None:
        self.behave: Behaviour = lambda *_: ended()
        self.policies: list[SandboxPolicy] = []
        self.argv: list[Sequence[str]] = []

    async def probe(self) -> Capabilities:
        return Capabilities("fake", (), (), {})

    async def run(
        self,
        policy: SandboxPolicy,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        network: Network | None = None,
        ended: asyncio.Event | None = None,
    ) -> SandboxResult:
        self.policies.append(policy)
        self.argv.append(argv)
        return self.behave(policy.workspace, policy.env)

    async def open_network(self) -> Network:
        raise SandboxUnavailable("a fake has no network")


@dataclass
class Bench:
    """A delegate, and the control plane's side of it: signs permits, keeps the tokens that live."""

    workspaces: Workspaces
    redactor: Redactor
    context: EffectorContext
    clock: FrozenClock
    control_plane: Signer
    delegate_key: Signer
    worker: Worker
    boundary: Boundary = field(default_factory=lambda: Boundary(write=("**",)))
    live: set[str] = field(default_factory=lambda: {"brt_live"})

    def task(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        expect: Mapping[str, Json] | None = None,
        delegate: str = ME,
        signer: Signer | None = None,
        ttl_s: int = 60,
        key: str = "exe_1/s#0.0",
        principal: str = "agent:bridle.fixer",
        **fields: object,
    ) -> Task:
        request = Request(key, tool, arguments, principal, "repair")
        permit = sign_permit(
            signer or self.control_plane,
            action_digest=request.digest,
            delegate=delegate,
            decision="rec_1",
            token_id="tok_1",  # noqa: S106 - a name
            expires_at=NOW + timedelta(seconds=ttl_s),
            expect=expect or {},
        )
        given = {"token": "brt_live", "workspace": "w", "boundary": self.boundary.to_json(), **fields}
        return Task(request, permit, **given)  # type: ignore[arg-type]

    async def do(self, tool: str, arguments: Mapping[str, Json], **options: object) -> Report:
        return await self.worker.carry_out(self.task(tool, arguments, **options))  # type: ignore[arg-type]

    @property
    def folder(self) -> Path:
        return self.workspaces.folder("w")


def build_bench(
    workspaces: Workspaces,
    sandbox: object,
    *,
    toolchain: Path | None = None,
    extra: Mapping[str, Effector] | None = None,
) -> Bench:
    redactor, clock = Redactor(key=b"k" * 32), FrozenClock(NOW)
    context = EffectorContext(
        workspaces=workspaces,
        sandbox=sandbox,  # type: ignore[arg-type]
        vault=Vault(redactor, environ={}),
        redactor=redactor,
        secret_outputs=SecretOutputs(workspaces.store / "secrets", key=b"k" * 32, redactor=redactor),
        clock=clock,
        servers=NoServers(),
        services=Services(sandbox),  # type: ignore[arg-type]
        toolchain=toolchain,
    )
    control_plane, key = Signer(Ed25519PrivateKey.generate()), Signer(Ed25519PrivateKey.generate())
    live = {"brt_live"}

    async def token_lives(secret: str, token_id: str) -> bool:
        return secret in live and token_id == "tok_1"  # noqa: S105 - a name

    worker = Worker(
        name=ME,
        context=context,
        effectors={**EFFECTORS, **(extra or {})},
        look_ups=LOOK_UPS,
        signer=key,
        control_plane=control_plane.verifier,
        token_lives=token_lives,
    )
    return Bench(workspaces, redactor, context, clock, control_plane, key, worker, live=live)


FILES = {
    "src/calc.py": "def add(a, b):\n    return a - b\n",
    "src/tests/test_calc.py": "from calc import add\n",
    "README": "calc\n",
}


@dataclass
class Origin:
    """A bare repository with one commit on main, and a way to run git in it."""

    path: Path

    def git(self, *arguments: str, stdin: str = "") -> str:
        env = {**os.environ, "GIT_DIR": str(self.path), "GIT_CONFIG_GLOBAL": "/dev/null", **_WHO}
        run = subprocess.run(
            ["git", *arguments], env=env, input=stdin, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    def commit(
        self, files: Mapping[str, str], *, parent: str = "", modes: Mapping[str, str] | None = None
    ) -> str:
        """Write a commit of `files` by plumbing, on top of `parent`; move main to it."""
        self.git("read-tree", "--empty")
        for path, content in files.items():
            mode = (modes or {}).get(path, "100644")
            oid = content if mode == "160000" else self.git("hash-object", "-w", "--stdin", stdin=content)
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")
        parents = ["-p", parent] if parent else []
        made = self.git("commit-tree", self.git("write-tree"), *parents, "-m", "a commit")
        self.git("update-ref", "refs/heads/main", made)
        return made


_WHO = {
    f"GIT_{role}_{name}": value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (("NAME", "n"), ("EMAIL", "n@example.invalid"), ("DATE", "@1000000000 +0000"))
}


REPAIR = Boundary(
    write=("src/**",),
    protect=("**/tests/**",),
    push=("bridle/**",),
    suite=Suite("run the suite", ".bridle/reports/*.xml"),
)
