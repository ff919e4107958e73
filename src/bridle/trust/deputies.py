"""Deputies: who answers requests in a person's place, where and how long. (A delegate is the worker that carries actions out.)

Rules
  1. A person with a key names one other person with a key, for a scope, with a reason, for at most LONGEST. Both sign by key: the
     naming is signed by the person and the control plane, each word of the deputy by the deputy and the control plane.
  2. A deputy has the person's say and no more: groups, attributes and name that the terms want are the person's, of that day. Who
     was lent a say cannot lend it on: there are no chains.
  3. A deputy does not answer what they started, nor what either of the two is excluded from. A deputy and who they stand for
     are one word together, and so is whoever stands for several (trust.quorum).
  4. A naming counts until its end, or until it is taken back: by whoever gave it, signed with their key, or by one who manages
     principals. A word that was given in time stands.

Pure. Who records it is `trust.deputy_desk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import from_iso
from bridle.core.errors import TrustError
from bridle.trust.bindings import lies_in
from bridle.trust.journal import Kind, Record
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.notary import Form
from bridle.trust.people import Person

LONGEST = timedelta(days=90)
STREAM = "deputies"
KINDS = (Kind.DEPUTY_NAMED, Kind.DEPUTY_DISMISSED)
FORM = Form(
    "bridle/deputy/1",
    "the naming of a deputy",
    frozenset({"id", "person", "deputy", "deputy_key", "scope", "reason", "begins_at", "ends_at"}),
)
DISMISSAL = Form(
    "bridle/deputy-dismissed/1",
    "the dismissal of a deputy",
    frozenset({"id", "by", "name", "asserted", "person"}),
)


@dataclass(frozen=True)
class Deputy:
    """One naming: `person` as they were then, the deputy's name and public key. Moments are as the journal writes them."""

    id: str
    person: Person
    deputy: str
    deputy_key: str
    scope: Mapping[str, str]
    reason: str
    begins_at: str
    ends_at: str

    def to_json(self) -> dict[str, Json]:
        return {**vars(self), "person": self.person.to_json(), "scope": dict(self.scope)}

    def counts_at(self, now: datetime) -> bool:
        return from_iso(self.begins_at) <= now < from_iso(self.ends_at)

    def covers(self, asked: Mapping[str, Any]) -> bool:
        """True when what was asked about lies in the scope for certain."""
        return lies_in(self.scope, asked, unknown=False)


def read_deputy(body: Json, *, control_plane: Verifier) -> Deputy:
    """Return a naming; raise TrustError unless all who had to have signed exactly this, and it keeps the rules."""
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    FORM.check(said, control_plane=control_plane)
    if said["person"] is None:
        raise TrustError("nobody named the deputy", reason="bad-signature")
    deputy = Deputy(
        **{**{name: said[name] for name in FORM.fields}, "person": Person.from_json(said["person"])}
    )
    if from_iso(deputy.ends_at) - from_iso(deputy.begins_at) > LONGEST or not deputy.scope:
        raise TrustError("the naming of a deputy goes too far", reason="bad-deputy")
    return deputy


def list_active(records: Sequence[Record], *, now: datetime, keys: KeyRing) -> list[tuple[Deputy, Record]]:
    """Return the namings that count, with their records; one that does not verify counts for nothing."""
    dismissed = {record.subject for record in records if record.kind is Kind.DEPUTY_DISMISSED}
    found = []
    for record in records:
        if record.kind is not Kind.DEPUTY_NAMED or record.subject in dismissed:
            continue
        try:
            deputy = read_deputy(record.body, control_plane=keys.at(record.seq))
        except TrustError:
            continue  # the audit names it
        if deputy.id == record.subject and deputy.counts_at(now):
            found.append((deputy, record))
    return found


def describe_asked(decided: Mapping[str, Json]) -> dict[str, Any]:
    """Return of a decision to ask what a scope is matched with, and who started it."""
    facts, request = as_mapping(decided["facts"]), as_mapping(decided["request"])
    about = {name: facts.get(name) for name in ("principal", "place", "deployment", "initiator")}
    return {**about, "action": {"tool": request.get("tool"), "purpose": request.get("purpose")}}


def name_starter(asked: Mapping[str, Any]) -> str:
    """Return the principal for whom it was asked, or an empty text where that is not known."""
    initiator = asked.get("initiator")
    return str(initiator.get("id", "")) if isinstance(initiator, Mapping) else ""
