"""What the trail wants of people's words: an approval is asked for, answered and used, each in its place and by whom it may be.

A request follows a decision that asks. A verdict is about that request, in time, by somebody whom its terms allow, for themselves
or in the place of somebody who named them for it and has not dismissed them. What was approved with a plan of calls is begun in
the plan's order. An approval is used once, when there are enough words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bridle.core.canonical import digest
from bridle.core.clock import from_iso
from bridle.trust.bodies import broken, must, read_part, read_text
from bridle.trust.call_plans import CallPlan, read_call_plan
from bridle.trust.deputies import DISMISSAL, name_starter, read_deputy
from bridle.trust.journal import Kind, Record
from bridle.trust.quorum import Behalf, Tally, Terms, take_word
from bridle.trust.signers import Signers
from bridle.trust.verdicts import answered_terms, read_word

CLOCK_SLACK = timedelta(minutes=1)  # a guard reads the clock a moment before its record is stamped


@dataclass
class _Word:
    """A request for people's words, and the count of them."""

    action: str
    rests_on: str
    expires_at: str
    terms: Terms
    asked: Mapping[str, Any]
    escalates_at: str = ""
    plan: CallPlan | None = None
    tally: Tally = field(default_factory=Tally)
    used: bool = False


class WordTrail:
    """Follows requests, verdicts, deputies and plans in order."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers
        self._wanted: dict[str, Mapping[str, Any]] = {}
        self._words: dict[str, _Word] = {}
        self._dismissed: set[str] = set()
        self._plans: dict[tuple[str, str], CallPlan] = {}

    def decided(self, action: str, asked: Mapping[str, Any] | None) -> None:
        """Take in what was decided of an action last: what is asked about it, or nothing."""
        if asked:
            self._wanted[action] = asked
        else:
            self._wanted.pop(action, None)

    def follow(self, record: Record) -> None:
        """Take the next record in; raise JournalError when it breaks a rule."""
        _RULES[record.kind](self, record)

    def use(
        self, record: Record, approval: str, *, action: str, has_succeeded: Callable[[str], bool]
    ) -> None:
        """Use an approval up for an action; raise JournalError when it does not approve it, or was used before."""
        word = self._words.get(approval)
        if word is None or word.action != action or not word.tally.has_enough(word.terms):
            raise broken(record, f"{approval} does not approve it")
        must(record, not word.used, f"{approval} was used before")
        if word.plan is not None:
            word.plan.check_turn(action, has_succeeded)
        word.used = True

    def _proposed(self, record: Record) -> None:
        plan = read_call_plan(record.subject, record.body)
        self._plans[record.execution, plan.digest] = plan

    def _asked(self, record: Record) -> None:
        action = read_text(record, "action")
        asked = self._wanted.get(action)
        if asked is None:
            raise broken(record, "no decision asks for it")
        must(record, record.subject not in self._words, "it was requested before")
        terms = Terms.from_json(read_part(record, "terms") if "terms" in record.body else {})
        rests_on = read_part(record, "rests_on")
        plan = self._plans.get((record.execution, str(rests_on.get("plan", ""))))
        named = plan is not None and record.subject in plan.approvals
        must(record, named or "plan" not in rests_on, "it is of no plan that was recorded before")
        self._words[record.subject] = _Word(
            action=action,
            rests_on=digest(rests_on),
            asked=asked,
            escalates_at=read_text(record, "escalates_at") if terms.escalation else "",
            plan=plan,
            expires_at=read_text(record, "expires_at"),
            terms=terms,
        )

    def _answered(self, record: Record) -> None:
        word = self._words.get(record.subject)
        if word is None or word.action != read_text(record, "action"):
            raise broken(record, "nobody asked for this verdict")
        must(record, read_text(record, "approval") == record.subject, "it is a verdict on another request")
        must(record, not word.used, "its approval was used before")
        same = answered_terms(record.body) == word.terms.digest and record.body["rests_on"] == word.rests_on
        must(record, same, "it answers another request")
        at, expires_at = from_iso(record.at), from_iso(word.expires_at)
        signers = self._signers
        given = read_word(
            record.body, control_plane=signers.at(record), earlier=signers.before(record), at=at
        )
        must(record, at < expires_at + CLOCK_SLACK, "the request had expired")
        if given.behalf is not None:
            self._check_behalf(record, word, given.behalf)
        further = from_iso(word.escalates_at) if word.escalates_at else None
        word.tally = take_word(word.tally, given, word.terms, expires_at=expires_at, escalates_at=further)

    def _check_behalf(self, record: Record, word: _Word, behalf: Behalf) -> None:
        named = behalf.deputy
        must(record, named.id not in self._dismissed, f"{named.deputy} was dismissed before")
        must(record, named.covers(word.asked), f"{named.id} is for something else")
        must(record, behalf.starter == name_starter(word.asked), "somebody else started what was asked about")

    def _named(self, record: Record) -> None:
        named = read_deputy(record.body, control_plane=self._signers.at(record))
        must(record, named.id == record.subject, "it names another deputy than it is about")

    def _let_go(self, record: Record) -> None:
        if (
            "signatures" in record.body
        ):  # without, it takes away all the same: it was made before they were signed
            DISMISSAL.check(record.body, control_plane=self._signers.at(record))
            must(record, record.body["id"] == record.subject, "it dismisses another deputy than it is about")
        self._dismissed.add(record.subject)


_RULES: Mapping[Kind, Callable[[WordTrail, Record], None]] = {
    Kind.PLAN_PROPOSED: WordTrail._proposed,
    Kind.DEPUTY_NAMED: WordTrail._named,
    Kind.DEPUTY_DISMISSED: WordTrail._let_go,
    Kind.APPROVAL_REQUESTED: WordTrail._asked,
    Kind.APPROVAL_VERDICT: WordTrail._answered,
}
