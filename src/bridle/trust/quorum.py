"""The quorum: whose word on a request counts, and when there are enough of them. Pure; gate, desk and audit all ask it.

Rules
  1. Only people answer. An agent or a service account never approves; the control plane may deny (a newer execution was
     approved), and may approve only where the author wrote that default, once its moment has come.
  2. Terms that ask for more than one word, or say whose word it has to be, want people with keys of their own: a name that only
     the operating system vouches for is not enough. An account may want that of every word (`keys`).
  3. `users` and `groups` say who may answer: one of either is enough. `attributes` are all needed. From the beginning of an
     `escalation` on, its users and groups may answer as well; a request that expires is refused all the same.
  4. Who started the execution does not answer when the terms exclude them, nor does a person of the same account.
  5. One person counts once, and so does one key. A denial ends it. A word can be taken back until it was used.
  6. A deputy answers in a person's place (trust.deputies) with that person's say, and signs with their own key. Such a word is
     of both: neither has another, and what excludes one of the two excludes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bridle.core.canonical import Json, digest
from bridle.core.errors import TrustError
from bridle.trust.deputies import Deputy
from bridle.trust.people import Person

CONTROL_PLANE = "service:bridle"
DEFAULT_GRACE = timedelta(days=1)  # how long the author's default can still be used, once its moment has come
ACCOUNT = "user:"  # whom the operating system vouches for
PERSON = "person:"  # who signs with a key of their own: never the same one as an account of that name
BEHALF = " for "  # between a deputy and whom they stand for; no name of a person has a space


@dataclass(frozen=True)
class Behalf:
    """In whose place a word is given: `person` as they are now, the naming it rests on, and who started what is asked about."""

    person: Person
    deputy: Deputy
    starter: str


@dataclass(frozen=True)
class Escalation:
    """Who may answer as well, once a request has waited `after_s` seconds."""

    after_s: int
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {"after_s": self.after_s, "users": list(self.users), "groups": list(self.groups)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Escalation:
        """Read what `to_json` wrote, or an author did: both lists may be left out."""
        return cls(content["after_s"], tuple(content.get("users", ())), tuple(content.get("groups", ())))


@dataclass(frozen=True)
class Terms:
    """What a request wants. `excluded` is the principal who may not answer, `inputs` what an approver fills in,
    `comment` what its author says about the default, `keys` wants people with keys of their own."""

    minimum: int = 1
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    excluded: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    auto_approve: bool = False
    auto_reject: bool = False
    comment: str = ""
    keys: bool = False
    escalation: Escalation | None = None

    def escalates_at(self, requested_at: datetime) -> datetime | None:
        """Return from when on a request of that moment may be answered by more people."""
        return requested_at + timedelta(seconds=self.escalation.after_s) if self.escalation else None

    @property
    def wants_keys(self) -> bool:
        """True when the operating system's word for a name is not enough."""
        named = bool(self.users or self.groups or self.attributes or self.excluded)
        return self.keys or self.minimum > 1 or named

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def are(self, wanted: Terms) -> bool:
        """True when these are the terms that its author wants; the account may want keys besides, from some day on."""
        return self.digest == replace(wanted, keys=self.keys).digest

    def to_json(self) -> dict[str, Json]:
        """Return the terms as request and store hold them; what came later only where it is wanted: older digests stay."""
        return {
            "minimum": self.minimum,
            "users": list(self.users),
            "groups": list(self.groups),
            "attributes": list(self.attributes),
            "excluded": self.excluded,
            "inputs": self.inputs,
            "auto_approve": self.auto_approve,
            "auto_reject": self.auto_reject,
            "comment": self.comment,
            **({"keys": True} if self.keys else {}),
            **({"escalation": self.escalation.to_json()} if self.escalation else {}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Terms:
        """Read what `to_json` wrote; an empty mapping is a request that wants one word of anybody."""
        if not content:
            return cls()
        lists = {name: tuple(content[name]) for name in ("users", "groups", "attributes")}
        later = content.get("escalation")
        escalation = Escalation.from_json(later) if later else None
        return cls(**{**content, **lists, "escalation": escalation})


@dataclass(frozen=True)
class Word:
    """What one signed verdict says. `by` is who the control plane saw, `person` who signed with a key of their own."""

    verdict: str
    by: str
    asserted: bool
    at: datetime
    person: Person | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)
    behalf: Behalf | None = None

    @property
    def voter(self) -> str:
        """Whose word it is, and in whose place it was given."""
        own = f"{PERSON}{self.person.name}" if self.person else self.by
        return f"{own}{BEHALF}{PERSON}{self.behalf.person.name}" if self.behalf else own

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts of the people whose word it is, as far as they are known: two keys of one account are one person's."""
        people = (self.person, self.behalf.person if self.behalf else None)
        return frozenset(one.account for one in people if one and one.account)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that it is a word of, or who gave it where there is none."""
        people = (self.person, self.behalf.person if self.behalf else None)
        return frozenset(one.key for one in people if one) or frozenset({self.by})


@dataclass(frozen=True)
class Tally:
    """The words that stand, in their order, and the denial that ended it, if there was one."""

    words: tuple[Word, ...] = ()
    denied: Word | None = None

    @property
    def voters(self) -> tuple[str, ...]:
        return tuple(word.voter for word in self.words)

    def has_enough(self, terms: Terms) -> bool:
        """True when what was asked is approved."""
        return self.denied is None and (len(self.words) >= terms.minimum or CONTROL_PLANE in self.voters)


def take_word(
    tally: Tally, word: Word, terms: Terms, *, expires_at: datetime, escalates_at: datetime | None = None
) -> Tally:
    """Return the tally with one more word; raise TrustError when it does not count."""
    complaint = find_complaint(word, terms, expires_at=expires_at, escalates_at=escalates_at)
    if complaint:
        raise TrustError(f"{word.voter}: {complaint}", reason="may-not-approve")
    if word.verdict == "revoked":
        return _take_back(tally, word)
    if tally.denied is not None or tally.has_enough(terms):
        raise TrustError("it was decided already", reason="not-open")
    if word.verdict == "denied":
        return replace(tally, denied=word)
    if word.verdict != "approved":
        raise TrustError(f"{word.verdict!r} is no verdict", reason="bad-verdict")
    if any(
        shares_person(word.voter, other.voter) or word.keys & other.keys or word.accounts & other.accounts
        for other in tally.words
    ):
        raise TrustError(f"{word.voter} has approved it already", reason="counted-once")
    return replace(tally, words=(*tally.words, word))


def shares_person(voter: str, other: str) -> bool:
    """True when somebody has a part in both words."""
    return bool(set(voter.split(BEHALF)) & set(other.split(BEHALF)))


def find_complaint(
    word: Word, terms: Terms, *, expires_at: datetime, escalates_at: datetime | None = None
) -> str:
    """Say why this word may not be given, or return an empty text."""
    named = bool(terms.users or terms.groups)  # else anybody may answer, and further names would only exclude
    if named and terms.escalation is not None and escalates_at is not None and word.at >= escalates_at:
        further = terms.escalation
        terms = replace(terms, users=(*terms.users, *further.users), groups=(*terms.groups, *further.groups))
    if word.by == CONTROL_PLANE and word.person is None:
        return _default_complaint(word, terms, expires_at=expires_at)
    if not word.by.startswith(ACCOUNT):
        return "only a person can approve"
    if word.person is None:
        wanted = terms.wants_keys or word.behalf is not None
        return "the terms want a person with a key: bridle people add NAME" if wanted else ""
    if word.behalf is not None:
        return _deputy_complaint(word, word.person, word.behalf, terms)
    return _excluded(word.person, terms) or _person_complaint(word.person, terms)


def _deputy_complaint(word: Word, person: Person, behalf: Behalf, terms: Terms) -> str:
    named = behalf.deputy
    if (named.deputy, named.deputy_key) != (person.name, person.key):
        return f"{named.person.name} has not named {person.name}"
    if (named.person.name, named.person.key) != (behalf.person.name, behalf.person.key):
        return f"{behalf.person.name} is another one than who named {person.name}"
    if not named.counts_at(word.at):
        return f"{person.name} does not stand for {behalf.person.name} at that time"
    if not behalf.starter or behalf.starter == f"{ACCOUNT}{person.account}":
        return "who started it does not answer in another's place"
    excluded = _excluded(person, terms) or _excluded(behalf.person, terms)
    return excluded or _person_complaint(behalf.person, terms)


def _default_complaint(word: Word, terms: Terms, *, expires_at: datetime) -> str:
    if word.verdict == "denied":
        return ""
    if word.verdict != "approved" or not terms.auto_approve:
        return "nobody wrote that it is approved by default"
    return "" if word.at >= expires_at - DEFAULT_GRACE else "its default does not hold yet"


def _excluded(person: Person, terms: Terms) -> str:
    if terms.excluded and f"{ACCOUNT}{person.account}" == terms.excluded:
        return f"who started the execution may not answer, and {person.account} did"
    return ""


def _person_complaint(person: Person, terms: Terms) -> str:
    named = person.name in terms.users or bool(set(person.groups) & set(terms.groups))
    if (terms.users or terms.groups) and not named:
        who = [*(f"the user {name}" for name in terms.users), *(f"the group {name}" for name in terms.groups)]
        return f"it has to be {' or '.join(who)}"
    lacking = [name for name in terms.attributes if name not in person.attributes]
    return f"does not hold {', '.join(lacking)}" if lacking else ""


def _take_back(tally: Tally, word: Word) -> Tally:
    kept = tuple(other for other in tally.words if other.voter != word.voter)
    if len(kept) == len(tally.words) or tally.denied is not None:
        raise TrustError(f"{word.voter} has no word on it to take back", reason="nothing-to-revoke")
    return replace(tally, words=kept)
