"""What a failure strategy makes the execution wait for: the time before another attempt, and a person's decision.

Rules
  1. A wait for another attempt is over when its time is, however often it is disturbed.
  2. A person decides among what the strategy offers; the decision is signed and recorded. Nobody holds a worker meanwhile.
  3. When nobody decides in time, what the strategy says for that case happens; it is recorded as nobody's decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bridle.core.canonical import Json
from bridle.core.clock import from_iso, iso
from bridle.core.errors import TrustError
from bridle.core.notes import add_remark
from bridle.core.states import State
from bridle.engine.desk import Desk
from bridle.engine.interventions import SAID, CloseIntervention, Intervention
from bridle.engine.position import Position
from bridle.engine.result import Standing
from bridle.engine.stepping import answer_of
from bridle.engine.work import Answer
from bridle.trust.interventions import check_answer, check_decider
from bridle.trust.journal import Entry, Guard, GuardError, Kind, Record

INTERVENTION_S = 86_400  # where the record of the failure does not say


async def rest(desk: Desk, position: Position, until: str) -> Answer:
    """See `work.Worker.rest`. A cancel ends the rest; the next attempt then finds it too."""
    left_s = (from_iso(until) - desk.now()).total_seconds()
    cut = await desk.interruption(position)
    if cut is not None and cut["state"] != State.PAUSED:
        return {"state": str(State.SUCCEEDED)}
    if left_s <= 0 and cut is None:
        return {"state": str(State.SUCCEEDED)}
    return cut or {"state": str(State.WAITING), "timeout_s": left_s}


async def intervene(
    desk: Desk, position: Position, standing: Standing, answer: Answer, *, path: str = ""
) -> Answer:
    """See `work.Worker.intervene`. `path` names what is decided about, where it is not the step at the position."""
    path = path or position.path
    cut = await desk.interruption(position)
    if cut is not None:
        return cut
    last = await desk.bench.journal.last(desk.execution.id, path, SAID)
    assert last is not None  # the failed attempt's end is there at least
    if last.kind is Kind.STEP_ENDED and "intervened" in last.body:
        return answer_of(last)
    if last.kind is Kind.STEP_ENDED:
        last = await _request(desk, path, answer)
    if last.kind is Kind.INTERVENTION_ANSWERED:
        return await _obey(desk, path, last)
    asked = Intervention.of(last)
    if desk.now() >= asked.expires_at or desk.is_over(standing):
        return await _time_out(desk, position, standing, answer, asked)
    left_s = min((asked.expires_at - desk.now()).total_seconds(), desk.left_s(standing))
    await desk.append([], desk.end_work(path, waits=f"a person decides about {path}"))
    return {"state": str(State.WAITING), "timeout_s": left_s + 0.05}


async def _request(desk: Desk, path: str, answer: Answer) -> Record:
    """Ask, with what the rule that matched offers; it was recorded with the attempt's end."""
    expires_at = desk.now() + timedelta(seconds=answer.get("timeout_s") or INTERVENTION_S)
    body: dict[str, Json] = {
        "offers": list(answer.get("offers") or ("abort", "fail")),
        "expires_at": iso(expires_at),
        **({"approvers": answer["approvers"]} if answer.get("approvers") else {}),
    }
    return (await desk.append([desk.entry(Kind.INTERVENTION_REQUESTED, path, body)], []))[-1]


async def _obey(desk: Desk, path: str, answered: Record) -> Answer:
    """Do what the person decided; what nobody offered, or the control plane did not sign, fails the step."""
    request = await desk.bench.journal.last(desk.execution.id, path, (Kind.INTERVENTION_REQUESTED,))
    body, said = answered.body, str(answered.body.get("answer"))
    try:
        key = desk.bench.keys.at(answered.seq)
        check_answer(body, execution=desk.execution.id, path=path, control_plane=key)
        if request is not None:
            check_decider(request.body, body, at=from_iso(answered.at))
    except TrustError as error:
        return await _settle(
            desk, path, "fail", who=f"the answer in the journal is not to be believed: {error}"
        )
    if request is None or request.id != body["request"] or said not in Intervention.of(request).offers:
        return await _settle(desk, path, "fail", who="the answer in the journal was never offered")
    return await _settle(desk, path, said, by=str(body["by"]), who=str(body["by"]))


async def _time_out(
    desk: Desk, position: Position, standing: Standing, answer: Answer, asked: Intervention
) -> Answer:
    guard = CloseIntervention(asked.execution, asked.path, asked.request)
    then = str(answer.get("then") or "fail")
    try:
        return await _settle(desk, asked.path, then, who="nobody decided in time", guards=(guard,))
    except GuardError:  # somebody has just answered
        return await intervene(desk, position, standing, answer, path=asked.path)


async def _settle(
    desk: Desk, path: str, reaction: str, *, who: str, by: str = "", guards: Sequence[Guard] = ()
) -> Answer:
    """Record what becomes of the step, as another end of it."""
    ended = await desk.bench.journal.last(desk.execution.id, path, (Kind.STEP_ENDED,))
    assert ended is not None
    before = ended.body["reaction"]
    assert isinstance(before, Mapping)
    told: dict[str, Json] = {"reaction": reaction}
    told |= {"fail_all": True} if before.get("fail_all") else {}
    body: dict[str, Json] = {
        **ended.body,
        "state": str(State.SUCCEEDED) if reaction == "success" else ended.body["state"],
        "note": add_remark(str(ended.body["note"]), f"{who}: {reaction}"),
        "ignored": reaction == "ignore",
        "reaction": told,
        "intervened": by,
    }
    moves: list[Guard] = []
    if (
        desk.waiting.pop(path, None) is not None
    ):  # where other branches wait and nobody works, the whole waits on
        moves = desk.end_work(path) or [desk.move(State.RUNNING, "")]
    entry = Entry(Kind.STEP_ENDED, desk.execution.id, path, body)
    return answer_of((await desk.append([entry], [*guards, *moves]))[-1])
