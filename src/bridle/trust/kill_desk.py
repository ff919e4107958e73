"""The desk at which kills are made, lifted and followed (trust.kills)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.clock import Clock, iso
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.kills import FORM, STREAM, Answer, Kill, Kills, LiftKill, MakeKill, NothingToKill, Scope
from bridle.trust.notary import Author, Notary
from bridle.trust.principals import PrincipalKind

PERMISSION = "fleet:kill"
WITHIN_S = 5.0
LOOK_S = 0.1
NO_REASON = "no reason was given"  # whoever has to stop something at once is not asked for words


class KillDesk:
    """Where kills are made and lifted."""

    def __init__(self, *, journal: Journal, kills: Kills, notary: Notary, clock: Clock) -> None:
        self._journal = journal
        self._kills = kills
        self._notary = notary
        self._clock = clock

    async def kill(self, scope: Scope, name: str, *, reason: str, by: Author) -> Kill:
        """Record a kill, which counts when this returns; raise InputError or TrustError."""
        if scope is Scope.AGENT:
            name = name.partition("@")[0]
            if await self._notary.principals.get(name) is None:
                raise InputError(
                    f"no agent {name} is known, so nothing would be stopped",
                    hint="bridle principals lists them",
                    reason="unknown-agent",
                )
        kill = Kill(
            id=new_id("kil"),
            scope=scope,
            name=name,
            reason=" ".join(reason.split()) or NO_REASON,
            by=by.principal,
            at=self._clock.now(),
        )
        body = await self._sign(kill.to_json(), by)
        try:
            await self._journal.append([Entry(Kind.KILL_MADE, STREAM, kill.id, body)], [MakeKill(kill)])
        except NothingToKill as error:
            raise InputError(
                f"no pipeline {name} was ever started, so nothing would be stopped",
                hint="bridle executions lists them; --all stops everything",
                reason=NothingToKill.default_reason,
            ) from error
        return await self._find(kill.id)

    async def lift(self, kill_id: str, *, reason: str, by: Author) -> Kill:
        """Record that a kill counts no more. What was stopped stays stopped, and may be started anew."""
        kill = await self._find(kill_id)
        now = self._clock.now()
        body = await self._sign({**kill.to_json(), "reason": reason, "by": by.principal, "at": iso(now)}, by)
        try:
            await self._journal.append(
                [Entry(Kind.KILL_LIFTED, STREAM, kill.id, body)], [LiftKill(kill.id, now)]
            )
        except GuardError as error:
            raise _unknown(kill_id) from error
        return kill

    async def await_answers(self, kill: Kill, *, within_s: float = WITHIN_S) -> list[Answer]:
        """Return what each process has answered, once all have confirmed or the time is over; who was silent is fenced."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        known = {answer.process: answer for answer in await self._kills.answers(kill.id)}
        while loop.time() < until and any(answer.left != 0 for answer in known.values()):
            await asyncio.sleep(LOOK_S)
            known |= {answer.process: answer for answer in await self._kills.answers(kill.id)}
        silent = {answer.process for answer in known.values() if answer.left is None}
        if silent:
            await self._kills.fence(silent)
        return sorted(known.values(), key=lambda answer: answer.process)

    async def _find(self, kill_id: str) -> Kill:
        found = next((kill for kill in await self._kills.standing() if kill.id == kill_id), None)
        if found is None:
            raise _unknown(kill_id)
        return found

    async def _sign(self, said: Mapping[str, Json], by: Author) -> dict[str, Json]:
        """Return the body of a record, signed by all who have to."""
        speaker = await self._notary.hear(by, PERMISSION)
        if speaker.principal.kind not in (PrincipalKind.USER, PrincipalKind.SERVICE):
            who = speaker.principal.id
            raise TrustError(f"{who} cannot kill or lift", hint="ask a person", reason="not-a-person")
        kill = {name: value for name, value in said.items() if name in FORM.fields}
        return self._notary.sign(FORM, {**speaker.to_json(), **kill, "author": speaker.name}, speaker.person)


def _unknown(kill_id: str) -> InputError:
    return InputError(f"no kill {kill_id!r} stands", hint="bridle kill --list", reason="no-kill")
