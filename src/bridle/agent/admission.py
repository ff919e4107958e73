"""Which version of an agent acts: it is registered before its first action, wherever that is."""

from __future__ import annotations

from bridle.agent.definition import AgentDefinition
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.lifecycle import admit_version
from bridle.trust.principals import Principal, PrincipalKind, Principals, RegisterPrincipal


def describe_agent(definition: AgentDefinition) -> Principal:
    """Return the principal that an agent's file describes; whether it may act is not the file's to say."""
    return Principal(
        kind=PrincipalKind.AGENT,
        name=definition.name,
        owner=definition.owner,
        permissions=definition.permissions,
        version=definition.version,
        digest=definition.digest,
        purpose=str(definition.purpose),
    )


async def admit_agent(
    definition: AgentDefinition, *, stream: str, principals: Principals, journal: Journal, first_use: bool
) -> Principal:
    """Return the agent as it stands, registered when it or its version is new; raise TrustError for a version not approved.

    `stream` is the execution or session that it is admitted for.
    """
    new = describe_agent(definition)
    known = await principals.get(new.id)
    while True:
        admitted = admit_version(known, new, first_use=first_use)
        if admitted == known:
            return admitted
        entry = Entry(Kind.PRINCIPAL_REGISTERED, stream, new.id, admitted.to_json())
        try:
            await journal.append([entry], [RegisterPrincipal(admitted, known)])
            return admitted
        except GuardError:
            seen, known = known, await principals.get(new.id)
            if seen == known:  # it was not that somebody changed it meanwhile
                raise
