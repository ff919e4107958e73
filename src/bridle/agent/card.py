"""An agent's card, in the form of A2A 1.0: what others may know of it before they give it work.

Rules
  1. The card says what the file says: identity, version and its digest, what it is given and hands on, tools, boundary, limits,
     how it takes part in the organisation's work. What the file leaves unsaid is listed as such; the prompt stays in the file.
  2. What A2A has no field for stands in one extension of ours, which nobody has to understand.
  3. The interfaces are those that whoever publishes the card names. Without one the agent is described, and reached by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bridle.agent.definition import AgentDefinition
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.jws import sign_detached
from bridle.trust.keys import Signer

EXTENSION = "urn:bridle:a2a:operating-model:1"
PROTOCOL = "1.0"
BINDINGS = ("JSONRPC", "GRPC", "HTTP+JSON")
JSON = "application/json"


def build_card(
    definition: AgentDefinition, *, gaps: Sequence[str], interfaces: Sequence[tuple[str, str]] = ()
) -> dict[str, Json]:
    """Return the card without signatures; `interfaces` are pairs of binding and address, the preferred one first."""
    return {
        "name": definition.name,
        "description": definition.description or f"An agent of {definition.owner}.",
        "version": definition.version,
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": PROTOCOL}
            for binding, url in interfaces
        ],
        "capabilities": {"extensions": [_describe_extension(definition, gaps)]},
        "defaultInputModes": [JSON],
        "defaultOutputModes": [JSON],
        "skills": [
            {
                "id": str(definition.purpose),
                "name": definition.name,
                "description": str(definition.operating.get("unit_of_work") or definition.description),
                "tags": [str(definition.purpose)],
            }
        ],
    }


def sign_card(card: Mapping[str, Json], signer: Signer) -> dict[str, Json]:
    """Return the card with the control plane's signature (A2A 1.0 section 8.4)."""
    return {**card, "signatures": [sign_detached(signer, dict(card))]}


def read_interface(text: str) -> tuple[str, str]:
    """Return binding and address of `BINDING=URL`; raise InputError."""
    binding, _, url = text.partition("=")
    if binding not in BINDINGS or not url.startswith(("https://", "http://")):
        raise InputError(
            f"{text[:80]!r} is no interface",
            hint=f"write BINDING=URL with the binding {', '.join(BINDINGS)}: JSONRPC=https://agents.example.com/a2a",
            where="--interface",
            reason="bad-interface",
        )
    return binding, url


def _describe_extension(definition: AgentDefinition, gaps: Sequence[str]) -> dict[str, Json]:
    return {
        "uri": EXTENSION,
        "description": "Who answers for the agent, how it works, and what it may do at most.",
        "required": False,
        "params": {
            "owner": definition.owner,
            "purpose": str(definition.purpose),
            "digest": definition.digest,
            "operating": dict(definition.operating),
            "inputs": [asdict(item) for item in definition.inputs],
            "outputs": definition.output_schema,
            "tools": list(definition.tools),
            "permissions": sorted(definition.permissions),
            "boundary": definition.boundary.to_json(),
            "limits": definition.limits.to_json(),
            "undeclared": list(gaps),
        },
    }
