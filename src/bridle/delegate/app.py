"""The delegate's composition root: which effector does which tool, and what they may use."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.adapters.people.own_file import read_own_text
from bridle.adapters.people.redaction_file import load_redaction_rules
from bridle.core.clock import Clock
from bridle.core.settings import Settings
from bridle.delegate.connectors import FILE as CONNECTORS
from bridle.delegate.connectors import Connectors
from bridle.delegate.effectors import (
    Effector,
    EffectorContext,
    artifact,
    command,
    evidence,
    file,
    fork,
    git,
    git_restore,
    server,
    service,
    workspace,
)
from bridle.delegate.effectors.server import NoServers, ToolServers
from bridle.delegate.sandbox.policy import Sandbox
from bridle.delegate.secret_outputs import SecretOutputs
from bridle.delegate.servers import load_servers
from bridle.delegate.services import Services
from bridle.delegate.vault import Vault
from bridle.delegate.worker import ANY_EXTERNAL, LookUp, TokenLives, Worker
from bridle.delegate.workspace import Workspaces
from bridle.trust.keys import Signer, Verifier, load_secret
from bridle.trust.redaction import Redactor

NAME = "delegate:local"
ATTESTORS = "attestors"

EFFECTORS: Mapping[str, Effector] = {
    "file.list": file.list_files,
    "file.read": file.read,
    "file.search": file.search,
    "file.edit": file.edit,
    "command.run": command.run,
    "command.start": service.start,
    "command.stop": service.stop,
    "git.clone": git.clone,
    "git.commit": git.commit,
    "git.push": git.push,
    "git.restore": git_restore.restore,
    "workspace.verify": workspace.verify,
    "workspace.fork": fork.fork,
    "workspace.merge": fork.merge,
    "workspace.drop": fork.drop,
    "workspace.restore": fork.restore,
    "artifact.save": artifact.save,
    "artifact.load": artifact.load,
    "evidence.read": evidence.read,
    "server.describe": server.describe,
    ANY_EXTERNAL: server.call,
}
LOOK_UPS: Mapping[str, LookUp] = {
    "git.push": git.look_up_push,
    "git.restore": git_restore.look_up_restore,
    ANY_EXTERNAL: server.look_up,
}


def build_delegate(
    settings: Settings,
    *,
    signer: Signer,
    control_plane: Verifier,
    token_lives: TokenLives,
    clock: Clock,
    model_effector: Effector,
    sandbox: Sandbox | None = None,
    servers: ToolServers | None = None,
) -> Worker:
    """Build the delegate of this process; in tests `sandbox` stands in for bubblewrap, and `servers` for those of the file.

    Its workspaces and the toolchain lie in `settings.work_dir`, its redaction key and the account's rules in `config_dir`.
    The redaction key is kept, so that the same secret has the same mark before and after a restart.
    """
    key = load_secret(settings.config_dir / "redaction.key")
    redactor = Redactor(key=key, rules=load_redaction_rules(settings.config_dir))
    toolchain = settings.work_dir / "toolchain"
    vault = Vault(redactor, folder=settings.config_dir / "secrets")
    connectors = Connectors(lambda: read_own_text(settings.config_dir / CONNECTORS), resolve=vault.resolve)
    workspaces = Workspaces(
        settings.work_dir / "workspaces", store=settings.snapshots_dir, connectors=connectors
    )
    confines = sandbox or _default_sandbox()
    context = EffectorContext(
        workspaces=workspaces,
        sandbox=confines,
        services=Services(confines),
        vault=vault,
        redactor=redactor,
        secret_outputs=SecretOutputs(workspaces.store / "secrets", key=key, redactor=redactor),
        clock=clock,
        servers=servers or _open_servers(settings, vault),
        toolchain=toolchain.resolve() if toolchain.exists() else None,
        attestors=settings.config_dir / ATTESTORS,
    )
    return Worker(
        name=NAME,
        context=context,
        effectors={**EFFECTORS, "model.call": model_effector},
        look_ups=LOOK_UPS,
        signer=signer,
        control_plane=control_plane,
        token_lives=token_lives,
    )


def _open_servers(settings: Settings, vault: Vault) -> ToolServers:
    if settings.servers is None:
        return NoServers()
    from bridle.adapters.mcp.clients import McpServers  # heavy: only a delegate with servers needs it

    logs = settings.data_dir / "servers"
    return McpServers(load_servers(settings.servers), resolve=vault.resolve, logs=logs)


def _default_sandbox() -> Sandbox:
    from bridle.delegate.sandbox.bubblewrap import Bubblewrap

    return Bubblewrap()
