"""A gate's ports on a real store: everything is real but who carries out, which each test brings."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from bridle.adapters.limits.file import LimitsFile
from bridle.adapters.sql.approvals import SqlApprovals
from bridle.adapters.sql.attempts import SqlAttempts
from bridle.adapters.sql.breakers import SqlCircuits
from bridle.adapters.sql.budgets import SqlBudgets
from bridle.adapters.sql.database import Database
from bridle.adapters.sql.deeds import SqlDeeds
from bridle.adapters.sql.limits import SqlRooms
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.tokens import SqlTokens
from bridle.adapters.sql.writings import SqlWritings
from bridle.core.clock import Clock
from bridle.gate.external import Catalogue
from bridle.gate.facts import FactSource
from bridle.gate.fleet import FleetLimits
from bridle.gate.inside import Inside
from bridle.gate.ports import Ports
from bridle.trust.journal import Journal
from bridle.trust.keys import Signer, Verifier
from bridle.trust.redaction import Redactor


def build_ports(
    database: Database,
    journal: Journal,
    *,
    signer: Signer,
    clock: Clock,
    policy: Any,
    delegate: Any,
    folder: Path,
    delegate_key: Verifier | None = None,
    inside: Inside | None = None,
    **facts: Any,
) -> Ports:
    """Return the ports; `delegate` has a `signer` of its own unless its key is given, `facts` are other parts of their source.

    The only model with a price is called `priced`. Limits are those that ship, unless `folder` has a file of them.
    """
    budgets = SqlBudgets(database)
    parts = {
        "journal": journal,
        "principals": SqlPrincipals(database),
        "tokens": SqlTokens(database),
        "budgets": budgets,
        "deeds": SqlDeeds(database),
        "attempts": SqlAttempts(database),
        "writings": SqlWritings(database),
        "limits": FleetLimits(LimitsFile(folder), SqlRooms(database), SqlCircuits(database)),
        "clock": clock,
        "manifests": Catalogue(),
        "inside": inside,
        "price": _price,
        **facts,
    }
    return Ports(
        journal=journal,
        approvals=SqlApprovals(database),
        budgets=budgets,
        facts=FactSource(**parts),
        manifests=parts["manifests"],
        policy=policy,
        delegate=delegate,
        delegate_key=delegate_key or delegate.signer.verifier,
        signer=signer,
        redactor=Redactor(),
        clock=clock,
        price=_price,
        inside=inside,
    )


def _price(model: str, given: int, taken: int) -> Decimal | None:
    return Decimal("0.5") if model == "priced" else None
