"""What the gate stands on: the ports that its parts share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridle.core.clock import Clock
from bridle.core.errors import ExecutionError
from bridle.dispatch.protocol import Delegate
from bridle.gate.approvals import Approvals
from bridle.gate.budgets import Budgets, Price
from bridle.gate.facts import FactSource
from bridle.gate.inside import Inside
from bridle.gate.manifest import Manifest, Manifests
from bridle.trust.journal import Journal
from bridle.trust.keys import Signer, Verifier
from bridle.trust.policy import PolicyEngine
from bridle.trust.quorum import Terms
from bridle.trust.redaction import Redactor


@dataclass(frozen=True)
class Ports:
    """What the gate stands on."""

    journal: Journal
    approvals: Approvals
    budgets: Budgets
    facts: FactSource
    policy: PolicyEngine
    delegate: Delegate
    delegate_key: Verifier
    signer: Signer
    redactor: Redactor
    clock: Clock
    price: Price
    manifests: Manifests
    own_keys: bool = False
    inside: Inside | None = None

    def terms(self, wanted: Terms) -> Terms:
        """Return the terms of a request; where the account wants it, they take no word but one signed with a person's own key."""
        return replace(wanted, keys=True) if self.own_keys else wanted

    def manifest_of(self, tool: str) -> Manifest:
        """Return the manifest of a tool that was allowed once; raise ExecutionError when nothing is known of it any more."""
        manifest = self.manifests.get(tool)
        if manifest is None:
            raise ExecutionError(
                f"nothing is known of {tool} any more, and it was begun",
                hint="name its server again in the file of servers",
                reason="tool-gone",
            )
        return manifest
