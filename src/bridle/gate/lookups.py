"""Look-ups: asking the target of an external tool what became of a call, with a reading tool of the same server.

    lookup: {tool: find_refund, arguments: {reference: idempotency_key}, found: refund.refund_id, after: 30s}

Rules
  1. What is asked is fixed when the call is decided, and travels signed in its permit: `arguments` are values of the call.
  2. `found` is a field of the answer. A value there: it was done, and the object that holds the field is its result. Null or
     false there, or in place of an object on the way: the target does not know it. Anything else is no answer.
  3. A target that does not know a call may only not have received it yet. Before `after` has passed since the intent, that is no
     answer either.
  4. A look-up that cannot be asked as it was agreed (its tool is gone, or described otherwise) is none: nobody can tell.

Pure. The delegate asks (delegate.effectors.server).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import from_iso
from bridle.gate.manifest import Effect, LookUp, Manifest, Manifests
from bridle.trust.journal import Record

EXPECTED = "lookup"  # its name in a permit


@dataclass(frozen=True)
class Agreed:
    """What a permit says of the look-up: the tool's own name, its arguments, the field, and what its server said of it."""

    tool: str
    arguments: Mapping[str, Json]
    found: str
    described: str
    after_s: int


def agree_lookup(manifest: Manifest, arguments: Mapping[str, Json], manifests: Manifests) -> dict[str, Json]:
    """Return what a permit names of the look-up of a call; empty when there is none that could be asked."""
    wanted = manifest.lookup
    found = manifests.get(_full_name(manifest, wanted)) if wanted else None
    if wanted is None or found is None or found.stopped or found.effect is not Effect.READ:
        return {}
    asked: Json = {name: arguments.get(source) for name, source in wanted.arguments.items()}
    agreed: dict[str, Json] = {
        "tool": wanted.tool,
        "arguments": asked,
        "found": wanted.found,
        "described": found.described,
        "after_s": wanted.after_s,
    }
    return {EXPECTED: agreed}


def agreed_in(intent: Record) -> Agreed | None:
    """Return the look-up that was agreed on when the intent was recorded, if one was."""
    content = as_mapping(as_mapping(intent.body["permit"])["content"])
    agreed = as_mapping(content["expect"]).get(EXPECTED)
    return Agreed(**agreed) if isinstance(agreed, Mapping) else None  # type: ignore[arg-type]


def may_still_arrive(intent: Record, now: datetime) -> bool:
    """True while a target that does not know the call may only not have received it yet."""
    agreed = agreed_in(intent)
    return agreed is not None and now < from_iso(intent.at) + timedelta(seconds=agreed.after_s)


def _full_name(manifest: Manifest, lookup: LookUp) -> str:
    _, server, _ = manifest.tool.split(".", 2)
    return f"mcp.{server}.{lookup.tool}"
