"""Named locks and barriers: who of many may go on, across executions and processes, for the steps `queue` and `barrier`.

Rules
  1. Whoever wants a lock takes a ticket; the oldest ticket holds it. Tickets are drawn under the journal's lock, so they have one
     order over all processes.
  2. A lock is held for a region: the whole execution, or the stage at whose end it is given back. Who asks for it again inside
     its own region has it already; otherwise two branches of one stage would wait for each other for ever. What a region has
     begun, a chained pipeline or a rollback, is inside it.
  3. A ticket lives while somebody carries its execution, which renews it, and `ttl_s` longer; that of an execution which has
     ended counts no more. A holder whose ticket ran out has lost the lock only when another has taken it: what then goes on
     is paused, for a person to decide about.
  4. Whoever waits in a circle waits for ever (`lock_circles`): the youngest in it takes back its ticket, and its step fails.
     Who finds that another one is to give way wakes it.
  5. A lock that is given back wakes who holds it now. A wake that is lost is made good for at the next renewal.
  6. A barrier counts arrivals: it opens for every `of` of them, in the order they come, so it can be used again in a loop.
     A step that comes once more while it waits, in another attempt, is still one: the newest attempt counts. One that has ended
     before the barrier opened has not come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bridle.engine.lock_circles import Ticket, find_youngest
from bridle.engine.position import without_attempts
from bridle.trust.journal import GuardError, Journal

TTL_S = 60.0
RENEW_S = 15.0

Wake: TypeAlias = Callable[[str, str], Awaitable[None]]
Lost: TypeAlias = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True)
class Holder:
    """A step that wants a lock, and the region that it is for: a path, or the whole execution when empty."""

    execution: str
    path: str
    region: str = ""


@dataclass(frozen=True)
class TakeTicket:
    """Guard: put a holder into the line of a lock, once, and note that it holds the lock if nobody is before it."""

    name: str
    holder: Holder
    ttl_s: float
    guards = "lock {0.name}"


@dataclass(frozen=True)
class Place:
    """How many are before a holder; 0 when it has the lock. `circle` is what it waits in for ever, unless it gives way."""

    ahead: int
    circle: tuple[Ticket, ...] = ()


@dataclass(frozen=True)
class LeaveCircle:
    """Guard: take back the ticket of a holder that waits in a circle and is the youngest in it."""

    name: str
    holder: Holder
    guards = "the circle of {0.holder.execution} at lock {0.name}"


@dataclass(frozen=True)
class ReturnTicket:
    """Guard: take back one ticket."""

    name: str
    holder: Holder
    guards = "lock {0.name}"


@dataclass(frozen=True)
class ReturnTickets:
    """Guard: take back the tickets of a region; with an empty region every ticket and arrival of the execution."""

    execution: str
    region: str
    guards = "locks of {0.execution}"


@dataclass(frozen=True)
class RenewTickets:
    """Guard: let the tickets of executions that are being carried live on."""

    executions: frozenset[str]
    ttl_s: float
    guards = "the locks of what is being carried"


@dataclass(frozen=True)
class Arrive:
    """Guard: count a branch among those that have come to a barrier, once."""

    execution: str
    name: str
    path: str
    guards = "barrier {0.name} of {0.execution}"


@dataclass(frozen=True)
class Depart:
    """Guard: count a branch no more that came to a barrier and has ended there, unless the barrier has opened for it."""

    execution: str
    name: str
    path: str
    of: int
    guards = "barrier {0.name} of {0.execution}"


class LockStore(Protocol):
    """Reads locks and barriers. Changing them is a guard of the journal."""

    async def position(self, name: str, holder: Holder) -> Place:
        """Return where the holder stands."""
        ...

    async def names(self, execution: str, region: str) -> list[str]:
        """Return the locks and barriers that returning the region would change."""
        ...

    async def heads(self, *, names: Collection[str] = (), executions: Collection[str] = ()) -> list[Holder]:
        """Return who could have a lock and does not know it yet: of these locks, or among these executions."""
        ...

    async def lost(self, executions: Collection[str]) -> list[tuple[Holder, str]]:
        """Return the holders whose lock, named beside them, another has taken."""
        ...

    async def arrivals(self, execution: str, name: str) -> list[str]:
        """Return the paths that have come to a barrier, in order."""
        ...


class Locks:
    """The locks and barriers as steps and processes use them."""

    def __init__(self, journal: Journal, store: LockStore, wake: Wake) -> None:
        self._journal = journal
        self._store = store
        self._wake = wake

    async def acquire(self, name: str, holder: Holder, *, ttl_s: float = TTL_S) -> Place:
        """Stand in line for a lock and return where; one with a circle has left the line again and never gets the lock."""
        await self._journal.append([], [TakeTicket(name, holder, ttl_s)])
        place = await self._store.position(name, holder)
        if not place.circle:
            return place
        youngest = find_youngest(place.circle)
        if (youngest.name, youngest.execution, youngest.path) != (name, holder.execution, holder.path):
            await self._wake(youngest.execution, youngest.path)
            return Place(place.ahead)
        try:
            await self._journal.append([], [LeaveCircle(name, holder)])
        except GuardError:  # somebody in it has ended since: it waits on
            return Place(place.ahead)
        return place

    async def release_scope(self, execution: str, region: str) -> None:
        """Give back what was locked for a region that has ended (a stage, or the execution when empty), and wake who is next."""
        names = await self._store.names(execution, region)
        if not names:
            return
        await self._journal.append([], [ReturnTickets(execution, region)])
        await self._wake_heads(await self._store.heads(names=names))

    async def arrive(self, name: str, execution: str, path: str, *, of: int) -> bool:
        """Come to a barrier; return whether it is open for this branch, and wake those it opens for if this is the last."""
        await self._journal.append([], [Arrive(execution, name, path)])
        together = await self.together(name, execution, path, of=of)
        if len(together) < of:
            return False
        if together[-1] == path:
            for other in together[:-1]:
                await self._wake(execution, other)
        return True

    async def together(self, name: str, execution: str, path: str, *, of: int) -> list[str]:
        """Return who has come to a barrier with this branch so far, in order, itself among them."""
        rounds = divide(await self._store.arrivals(execution, name), of)
        return next((one for one in reversed(rounds) if path in one), [])

    async def rouse(self, name: str, execution: str, *, of: int, but: str) -> None:
        """Have those look again who wait at a barrier, but for what stands at or below a path that has ended."""
        rounds = divide(await self._store.arrivals(execution, name), of)
        waiting = rounds[-1] if rounds and len(rounds[-1]) < of else []
        for path in waiting:
            if path != but and not path.startswith(f"{but}/"):
                await self._wake(execution, path)

    async def keep(self, carried: Collection[str], lost: Lost, *, ttl_s: float = TTL_S) -> None:
        """Renew the tickets of what is being carried here, wake who holds a lock by now, and tell of locks that were lost."""
        if not carried:
            return
        for holder, name in await self._store.lost(carried):
            await lost(holder.execution, name)
            await self._journal.append([], [ReturnTicket(name, holder)])  # it was told, and is not told again
        await self._journal.append([], [RenewTickets(frozenset(carried), ttl_s)])
        await self._wake_heads(await self._store.heads(executions=carried))

    async def _wake_heads(self, heads: Collection[Holder]) -> None:
        for holder in heads:
            await self._wake(holder.execution, holder.path)


def divide(come: Sequence[str], of: int) -> list[list[str]]:
    """Divide the arrivals at a barrier into rounds: each is `of` different places, every one in its newest attempt."""
    rounds: list[dict[str, str]] = []
    for path in come:
        place = without_attempts(path)
        if not rounds or len(rounds[-1]) == of:
            rounds.append({})
        rounds[-1].pop(place, None)
        rounds[-1][place] = path
    return [list(one.values()) for one in rounds]
