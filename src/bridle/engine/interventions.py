"""Interventions: a person decides what becomes of a failed step. Takes the decision, and finds what waits for one.

Rules
  1. Only a person decides, one of those whom the author names where somebody is named, only what was offered, and only until the
     request expires.
  2. The answer is recorded if the request is still the last that was said about the step, in the record's own transaction: of two
     answers at once, or of an answer and the time-out, one counts.
  3. The answer is signed; whoever carries the execution verifies it before it acts on it (engine.reactions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock, from_iso
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.durable import Durable
from bridle.engine.execution import Execution
from bridle.trust.interventions import check_decider, decided_words, sign_answer
from bridle.trust.journal import Entry, GuardError, Journal, Kind, Record
from bridle.trust.notary import Notary, Speaker, require_person
from bridle.trust.principals import Principal

SAID = (Kind.INTERVENTION_REQUESTED, Kind.INTERVENTION_ANSWERED, Kind.STEP_ENDED)


@dataclass(frozen=True)
class Intervention:
    """A request for a decision about the step at `path`; `request` is its record, `offers` are the answers there are,
    `approvers` whom the author wants one of, by users, groups and attributes; empty for any person."""

    execution: str
    path: str
    request: str
    offers: tuple[str, ...]
    expires_at: datetime
    approvers: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record) -> Intervention:
        offers = record.body["offers"]
        assert isinstance(offers, Sequence)
        return cls(
            record.execution,
            record.subject,
            record.id,
            tuple(str(offer) for offer in offers),
            from_iso(str(record.body["expires_at"])),
            as_mapping(record.body.get("approvers") or {}),
        )


@dataclass(frozen=True)
class CloseIntervention:
    """Guard: the request is the last that was said about its step (rule 2)."""

    execution: str
    path: str
    request: str
    guards = "the request for a decision about {0.path} of {0.execution}"


@dataclass(frozen=True)
class Decision:
    """A person's answer. `name` is what they call themselves; one that has a key here signs with it."""

    answer: str
    by: Principal
    comment: str = ""
    name: str = ""


class Interventions:
    """The desk at which decisions are taken."""

    def __init__(self, *, journal: Journal, durable: Durable, notary: Notary, clock: Clock) -> None:
        self._journal = journal
        self._durable = durable
        self._notary = notary
        self._clock = clock

    async def answer(self, execution: Execution, path: str, decision: Decision) -> None:
        """Record a decision and wake who waits for it; raise InputError or TrustError when it may not be taken."""
        require_person(decision.by)
        asked = await self._find(execution, path)
        if decision.answer not in asked.offers:
            raise InputError(
                f"{decision.answer!r} is not offered for {path}",
                hint=f"answer one of {', '.join(asked.offers)}",
                reason="not-offered",
            )
        await self._record(asked, decision)
        await self._durable.wake(execution.id, path)

    async def _find(self, execution: Execution, path: str) -> Intervention:
        last = await self._journal.last(execution.id, path, SAID)
        if last is None or last.kind is not Kind.INTERVENTION_REQUESTED or execution.state.ended:
            now = self._clock.now()
            found = [item.path for item in await find_open_interventions(self._journal, execution, now=now)]
            shows = f"bridle executions {execution.id} shows what it waits for"
            raise InputError(
                f"nobody is asked about {path} of {execution.id}",
                hint=f"a person is asked about {', '.join(found)}" if found else shows,
                reason="not-open",
            )
        asked = Intervention.of(last)
        if self._clock.now() >= asked.expires_at:
            raise InputError(
                f"the time to decide about {path} is over",
                hint="what its failure strategy says for that case happens",
                reason="expired",
            )
        return asked

    async def _record(self, asked: Intervention, decision: Decision) -> None:
        speaker = Speaker(decision.by, decision.name, self._notary.find_signer(decision.name))
        about = {"execution": asked.execution, "path": asked.path}
        body: dict[str, Json] = {
            "request": asked.request,
            "answer": decision.answer,
            "comment": decision.comment,
            **speaker.to_json(),
        }
        check_decider({"approvers": asked.approvers}, body, at=self._clock.now())
        if speaker.person is not None:
            words = decided_words(body, speaker.person, **about)
            body["person"] = self._notary.sign_alone(speaker.person, words)
        signed = sign_answer(self._notary.signer, body, **about)
        entry = Entry(Kind.INTERVENTION_ANSWERED, asked.execution, asked.path, signed)
        try:
            await self._journal.append(
                [entry], [CloseIntervention(asked.execution, asked.path, asked.request)]
            )
        except GuardError as error:
            raise InputError(
                "somebody else was first", where=asked.path, hint="bridle executions", reason="not-open"
            ) from error


async def find_open_interventions(
    journal: Journal, execution: Execution, *, now: datetime
) -> list[Intervention]:
    """Return the requests of an execution that a person can still answer."""
    if execution.state is not State.WAITING:
        return []
    last = await _last_words(journal, execution.id)
    asked = [Intervention.of(record) for record in last if record.kind is Kind.INTERVENTION_REQUESTED]
    return [item for item in asked if now < item.expires_at]


async def _last_words(journal: Journal, execution: str) -> list[Record]:
    said = await journal.read(execution=execution, kinds=SAID)
    return list({record.subject: record for record in said}.values())
