"""Carries out what was decided: the permit, the delegate, the outcome, and what happens after a crash in between.

Rules (5 to 8 of `gate`)
  1. Decision, intent and every guard (gate.claims) are one transaction, and only then is the delegate told.
  2. The outcome is recorded when the delegate's report verifies, with all that changes with it (gate.outcomes).
  3. What a tool changes inside Bridle is in that transaction too, with its outcome (gate.inside). What is done for a case
     stands on the case as it was decided upon: one that moved meanwhile takes the permission with it.
  4. An intent without an outcome is recovered by its tool's recovery class, under the decision that was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from bridle.core.canonical import Json
from bridle.core.errors import BridleError, ExecutionError, InputError, TrustError, UnavailableError
from bridle.dispatch.protocol import Permit, Report, Task
from bridle.gate import effects, records
from bridle.gate.action import Action, Denied, Result
from bridle.gate.budgets import REASONS
from bridle.gate.claims import claim, reserve
from bridle.gate.inside import CaseMoved
from bridle.gate.lookups import EXPECTED, agreed_in, may_still_arrive
from bridle.gate.manifest import Recovery
from bridle.gate.origins.writings import TooMuchWritten
from bridle.gate.outcomes import Outcomes
from bridle.gate.permits import make_task, permit_again, permit_now
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement, overrule, read_action
from bridle.gate.recovery import RECOURSE, Recourse
from bridle.gate.rerouting import find_substitute
from bridle.trust.journal import Entry, Guard, Kind, Record
from bridle.trust.kills import Killed
from bridle.trust.policy import Finding

LOST_ANSWERS = 2  # how often an answer that was lost is asked for again


class Carrying:
    """Has the delegate do what was allowed, once."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports
        self._outcomes = Outcomes(ports)

    async def carry_out(self, action: Action, judgement: Judgement) -> Result:
        """Record the claim with everything it takes, tell the delegate, and record the outcome.

        Raise LimitFull, AttemptTaken or HistoryMoved when somebody else was first meanwhile: nothing is recorded then.
        """
        guards = claim(self._on, action, judgement)
        if judgement.approval is None:
            try:
                guards += await self._on.facts.note_writing(action)
            except TooMuchWritten as error:
                finding = Finding(error.reason, f"{error.what}: {error.hint}.")
                return await deny(self._on, action, overrule(judgement, finding))
        if action.budget:
            reservation, refusal = await reserve(self._on, action)
            if refusal:
                return await deny(self._on, action, overrule(judgement, Finding(refusal, REASONS[refusal])))
            guards.append(reservation)
        signed = permit_now(self._on, action, judgement)
        entries = [
            records.decided(action, judgement, self._on.redactor),
            records.intended(action, signed, tree=judgement.tree),
        ]
        try:
            if self._on.manifest_of(action.request.tool).inside:
                return await self._change(action, judgement, entries, guards)
            await self._on.journal.append(entries, guards)
        except Killed as error:
            return await deny(self._on, action, overrule(judgement, Finding(error.reason, f"{error.what}.")))
        except CaseMoved as error:
            finding = Finding("case.moved", f"{error.what}. Look at the case again, and decide anew.")
            return await deny(self._on, action, overrule(judgement, finding))
        return await self._effect(action, signed)

    async def _change(
        self, action: Action, judgement: Judgement, entries: list[Entry], guards: list[Guard]
    ) -> Result:
        """Change what is inside Bridle: decision, intent, change and outcome are one transaction (gate.inside)."""
        assert self._on.inside is not None  # without it the boundaries have no fact of the change, and deny
        change = await self._on.inside.prepare(action, judgement.standing)
        report = records.report_inside(
            action, change.value, signer=self._on.signer, redactor=self._on.redactor
        )
        outcome = records.reported(action, report)
        written = await self._on.journal.append(
            [*entries, *change.entries, outcome], [*guards, *change.guards]
        )
        return records.done_by(written[-1], report.private)

    async def recover(self, action: Action, intent: Record) -> Result:
        """Return what became of an action that was begun, or bring it to its end by its tool's recovery class."""
        manifest = self._on.manifest_of(action.request.tool)
        recourse = RECOURSE[manifest.recovery]
        tree = str(intent.body["tree"]) if recourse is Recourse.RESTORE_AND_AGAIN else ""
        if recourse is Recourse.GIVE_UP:
            reason = "it was begun, and nobody can tell whether it was done"
            return await self._outcomes.conclude(action, status="unknown", value=reason)
        permit = await permit_again(self._on, action, intent, restore_to=tree)
        if recourse is Recourse.ASK_TARGET:
            task = make_task(action, permit)
            try:
                report = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
            except TrustError as error:
                if not manifest.external:
                    raise
                return await self._outcomes.conclude(action, status="unknown", value=error.what)
            if report is not None:
                return await self._outcomes.report(action, report)
            if may_still_arrive(intent, self._on.clock.now()):
                raise UnavailableError(
                    f"{action.request.tool} was sent, and may still arrive",
                    where=action.key,
                    hint="try later",
                )
        return await self._effect(action, permit, restore_to=tree, sent=manifest.recovery is Recovery.KEYED)

    async def is_absent(self, action: Action) -> bool:
        """True when the target of a call that it answered says, asked as agreed, that it does not know it."""
        intent = await self._on.journal.last(action.execution, action.key, (Kind.INTENDED,))
        if intent is None or agreed_in(intent) is None:
            return False
        try:
            task = make_task(action, await permit_again(self._on, action, intent))
            return await effects.look_up(self._on.delegate, task, key=self._on.delegate_key) is None
        except BridleError:
            return False

    async def give_up(self, intent: Record, *, token: str) -> None:
        """Record what became of an action that was begun and is not repeated: what its target says, or that nobody can tell."""
        decided = await self._on.journal.last(intent.execution, intent.subject, (Kind.DECIDED,))
        asked = decided is not None and token and await self._ask_after(decided, intent, token=token)
        if not asked:
            await self._outcomes.abandon(decided, intent)

    async def replay(self, record: Record) -> Result:
        """Return the result that an outcome records."""
        return await self._outcomes.replay(record)

    async def _ask_after(self, decided: Record, intent: Record, *, token: str) -> bool:
        """Ask the target of a call what became of it, and record that; False when it does not say, or cannot be asked."""
        if agreed_in(intent) is None:
            return False
        try:
            action = await read_action(decided, self._on.journal, token=token)
            task = make_task(action, await permit_again(self._on, action, intent))
            report = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
        except BridleError:
            return False
        if report is None and may_still_arrive(intent, self._on.clock.now()):
            return False
        if report is not None:
            await self._outcomes.report(action, report)
        else:
            value: Json = {"error": "its target does not know it", "reason": "not-done"}
            await self._outcomes.conclude(action, status="failed", value=value)
        return True

    async def _effect(
        self, action: Action, permit: Permit, *, restore_to: str = "", sent: bool = False
    ) -> Result:
        """Have it done and record what came of it. `sent` says that an earlier attempt may have done it already."""
        task = make_task(action, permit, restore_to=restore_to)
        try:
            report = await self._tell(action, task)
        except effects.ReportError as error:
            return await self._outcomes.conclude(action, status="unknown", value=error.what, verdict="failed")
        except (InputError, TrustError, UnavailableError, ExecutionError) as error:
            # The delegate says that it did not begin: that is an outcome, and nobody has to recover it.
            away = isinstance(error, UnavailableError)
            if isinstance(error, UnavailableError) and (sent or await self._stays_begun(action)):
                raise self._stopped(action, error) from error
            if sent:
                reason = f"it was begun before, and cannot be asked for again: {error.what}"
                return await self._outcomes.conclude(action, status="unknown", value=reason)
            value: Json = {"error": error.what, "reason": error.reason, "next": error.hint}
            return await self._outcomes.conclude(
                action, status="failed", value=value, verdict="failed" if away else "void", unreached=away
            )
        return await self._outcomes.report(action, report)

    async def _tell(self, action: Action, task: Task) -> Report:
        """Have it done. An answer that was lost is asked for again, where its target knows the key or nothing is changed; then
        its target is asked what became of it, where that was agreed on."""
        report = await effects.carry_out(self._on.delegate, task, key=self._on.delegate_key)
        again = RECOURSE[self._on.manifest_of(action.request.tool).recovery] is Recourse.AGAIN
        for _ in range(LOST_ANSWERS):
            if report.status != "unknown" or not again:
                break
            with suppress(UnavailableError, ExecutionError):  # the first attempt was sent: it stays unknown
                report = await effects.carry_out(self._on.delegate, task, key=self._on.delegate_key)
        if report.status == "unknown" and EXPECTED in task.permit.expect:
            # What does not say that it was done says nothing: it may still arrive.
            with suppress(BridleError):
                found = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
                report = found or report
        return report

    async def _stays_begun(self, action: Action) -> bool:
        """True when trying later is safe by the tool's recovery class, and worth it: rule 8 of `gate`."""
        if find_substitute(action, self._on.manifests) is not None:
            return False
        recovery = self._on.manifest_of(action.request.tool).recovery
        if recovery in (Recovery.LOOKUP, Recovery.NONE):
            return recovery is Recovery.LOOKUP
        decided = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        facts = decided.body["facts"] if decided else None
        return isinstance(facts, Mapping) and facts["approval"] is not None

    def _stopped(self, action: Action, error: UnavailableError) -> UnavailableError:
        what = self._on.redactor.redact(f"{action.request.tool} could not begin: {error.what}")
        return UnavailableError(what, where=action.key, hint=error.hint, reason=error.reason)


async def deny(on: Ports, action: Action, judgement: Judgement) -> Denied:
    """Record a denial."""
    entry = records.decided(action, judgement, on.redactor)
    return records.denied_by((await on.journal.append([entry]))[0])
