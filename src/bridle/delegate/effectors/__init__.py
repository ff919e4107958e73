"""What a delegate can do, one effector per tool, and the two records every effector shares.

An effector is a plain coroutine function. It gets a task that the worker has already checked (permit, digest,
payload, token, expectations) and what it may use. It returns a result, or raises InputError or
ExecutionError, which the worker turns into the status `failed`. It redacts nothing and signs nothing: the
worker does, afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.delegate.stops import Stop
from bridle.dispatch.protocol import Task

if TYPE_CHECKING:
    from bridle.delegate.effectors.server import ToolServers
    from bridle.delegate.sandbox.policy import Sandbox
    from bridle.delegate.secret_outputs import SecretOutputs
    from bridle.delegate.services import Services
    from bridle.delegate.vault import Vault
    from bridle.delegate.workspace import Workspaces
    from bridle.trust.redaction import Redactor


@dataclass(frozen=True)
class EffectorContext:
    """What an effector may use. `toolchain` is the virtual environment that commands see, if there is one;
    `attestors` the folder of public keys whose signatures on provenances count; `stop` says
    that this one task shall end."""

    workspaces: Workspaces
    sandbox: Sandbox
    vault: Vault
    redactor: Redactor
    secret_outputs: SecretOutputs
    clock: Clock
    servers: ToolServers
    services: Services
    toolchain: Path | None = None
    attestors: Path | None = None
    stop: Stop = field(default_factory=Stop)


@dataclass(frozen=True)
class EffectorResult:
    """What became of it: see `dispatch.protocol.Report`, whose unsigned and unredacted form this is."""

    status: str
    value: Json
    facts: Mapping[str, Json] = field(default_factory=dict)
    private: bytes = field(default=b"", repr=False)


Effector: TypeAlias = Callable[[Task, EffectorContext], Awaitable[EffectorResult]]
