"""The principals that are there before anybody else: the operating system's user, the control plane, the delegate."""

from __future__ import annotations

import getpass

from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.core.canonical import digest
from bridle.delegate.app import NAME as DELEGATE_NAME
from bridle.gate.manifest import builtin_manifests
from bridle.trust.journal import Entry, Guard, Kind
from bridle.trust.keys import Signer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.quorum import CONTROL_PLANE


async def register_residents(
    journal: SqlJournal, principals: SqlPrincipals, delegate_signer: Signer
) -> Principal:
    """Register the operating system's user, the control plane and the delegate, once each; return the user."""
    everything = frozenset(manifest.needs for manifest in builtin_manifests().values())
    name = getpass.getuser()
    user = Principal(
        PrincipalKind.USER, name, f"user:{name}", everything | {"approval:verdict"}, asserted=True
    )
    _, _, control_plane = CONTROL_PLANE.partition(":")
    residents = [
        user,
        Principal(PrincipalKind.SERVICE, control_plane, user.id, frozenset({"workspace:verify"})),
        Principal(
            PrincipalKind.DELEGATE,
            DELEGATE_NAME.partition(":")[2],
            user.id,
            frozenset(),
            public_key=delegate_signer.verifier.raw.hex(),
        ),
    ]
    entries: list[Entry] = []
    guards: list[Guard] = []
    for resident in residents:
        known = await principals.get(resident.id)
        if known is None or digest(known.to_json()) != digest(resident.to_json()):
            entries.append(Entry(Kind.PRINCIPAL_REGISTERED, "", resident.id, resident.to_json()))
            guards.append(RegisterPrincipal(resident))
    if entries:
        await journal.append(entries, guards)
    return user
