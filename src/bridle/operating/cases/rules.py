"""What a case forbids, whatever a policy says. Pure: a case, its type, who acts, and what they want.

Rules
   1. case.unknown          there is no such case; or, to open one, no such type
   2. case.exists           a case of that id is there already
   3. case.other            an agent acts on another case than the one it was brought for
   4. case.ended            the case is in a final state: it is noted in and shown, and exceptions of it are settled; nothing else
   5. case.contradiction    it is not in the state, or the decision is not what it was, that whoever acts believes; or the hold or
                            the exception is not open (any more)
   6. case.no-transition    the type has no way there; no such decision, or no such value
   7. case.not-yours        the type names others for this than whoever acts, or than one who acted with the token before
   8. case.held             a hold is in place: the case does not move
   9. case.condition        the transition wants decisions that were not taken, or were taken otherwise
  10. case.widens           an agent would be able to do more after the move than before it
  11. case.not-due          it is not overdue, or that was told already; or somebody else than the control plane says so
  12. case.too-many         an agent places one more hold, or raises one more exception, on a case that has MOST_MARKS: each
                            record holds the case whole, and a person has to read them

Widening is judged on everything that the agent holds, those who stand behind its token, and every agent of the same owner: none
of them may let another do what it could not. What no agent that is known holds may be held by one that never ran, or by the next
version of one that did: a move after which any tool there is could do more asks a person, who is told which (`find_doubtful`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from bridle.core.canonical import Json
from bridle.operating.cases.case import Case, Mark, find_mark
from bridle.operating.cases.case_type import CaseType, Transition, is_named
from bridle.trust.policy import Finding
from bridle.trust.quorum import CONTROL_PLANE

SETTLING = {"case.release": "hold", "case.resolve": "exception"}  # the argument that names what is settled
MOST_MARKS = 20
STILL = ("case.show", "case.note", "case.resolve")  # what a case that has ended still takes


@dataclass(frozen=True)
class Who:
    """Who acts. `names` are their groups and roles; `known` is every tool that a state of the case's type has a say in, by
    name with effects, `tools` what of it the agents behind them hold; `bound_to` is the case that an agent was brought for.
    `behind` are those who acted with the token before, each with their groups and roles. `led`: a person's
    or a system's pipeline does it in which an agent took part, so that it may be the agent's wish."""

    id: str
    by_agent: bool
    names: frozenset[str]
    tools: Mapping[str, str]
    bound_to: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)
    led: bool = False

    def is_meant(self, named: Sequence[str]) -> bool:
        """True when one of `named` is who acts, and one is each of those who acted before: nobody gets at more through them."""
        acting = ((self.id, self.names), *self.behind.items())
        return all(is_named(named, who, names) for who, names in acting)


@dataclass(frozen=True)
class Wish:
    """What is wanted of a case, by whom, now."""

    tool: str
    arguments: Mapping[str, Json]
    who: Who
    now: datetime

    def text(self, name: str) -> str:
        value = self.arguments.get(name)
        return value if isinstance(value, str) else ""


def find_refusals(case: Case | None, case_type: CaseType | None, wish: Wish) -> list[Finding]:
    """Return everything that forbids this, the first being the most telling; empty when nothing does."""
    if wish.tool == "case.open":
        return list(_opening(case, case_type, wish))
    if case is None or case_type is None:
        return [Finding("case.unknown", f"There is no case {wish.text('case')!r}.")]
    if wish.who.by_agent and wish.who.bound_to != case.id:
        return [Finding("case.other", "An agent works on the case that it was brought for, and on no other.")]
    if case.final and wish.tool not in STILL:
        return [Finding("case.ended", f"The case has ended ({case.state}): nothing changes it any more.")]
    judge = JUDGES.get(wish.tool)
    return list(judge(case, case_type, wish)) if judge else []


def find_widened(case: Case, case_type: CaseType, wish: Wish) -> tuple[str, ...]:
    """Return what the agents behind a move could do after it and cannot before."""
    return _find_wider(case, case_type, wish, wish.who.tools) if wish.who.by_agent else ()


def find_doubtful(case: Case, case_type: CaseType, wish: Wish) -> tuple[str, ...]:
    """Return what some agent could do after a move that an agent makes or led to, and cannot before, whether anybody is known to
    hold it or not; and what is decided there, which moves may rest on, or taken away that held the case back."""
    if wish.who.led and wish.tool in SETTLING:
        return (wish.text(SETTLING[wish.tool]),)
    if wish.who.led and wish.tool == "case.decide":
        return (f"{wish.text('decision')} is {wish.text('value')}",)
    return _find_wider(case, case_type, wish, wish.who.known) if wish.who.by_agent or wish.who.led else ()


def _find_wider(case: Case, case_type: CaseType, wish: Wish, tools: Mapping[str, str]) -> tuple[str, ...]:
    target = wish.text("to")
    if wish.tool != "case.move" or target not in case_type.states:
        return ()
    return case_type.widens(case.state, target, tools)


def _opening(case: Case | None, case_type: CaseType | None, wish: Wish) -> Iterator[Finding]:
    if case is not None:
        yield Finding("case.exists", f"There is a case {case.id} already.")
    if case_type is None:
        yield Finding("case.unknown", f"There is no case type {wish.text('type')!r}: bridle case types.")


def _moving(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    believed, target = wish.text("from"), wish.text("to")
    if believed and believed != case.state:
        yield Finding("case.contradiction", f"The case is in {case.state}, not in {believed}.")
    way = case_type.find(case.state, target)
    if way is None:
        ways = [one.target for one in case_type.transitions if one.source == case.state]
        told = f"From {case.state} the case goes to {', '.join(ways) or 'no other state'}"
        yield Finding("case.no-transition", f"{told}, not to {target!r}.")
        return
    yield from _check_way(case, way, wish)
    widened = find_widened(case, case_type, wish)
    if widened:
        reason = (
            f"After this move an agent could use {', '.join(widened)}. A person, or another system, makes it."
        )
        yield Finding("case.widens", reason)


def _check_way(case: Case, way: Transition, wish: Wish) -> Iterator[Finding]:
    if not wish.who.is_meant(way.by):
        yield _not_yours(wish, way.by)
    for hold in case.holds:
        yield Finding("case.held", f"The case is on hold ({hold.id}): {hold.reason}")
    for name, value in way.conditions.items():
        found = case.value_of(name)
        if found != value:
            told = f"it is {found}" if found else "nobody has decided it"
            yield Finding("case.condition", f"This move wants {name} to be {value}, and {told}.")


def _deciding(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    name, value = wish.text("decision"), wish.text("value")
    rule = case_type.decisions.get(name)
    if rule is None or value not in rule.values:
        known = ", ".join(case_type.decisions) if rule is None else ", ".join(rule.values)
        yield Finding("case.no-transition", f"{name} cannot be {value!r}. There is: {known or 'none'}.")
        return
    if not wish.who.is_meant(rule.by):
        yield _not_yours(wish, rule.by)
    if case.value_of(name) != wish.text("replaces"):
        stands = case.value_of(name) or "not decided"
        reason = f"{name} is {stands} already. To change it, say what it replaces."
        if not case.value_of(name):
            reason = f"{name} is not decided yet, so nothing is replaced."
        yield Finding("case.contradiction", reason)


def _holding(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    yield from _adding(case.holds, wish)
    if case_type.hold and not wish.who.is_meant(case_type.hold):
        yield _not_yours(wish, case_type.hold)


def _raising(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    yield from _adding(case.exceptions, wish)


def _adding(marks: Sequence[Mark], wish: Wish) -> Iterator[Finding]:
    if wish.who.by_agent and len(marks) >= MOST_MARKS:
        yield Finding("case.too-many", f"{len(marks)} of them are open. A person has to settle some first.")


def _releasing(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    if find_mark(case.holds, wish.text("hold")) is None:
        yield Finding("case.contradiction", f"There is no hold {wish.text('hold')!r} on the case (any more).")
    yield from _settling(case_type.release, wish)


def _resolving(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    mark = wish.text("exception")
    if find_mark(case.exceptions, mark) is None:
        yield Finding("case.contradiction", f"There is no open exception {mark!r} of the case (any more).")
    yield from _settling(case_type.resolve, wish)


def _settling(named: Sequence[str], wish: Wish) -> Iterator[Finding]:
    """To take away what holds agents back would widen what they may do: no agent does, whoever is named."""
    if wish.who.by_agent:
        yield Finding(
            "case.widens", "What holds a case back is taken away by a person or a system, not by an agent."
        )
    if named and not wish.who.is_meant(named):
        yield _not_yours(wish, named)


def _escalating(case: Case, case_type: CaseType, wish: Wish) -> Iterator[Finding]:
    told = case.escalated or wish.text("since") != case.since
    if told or not case.is_overdue(wish.now) or wish.who.id != CONTROL_PLANE:
        yield Finding("case.not-due", "The case is not overdue, or that was told already.")


def _not_yours(wish: Wish, named: Sequence[str]) -> Finding:
    return Finding(
        "case.not-yours",
        f"{' through '.join((wish.who.id, *wish.who.behind))} may not: it takes {' or '.join(named)}.",
    )


Judge: TypeAlias = Callable[[Case, CaseType, Wish], Iterator[Finding]]
JUDGES: Mapping[str, Judge] = {
    "case.move": _moving,
    "case.decide": _deciding,
    "case.hold": _holding,
    "case.exception": _raising,
    "case.release": _releasing,
    "case.resolve": _resolving,
    "case.escalate": _escalating,
}
