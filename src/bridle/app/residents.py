"""The principals that are there before anybody else: the operating system's user, the control plane, the delegate."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import replace

from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.delegate.app import NAME as DELEGATE_NAME
from bridle.trust.journal import Entry, Guard, GuardError, Kind
from bridle.trust.keys import Signer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.quorum import CONTROL_PLANE


async def register_residents(
    journal: SqlJournal, principals: SqlPrincipals, delegate_signer: Signer
) -> Principal:
    """Register the operating system's user, the control plane and the delegate, once each; return the user as they stand.

    What one of them may do follows this version of Bridle; the delegate's key follows its rotations (app.rotating); state, owner
    and bindings stay as people left them, so that opening the system brings nobody back who was suspended.
    """
    seen: list[Principal | None] = []
    while True:
        residents = _residents(delegate_signer)
        found = [await principals.get(resident.id) for resident in residents]
        standing = [_stand(*pair) for pair in zip(residents, found, strict=True)]
        try:
            await _register(journal, standing, found)
            return standing[0]
        except GuardError:  # another process opens the system as well, and was first
            if found == seen:
                raise
            seen = found


async def _register(
    journal: SqlJournal, standing: Sequence[Principal], found: Sequence[Principal | None]
) -> None:
    pairs = [pair for pair in zip(standing, found, strict=True) if pair[0] != pair[1]]
    if pairs:
        entries = [Entry(Kind.PRINCIPAL_REGISTERED, "", one.id, one.to_json()) for one, _ in pairs]
        guards: list[Guard] = [RegisterPrincipal(one, known) for one, known in pairs]
        await journal.append(entries, guards)


def _stand(resident: Principal, known: Principal | None) -> Principal:
    if known is None:
        return resident
    return replace(known, permissions=resident.permissions)


def _residents(delegate_signer: Signer) -> list[Principal]:
    name = getpass.getuser()
    user = Principal(PrincipalKind.USER, name, f"user:{name}", frozenset(), asserted=True)  # roles say what
    _, _, control_plane = CONTROL_PLANE.partition(":")
    return [
        user,
        Principal(
            PrincipalKind.SERVICE,
            control_plane,
            user.id,
            frozenset(
                {
                    "workspace:verify",
                    "server:describe",
                    "server:lookup",
                    "case:open",
                    "case:exception",
                    "case:escalate",
                }
            ),
        ),
        Principal(
            PrincipalKind.DELEGATE,
            DELEGATE_NAME.partition(":")[2],
            user.id,
            frozenset(),
            public_key=delegate_signer.verifier.raw.hex(),
        ),
    ]
