"""The trail of actions through the records: what must have been written, and by whom, before what.

Rules
  1. An action is decided before it is intended, and intended before it has an outcome; each at most once after
     an allowing decision. A key never changes the action it stands for.
  2. An intent carries the control plane's permit for exactly that action, made by that decision's policy.
  3. An outcome carries the report of the delegate the permit was for, signed with the key that delegate was
     registered with, and says nothing but what the report says. Without a report nothing can have succeeded.
  4. An approval is requested where the decision was to ask. Its verdicts come in time from people whom its terms allow, each
     counted once (trust.quorum), and it is used once there are enough: by one intent, or by the one decision to go on. What was
     approved with a plan of calls is a call of it, and begun once all calls before have succeeded (trust.call_plans).
     In another's place only a deputy answers who was named for what is asked about, and not dismissed (trust.deputies).
  5. A decision about a failed step answers a request, with something that was offered, in time, once, and is signed.
  6. A change of a principal is signed, and what a person suspended or retired comes back by a signed change alone.
  7. The end of a stage that a rerun took over (`reused`) repeats an earlier one of that stage in another, with its state.
  8. Evidence that a step handed in is what the outcome before it says; a person's is signed (trust.evidence.exhibits).
  9. Every signature is by the key that its signer had at that record (trust.rotation): for a report, when the action was
     permitted. What was signed with a key that was in other hands by then holds, and is suspect.
  10. A text that was kept has the digest it is kept under.
  11. A case is changed by an action that was begun for it, and no change of it is missing (trust.case_trail).
  12. What stands in for a call (gate.rerouting) is decided upon once that call was denied, or has failed; never both are done.
 13. Work that is open is settled once, by a signed answer that it offers, about the action it was parked for; the control plane's
     own is what the target said when it was asked again, by the delegate's report where it says that it was done.

The same rules hold for a whole journal (trust.audit) and for the part of it that a bundle of evidence carries.
They take the records in order and do not check that none is missing; that is the chain's and the tree's work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridle.core.canonical import Json, digest
from bridle.core.clock import from_iso
from bridle.core.errors import BridleError
from bridle.trust.bindings import EVENTS
from bridle.trust.bodies import broken, must, read_part, read_signature, read_text
from bridle.trust.case_trail import CaseTrail, is_own_report
from bridle.trust.controls import check_controls
from bridle.trust.deputies import describe_asked
from bridle.trust.evidence.exhibits import check_exhibit, digests_of
from bridle.trust.interventions import check_answer, check_decider
from bridle.trust.journal import JournalError, Kind, Record
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.kills import check_kill
from bridle.trust.overrides import Override, check_override
from bridle.trust.principals import Lifecycle
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.registry import check_change
from bridle.trust.signatures import CheckSignature, check_now
from bridle.trust.signers import Signers
from bridle.trust.texts import check_text
from bridle.trust.word_trail import CLOCK_SLACK, WordTrail
from bridle.trust.work_items import check_settlement

GOES_ON = frozenset(
    {"pipeline.continue", *EVENTS}
)  # it lets something go on: its decision is what uses the approval
STOPPED = (Lifecycle.SUSPENDED, Lifecycle.RETIRED)
DONE = "done"  # what a target says of a call that it knows (gate.looks)
UNREPORTED = frozenset({"unknown", "failed"})  # outcomes the control plane may state on its own


@dataclass
class _Course:
    """How far one action has come. `delegate` is the one its permit is for, `key` the key it had when it was permitted."""

    action: str
    effect: str
    policy: str
    approval: str
    tool: str
    intended: bool = False
    delegate: str = ""
    key: Verifier | None = None
    ended: bool = False
    succeeded: bool = False
    status: str = ""
    exhibits: frozenset[str] = frozenset()
    asked: Mapping[str, Any] | None = None


class Trail:
    """Follows records in order; raises JournalError that names the first record which breaks a rule.

    Signatures of permits and reports are told to `check`, which may also look at them later (trust.signatures).
    """

    def __init__(self, keys: KeyRing, check: CheckSignature = check_now) -> None:
        self.signers = Signers(keys)
        self._check_signature = check
        self.permits = 0
        self.reports = 0
        self._courses: dict[tuple[str, str], _Course] = {}
        self._words = WordTrail(self.signers)
        self._questions: dict[tuple[str, str], Record] = {}
        self._stopped: dict[str, str] = {}
        self._overrides: dict[str, Override] = {}
        self._parked: dict[str, Record] = {}
        self._looks: dict[str, tuple[str, Json]] = {}
        self._ends: dict[str, tuple[str, str, Json]] = {}
        self._cases = CaseTrail()

    @property
    def open_intents(self) -> list[str]:
        """The keys of actions that were begun and have no outcome yet."""
        return [key for (_, key), course in self._courses.items() if course.intended and not course.ended]

    def follow(self, record: Record) -> None:
        """Take the next record in."""
        rule = _RULES.get(record.kind)
        if rule is None:
            return
        try:
            rule(self, record)
        except JournalError:
            raise
        except BridleError as exc:
            raise broken(record, exc.what) from exc
        except (ValueError, TypeError, KeyError) as exc:
            raise broken(record, f"it is misshapen: {exc}") from exc

    def _changed(self, record: Record) -> None:
        principal = check_change(record.body, control_plane=self.signers.at(record))
        must(record, principal.id == record.subject, "it changes another principal than it is about")
        self._stopped.pop(principal.id, None)
        if principal.state in STOPPED:
            self._stopped[principal.id] = str(principal.state)

    def _registered(self, record: Record) -> None:
        stopped = self._stopped.get(read_text(record, "id"))
        must(
            record, stopped in (None, record.body.get("state")), f"it was {stopped}, and nobody changed that"
        )
        if read_text(record, "kind") == "delegate":
            self.signers.register(record)

    def _rotated(self, record: Record) -> None:
        self.signers.rotate(record)

    def _override_opened(self, record: Record) -> None:
        self._overrides[record.subject] = check_override(record, control_plane=self.signers.at(record))

    def _override_closed(self, record: Record) -> None:
        self._overrides.pop(record.subject, None)

    def _killed(self, record: Record) -> None:
        check_kill(record.body, control_plane=self.signers.at(record))

    def _check_override(self, record: Record) -> None:
        """What an override allowed stands on one that was recorded before, counted then, and was not closed."""
        rules = record.body.get("rules")
        if not any(
            isinstance(rule, Mapping) and rule["rule"] == "override.emergency" for rule in _listed(rules)
        ):
            return
        named = read_part(record, "facts").get("override")
        known = self._overrides.get(str(named["id"])) if isinstance(named, Mapping) else None
        counted = known is not None and known.to_json() == named and known.counts_at(from_iso(record.at))
        must(record, counted, "no override that counted then is recorded")

    def _check_instead(self, record: Record) -> None:
        told = read_part(record, "facts").get("instead")
        first = self._courses.get((record.execution, str(told["key"]))) if isinstance(told, Mapping) else None
        if first is not None:  # evidence may carry the substitute's records alone
            undone = first.status == "failed" if first.intended else first.effect == "deny"
            must(record, undone, "it stands in for a call that was not known to have failed")

    def _decided(self, record: Record) -> None:
        self._check_override(record)
        request, approval = read_part(record, "request"), read_part(record, "facts").get("approval")
        course = _Course(
            action=read_text(record, "action"),
            effect=read_text(record, "effect"),
            policy=read_text(record, "policy"),
            approval=str(approval["id"]) if isinstance(approval, Mapping) else "",
            tool=read_text(record, "request", "tool"),
            asked=describe_asked(record.body) if record.body.get("effect") == "ask" else None,
        )
        self._check_instead(record)
        before = self._courses.get((record.execution, record.subject))
        must(
            record,
            before is None or before.action == course.action,
            "its key stood for another action before",
        )
        must(record, before is None or not before.intended, "it decides what has been begun already")
        if "request" not in record.raw:  # else the recorded request is the redacted one
            must(record, digest(request) == course.action, "the request is not the action that was decided")
        self._courses[record.execution, record.subject] = course
        self._words.decided(course.action, course.asked)
        if course.tool in GOES_ON and course.effect == "allow" and course.approval:
            self._use(record, course)

    def _intended(self, record: Record) -> None:
        course = self._course(record)
        must(record, course.effect == "allow" and not course.intended, "no decision allows it")
        content = read_part(record, "permit", "content")
        self._check_signature(record, self.signers.at(record), content, read_signature(record, "permit"))
        agreed = content.get("action") == course.action and content.get("decision") == course.policy
        must(record, agreed and content.get("type") == "bridle/permit/1", "its permit is for something else")
        if course.approval:
            self._use(record, course)
        course.intended, course.delegate = True, read_text(record, "permit", "content", "delegate")
        course.key = self.signers.delegates.get(course.delegate)
        self.permits += 1

    def _use(self, record: Record, course: _Course) -> None:
        self._words.use(
            record,
            course.approval,
            action=course.action,
            has_succeeded=lambda key: self._has_succeeded(record.execution, key),
        )

    def _has_succeeded(self, execution: str, key: str) -> bool:
        course = self._courses.get((execution, key))
        return course is not None and course.succeeded

    def _ended(self, record: Record) -> None:
        course = self._course(record)
        must(record, course.intended, "nothing was intended before it")
        must(record, not course.ended, "it is the second outcome")
        if record.body.get("report") is None:
            must(record, read_text(record, "status") in UNREPORTED, "no delegate reported it")
        else:
            self._check_report(record, course)
        course.ended, course.status = True, str(record.body.get("status"))
        course.succeeded = course.status == "succeeded"
        course.exhibits = digests_of(record.body.get("value"))

    def _attested(self, record: Record) -> None:
        check_controls(record, control_plane=self.signers.at(record))

    def _exhibited(self, record: Record) -> None:
        course = self._courses.get((record.execution, str(record.body.get("key"))))
        check_exhibit(record, course, control_plane=self.signers.at(record))

    def _check_report(self, record: Record, course: _Course) -> None:
        content, delegate = read_part(record, "report", "content"), read_text(record, "report", "delegate")
        own = is_own_report(course.tool, delegate)
        key = self.signers.at(record) if own else self.signers.delegates.get(delegate)
        if key is None:
            raise broken(record, f"{delegate} was not registered before")
        signature = read_signature(record, "report")
        if course.key is not None and course.key.keyid == signature.keyid:
            key = course.key
        self._check_signature(record, key, content, signature)
        self.signers.note(record, key)
        said = {
            "type": "bridle/report/1",
            "action": course.action,
            "delegate": course.delegate,
            "status": record.body.get("status"),
            "value": digest(record.body.get("value")),
            "facts": record.body.get("facts"),
        }
        odd = [name for name, value in said.items() if content.get(name) != value]
        must(record, not odd, f"it does not say what the delegate reported: {', '.join(odd)}")
        self.reports += 1

    def _said(self, record: Record) -> None:
        self._words.follow(record)

    def _questioned(self, record: Record) -> None:
        place = (record.execution, record.subject)
        must(record, place not in self._questions, "it was asked before and not answered")
        self._questions[place] = record

    def _intervened(self, record: Record) -> None:
        question = self._questions.pop((record.execution, record.subject), None)
        if question is None or question.id != record.body.get("request"):
            raise broken(record, "nobody asked for this decision")
        offers = question.body.get("offers")
        offered = isinstance(offers, (list, tuple)) and record.body.get("answer") in offers
        must(record, offered, "it was not offered")
        expires_at = from_iso(read_text(question, "expires_at"))
        must(record, from_iso(record.at) < expires_at + CLOCK_SLACK, "the request had expired")
        check_answer(
            record.body,
            execution=record.execution,
            path=record.subject,
            control_plane=self.signers.at(record),
        )
        check_decider(question.body, record.body, at=from_iso(record.at))

    def _stage_ended(self, record: Record) -> None:
        """What rests on a stage of another execution rests on this; the note alone says more than the record it repeats."""
        state = record.body.get("state")
        if "reused" in record.body:
            repeated = self._ends.get(read_text(record, "reused"))
            must(record, repeated is not None, "it repeats a record that was not there before")
            assert repeated is not None
            execution, subject, was = repeated
            same = execution != record.execution and (subject, was) == (record.subject, state)
            must(record, same, "it does not say what the record that it repeats says")
        self._ends[record.id] = (record.execution, record.subject, state)

    def _work_parked(self, record: Record) -> None:
        must(record, record.subject not in self._parked, "it was parked before")
        self._parked[record.subject] = record

    def _work_looked(self, record: Record) -> None:
        parked = self._parked.get(record.subject)
        if parked is None:
            raise broken(record, "no work of this name is open")
        course = self._courses.get((record.execution, read_text(parked, "key")))
        about = course is not None and course.intended and course.action == record.body.get("action")
        must(record, about, "it is about another action")
        answer = record.body.get("answer")
        if answer == DONE:
            assert course is not None
            self._check_report(record, course)
            must(record, record.body.get("status") == "succeeded", "no delegate reported that it was done")
        self._looks[record.id] = (record.subject, answer)

    def _work_settled(self, record: Record) -> None:
        parked = self._parked.pop(record.subject, None)
        if parked is None:
            raise broken(record, "no work of this name is open")
        must(record, record.body.get("answer") in _listed(parked.body.get("offers")), "it was not offered")
        must(record, record.body.get("action") == parked.body.get("action"), "it is about another action")
        check_settlement(record, control_plane=self.signers.at(record))
        if record.body["by"] == CONTROL_PLANE:
            said = self._looks.get(str(record.body["record"]))
            must(record, said == (record.subject, record.body["answer"]), "its target did not say so")

    def _kept(self, record: Record) -> None:
        check_text(record)

    def _case_changed(self, record: Record) -> None:
        key = (read_text(record, "of", "execution"), read_text(record, "of", "key"))
        self._cases.follow(record, self._courses.get(key))

    def _course(self, record: Record) -> _Course:
        course = self._courses.get((record.execution, record.subject))
        if course is None or course.action != read_text(record, "action"):
            raise broken(record, "this action was not decided before")
        must(record, course.tool == read_text(record, "tool"), "it names another tool than was decided")
        return course


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, (list, tuple)) else ()


_RULES: Mapping[Kind, Callable[[Trail, Record], None]] = {
    Kind.PRINCIPAL_REGISTERED: Trail._registered,
    Kind.PRINCIPAL_CHANGED: Trail._changed,
    Kind.OVERRIDE_OPENED: Trail._override_opened,
    Kind.OVERRIDE_CLOSED: Trail._override_closed,
    Kind.KILL_MADE: Trail._killed,
    Kind.KILL_LIFTED: Trail._killed,
    Kind.DECIDED: Trail._decided,
    Kind.INTENDED: Trail._intended,
    Kind.OUTCOME: Trail._ended,
    Kind.PLAN_PROPOSED: Trail._said,
    Kind.DEPUTY_NAMED: Trail._said,
    Kind.DEPUTY_DISMISSED: Trail._said,
    Kind.CASE_OPENED: Trail._case_changed,
    Kind.CASE_CHANGED: Trail._case_changed,
    Kind.APPROVAL_REQUESTED: Trail._said,
    Kind.APPROVAL_VERDICT: Trail._said,
    Kind.EVIDENCE_ADDED: Trail._exhibited,
    Kind.CONTROLS_ATTESTED: Trail._attested,
    Kind.BLOCK_ENDED: Trail._stage_ended,
    Kind.WORK_PARKED: Trail._work_parked,
    Kind.WORK_LOOKED: Trail._work_looked,
    Kind.WORK_SETTLED: Trail._work_settled,
    Kind.TEXT_KEPT: Trail._kept,
    Kind.KEY_ROTATED: Trail._rotated,
    Kind.INTERVENTION_REQUESTED: Trail._questioned,
    Kind.INTERVENTION_ANSWERED: Trail._intervened,
}
