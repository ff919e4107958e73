"""Carries out what was decided: the permit, the delegate, the outcome, and what happens after a crash in between.

Rules (5 to 8 of `gate`)
  1. Decision, intent and every guard are one transaction, and only then is the delegate told.
  2. The outcome is recorded when the delegate's report verifies; the target's history and the budget change with it.
  3. What a tool changes inside Bridle is in that transaction too, with its outcome (gate.inside). What is done for a case
     stands on the case as it was decided upon: one that moved meanwhile takes the permission with it.
  4. What nobody can tell the outcome of is left to a person as work, in the same transaction (gate.leaving).
  5. An intent without an outcome is recovered by its tool's recovery class, under the decision that was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import BridleError, ExecutionError, InputError, TrustError, UnavailableError
from bridle.dispatch.protocol import Permit, Report, Task, sign_permit, sign_report
from bridle.gate import effects, records
from bridle.gate.action import Action, Denied, Result, Unknown
from bridle.gate.approvals import UseApproval
from bridle.gate.attempts import begin_attempt, end_attempt
from bridle.gate.breakers import Verdict, judge_outcome
from bridle.gate.budgets import REASONS, ReserveBudget, SettleBudget, Spend, estimate, spent
from bridle.gate.fleet import settle_cost
from bridle.gate.history import stand_on_history
from bridle.gate.inside import CaseMoved, stand_on
from bridle.gate.leaving import leave_unknown
from bridle.gate.limits import GiveRoomBack
from bridle.gate.lookups import EXPECTED, agreed_in, may_still_arrive
from bridle.gate.loops import is_counted, record_deed
from bridle.gate.manifest import Recovery, is_external
from bridle.gate.obligations import end_obligations, oblige
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement, overrule, read_action
from bridle.gate.recovery import RECOURSE, Recourse
from bridle.gate.rerouting import find_substitute
from bridle.trust.journal import Entry, Guard, Kind, Record
from bridle.trust.kills import Killed, NotKilled
from bridle.trust.policy import Finding
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.work_items import ParkWork

LOST_ANSWERS = 2  # how often an answer that was lost is asked for again
PERMIT_TTL = timedelta(hours=1)  # longer than any command's wall time, shorter than a working day


class Carrying:
    """Has the delegate do what was allowed, once."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports

    async def carry_out(self, action: Action, judgement: Judgement) -> Result:
        """Record the claim with everything it takes, tell the delegate, and record the outcome.

        Raise LimitFull, AttemptTaken or HistoryMoved when somebody else was first meanwhile: nothing is recorded then.
        """
        alive = _alive(action, judgement)
        guards = [alive, *self._attempt(action), *self._room(action, judgement)]
        if judgement.approval is not None:
            guards.append(UseApproval(judgement.approval.id, action.digest, self._on.clock.now()))
        if action.budget:
            reserve, refusal = await self._reserve(action)
            if refusal:
                return await deny(self._on, action, overrule(judgement, Finding(refusal, REASONS[refusal])))
            guards.append(reserve)
        token = judgement.standing.token
        permit = self._permit(
            action,
            decision=judgement.decision.policy,
            token_id=token.id if token else "",
            expect=judgement.decision.expect,
        )
        entries = [
            records.decided(action, judgement, self._on.redactor),
            records.intended(action, permit, tree=judgement.tree),
        ]
        guards += [*stand_on(judgement.facts["case"]), *stand_on_history(action, judgement.facts)]
        try:
            if self._on.manifest_of(action.request.tool).inside:
                return await self._change(action, judgement, entries, guards)
            await self._on.journal.append(entries, guards)
        except Killed as error:
            return await deny(self._on, action, overrule(judgement, Finding(error.reason, f"{error.what}.")))
        except CaseMoved as error:
            finding = Finding("case.moved", f"{error.what}. Look at the case again, and decide anew.")
            return await deny(self._on, action, overrule(judgement, finding))
        return await self._effect(action, permit)

    async def _change(
        self, action: Action, judgement: Judgement, entries: list[Entry], guards: list[Guard]
    ) -> Result:
        """Change what is inside Bridle: decision, intent, change and outcome are one transaction (gate.inside)."""
        assert self._on.inside is not None  # without it the boundaries have no fact of the change, and deny
        change = await self._on.inside.prepare(action, judgement.standing)
        report = sign_report(
            self._on.signer,
            action_digest=action.digest,
            delegate=CONTROL_PLANE,
            status="succeeded",
            value=self._on.redactor.redact_json(change.value),
            facts={},
        )
        outcome = records.reported(action, report)
        written = await self._on.journal.append(
            [*entries, *change.entries, outcome], [*guards, *change.guards]
        )
        return records.done_by(written[-1])

    async def recover(self, action: Action, intent: Record) -> Result:
        """Return what became of an action that was begun, or bring it to its end by its tool's recovery class."""
        manifest = self._on.manifest_of(action.request.tool)
        recourse = RECOURSE[manifest.recovery]
        tree = str(intent.body["tree"]) if recourse is Recourse.RESTORE_AND_AGAIN else ""
        if recourse is Recourse.GIVE_UP:
            reason = "it was begun, and nobody can tell whether it was done"
            return await self._conclude(action, status="unknown", value=reason)
        permit = await self._permit_again(action, intent, restore_to=tree)
        if recourse is Recourse.ASK_TARGET:
            task = _task(action, permit)
            try:
                report = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
            except TrustError as error:
                if not manifest.external:
                    raise
                return await self._conclude(action, status="unknown", value=error.what)
            if report is not None:
                return await self._report(action, report)
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
            task = _task(action, await self._permit_again(action, intent, restore_to=""))
            return await effects.look_up(self._on.delegate, task, key=self._on.delegate_key) is None
        except BridleError:
            return False

    async def give_up(self, intent: Record, *, token: str) -> None:
        """Record what became of an action that was begun and is not repeated: what its target says, or that nobody can tell."""
        decided = await self._on.journal.last(intent.execution, intent.subject, (Kind.DECIDED,))
        if decided is not None and token and await self._ask_after(decided, intent, token=token):
            return
        request = as_mapping(decided.body["request"]) if decided else {}
        value = "it was begun by a process that is gone, and nobody can tell whether it was done"
        entry = records.abandoned(intent, principal=str(request.get("principal", "")), value=value)
        tool = str(intent.body["tool"])
        counted = is_counted(self._on.manifests.get(tool)) and decided is not None
        deed = (
            record_deed(decided, tool=tool, value=value, at=self._on.clock.now())
            if counted and decided
            else []
        )
        manifest = self._on.manifests.get(tool)
        parked = []
        if is_counted(manifest) or (manifest is None and is_external(tool)):
            parked = [self._park(tool, decided, intent.execution, intent.subject, value)]
        entries = [entry, *(told for told, _ in parked)]
        guards = [*deed, *end_attempt(tool, intent.subject, "unknown"), *(guard for _, guard in parked)]
        await self._on.journal.append(entries, guards)

    async def _ask_after(self, decided: Record, intent: Record, *, token: str) -> bool:
        """Ask the target of a call what became of it, and record that; False when it does not say, or cannot be asked."""
        if agreed_in(intent) is None:
            return False
        try:
            action = await read_action(decided, self._on.journal, token=token)
            task = _task(action, await self._permit_again(action, intent, restore_to=""))
            report = await effects.look_up(self._on.delegate, task, key=self._on.delegate_key)
        except BridleError:
            return False
        if report is None and may_still_arrive(intent, self._on.clock.now()):
            return False
        if report is not None:
            await self._report(action, report)
        else:
            value: Json = {"error": "its target does not know it", "reason": "not-done"}
            await self._conclude(action, status="failed", value=value)
        return True

    async def replay(self, record: Record) -> Result:
        """Return the result that an outcome records."""
        if record.body["status"] == "unknown":
            return Unknown(record.id, str(record.body["value"]))
        private = await self._on.journal.reveal(record, "private") if "private" in record.raw else b""
        return records.done_by(record, private)

    async def _effect(
        self, action: Action, permit: Permit, *, restore_to: str = "", sent: bool = False
    ) -> Result:
        """Have it done and record what came of it. `sent` says that an earlier attempt may have done it already."""
        task = _task(action, permit, restore_to=restore_to)
        try:
            report = await self._tell(action, task)
        except effects.ReportError as error:
            return await self._conclude(action, status="unknown", value=error.what, verdict="failed")
        except (InputError, TrustError, UnavailableError, ExecutionError) as error:
            # The delegate says that it did not begin: that is an outcome, and nobody has to recover it.
            away = isinstance(error, UnavailableError)
            if isinstance(error, UnavailableError) and (sent or await self._stays_begun(action)):
                raise self._stopped(action, error) from error
            if sent:
                reason = f"it was begun before, and cannot be asked for again: {error.what}"
                return await self._conclude(action, status="unknown", value=reason)
            value: Json = {"error": error.what, "reason": error.reason, "next": error.hint}
            return await self._conclude(
                action, status="failed", value=value, verdict="failed" if away else "void", unreached=away
            )
        return await self._report(action, report)

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
            with suppress(
                BridleError
            ):  # what does not say that it was done says nothing: it may still arrive
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

    async def _permit_again(self, action: Action, intent: Record, *, restore_to: str) -> Permit:
        """Sign the recorded decision anew for the token of today; what was decided stays as it was."""
        permit = intent.body["permit"]
        assert isinstance(permit, Mapping)
        content = permit["content"]
        assert isinstance(content, Mapping)
        expect = content["expect"]
        assert isinstance(expect, Mapping)
        token = (await self._on.facts.standings.of(action)).token
        return self._permit(
            action,
            decision=str(content["decision"]),
            token_id=token.id if token else "",
            expect={**expect, "restore_to": restore_to},
        )

    def _permit(self, action: Action, *, decision: str, token_id: str, expect: Mapping[str, Json]) -> Permit:
        """Sign what was decided, with everything that a task carries beside its request: nothing can be swapped."""
        about: dict[str, Json] = {
            "boundary": digest(action.boundary.to_json()),
            "workspace": action.workspace,
            "restore_to": "",
        }
        return sign_permit(
            self._on.signer,
            action_digest=action.digest,
            delegate=CONTROL_PLANE
            if self._on.manifest_of(action.request.tool).inside
            else self._on.delegate.name,
            decision=decision,
            token_id=token_id,
            expires_at=self._on.clock.now() + PERMIT_TTL,
            expect={**about, **expect},
        )

    def _attempt(self, action: Action) -> list[Guard]:
        manifest, now = self._on.manifest_of(action.request.tool), self._on.clock.now()
        arguments = action.request.arguments
        key, execution = action.key, action.execution
        begun = begin_attempt(manifest, arguments, key=key, execution=execution, at=now)
        return [*begun, *oblige(manifest, arguments, key=key, execution=execution, at=now)]

    def _room(self, action: Action, judgement: Judgement) -> list[Guard]:
        """Return the guards that count the action: of two that race for the last of a limit, or to be a probe, one gets it."""
        manifest, now = self._on.manifest_of(action.request.tool), self._on.clock.now()
        cost = self._on.facts.cost_of(action)
        return self._on.facts.limits.take(action, judgement.facts, manifest, cost=cost, now=now)

    async def _reserve(self, action: Action) -> tuple[ReserveBudget, str]:
        """Return the reservation for a model call and the rule that forbids it, if one does."""
        arguments = action.request.arguments
        ceiling = arguments["max_output_tokens"]
        assert isinstance(ceiling, int)
        model = str(arguments["model"])
        spend, priced = estimate(action.payload, model=model, max_output_tokens=ceiling, price=self._on.price)
        budget = await self._on.budgets.get(action.budget)
        refusal = budget.refusal(spend, priced=priced) if budget else "budget.missing"
        return ReserveBudget(action.budget, action.key, spend), refusal

    async def _report(self, action: Action, report: Report) -> Result:
        settle = [SettleBudget(action.budget, action.key, spent(report.facts))] if action.budget else []
        parked, remember = await self._remember(action, status=report.status, value=report.value)
        entries = [records.reported(action, report), *records.exhibited(action, report), *parked]
        verdict = judge_outcome(report.status, report.value)
        written = await self._end(
            action, entries, [*settle, *settle_cost(action, report), *remember], verdict
        )
        if report.status == "unknown":
            return Unknown(written[0].id, "the delegate cannot tell whether it was done")
        return records.done_by(written[0], report.private)

    async def _conclude(
        self, action: Action, *, status: str, value: Json, verdict: Verdict = "void", unreached: bool = False
    ) -> Result:
        settle = [SettleBudget(action.budget, action.key, Spend(turns=1))] if action.budget else []
        told = self._on.redactor.redact_json(value)
        entry = records.concluded(action, status=status, value=told, unreached=unreached)
        back = [GiveRoomBack(action.key)] if status == "failed" else []
        parked, remember = await self._remember(action, status=status, value=value)
        written = await self._end(action, [entry, *parked], [*settle, *remember, *back], verdict)
        return await self.replay(written[0])

    async def _end(
        self, action: Action, entries: Sequence[Entry], guards: Sequence[Guard], verdict: Verdict
    ) -> list[Record]:
        """Record an outcome, and tell the breakers; an opening is recorded after it."""
        limits, manifest = self._on.facts.limits, self._on.manifests.get(action.request.tool)
        left = await limits.leave(self._on.journal, action, manifest, verdict, now=self._on.clock.now())
        written = await self._on.journal.append(entries, [*guards, *left])
        if left and verdict == "failed":
            await limits.record_openings(self._on.journal)
        return written

    async def _remember(self, action: Action, *, status: str, value: Json) -> tuple[list[Entry], list[Guard]]:
        """Return what changes with the outcome: its attempt, its target's history, or the room that it took and did not need;
        and the work that it leaves to a person."""
        tool = action.request.tool
        ended, manifest = end_attempt(tool, action.key, status), self._on.manifests.get(tool)
        if manifest is None or not is_counted(manifest):
            return [], ended  # it was carried out, however it ended
        ended += end_obligations(manifest, action.request.arguments, key=action.key, status=status)
        if status == "failed":
            return [], [*ended, GiveRoomBack(action.key)]
        decided = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        now = self._on.clock.now()
        deed = record_deed(decided, tool=action.request.tool, value=value, at=now) if decided else []
        if status != "unknown":
            return [], [*ended, *deed]
        told = self._on.redactor.redact_json(value)
        entry, park = self._park(tool, decided, action.execution, action.key, told)
        return [entry], [*ended, *deed, park]

    def _park(
        self, tool: str, decided: Record | None, stream: str, key: str, value: Json
    ) -> tuple[Entry, ParkWork]:
        manifest, now = self._on.manifests.get(tool), self._on.clock.now()
        return leave_unknown(tool, manifest, decided, stream=stream, key=key, value=value, at=now)


def _alive(action: Action, judgement: Judgement) -> Guard:
    """Return the guard that finds no kill for the execution or whoever acts, also through others."""
    token = judgement.standing.token
    behind = token.claims.actors if token else ()
    return NotKilled(action.execution, frozenset({action.request.principal, *behind}))


def _task(action: Action, permit: Permit, *, restore_to: str = "") -> Task:
    return Task(
        request=action.request,
        permit=permit,
        token=action.token,
        workspace=action.workspace,
        boundary=action.boundary.to_json(),
        payload=action.payload,
        restore_to=restore_to,
    )


async def deny(on: Ports, action: Action, judgement: Judgement) -> Denied:
    """Record a denial."""
    entry = records.decided(action, judgement, on.redactor)
    return records.denied_by((await on.journal.append([entry]))[0])
