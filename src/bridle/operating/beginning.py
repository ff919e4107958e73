"""How a session begins where a policy set is bound `on: run`: it is decided before the first call of the session does anything.

The beginning is an action (`session.begin`) of who opened the session, decided by the gate, recorded, and asked about where a
rule asks. It is decided once; a denial denies every call. Where no set is bound to it, nothing is asked and nothing recorded.
"""

from __future__ import annotations

from datetime import timedelta

from bridle.core.boundary import Boundary
from bridle.core.clock import Clock
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Done, Result
from bridle.gate.asking import Ask
from bridle.gate.gate import Gate
from bridle.operating.calling import Caller
from bridle.operating.session import STEP
from bridle.trust.bindings import BEGIN_SESSION
from bridle.trust.journal import Journal
from bridle.trust.lending import lend
from bridle.trust.principals import Place, Principals
from bridle.trust.tokens import mint

NEEDS = frozenset({"session:open"})
TTL = timedelta(minutes=5)


class Beginning:
    """Decides whether sessions may begin. `asked` is false where no set is bound to that."""

    def __init__(
        self, *, gate: Gate, journal: Journal, principals: Principals, clock: Clock, asked: bool
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._principals = principals
        self._clock = clock
        self._asked = asked
        self._begun: set[str] = set()

    async def ask(self, caller: Caller) -> Result | None:
        """Return what keeps a session from beginning, or None once it has begun."""
        session = caller.session
        if not self._asked or session.id in self._begun:
            return None
        place = Place(caller.token.claims.project)
        initiator = await self._principals.get(session.initiator, place)
        assert initiator is not None  # it was registered before the session was opened
        key = f"{session.id}/{STEP}#begin"
        minted = mint(
            actor=initiator,
            initiator=initiator,
            asked_for=NEEDS,
            execution=session.id,
            step=key,
            expires_at=self._clock.now() + TTL,
            place=place,
            purpose=session.purpose,
            boundary=self._principals.boundary(place),
        )
        arguments = {"agent": session.agent, "purpose": session.purpose, "case": session.case}
        ask = Ask(message=f"{session.agent} wants to begin", topic=STEP)
        async with lend(self._journal, minted) as secret:
            action = Action(
                request=Request(key, BEGIN_SESSION, arguments, initiator.id, session.purpose),
                execution=session.id,
                step=key,
                boundary=Boundary(),
                token=secret,
                task=session.task,
            )
            result = await self._gate.settle(action, ask)
        if not isinstance(result, Done):
            return result
        self._begun.add(session.id)
        return None
