"""One schedule of many: workers that perform the same actions, die, are declared dead while they live, and come back.

Everything that varies is drawn from one seed. The store is real and written on the spot, the policy is a fake that knows two
answers, the clock jumps, also back, and of all workers one goes on at a time: from the point where it stands to its next. So the
same seed is the same schedule.

A worker takes an action over as the engine does: the lease of who held it is taken, the step's token is deleted, another minted.
Who was declared dead may still be running, and finds that out later. What is assumed of a target: what was sent to it arrives
before it is asked whether it knows of it.
"""

import asyncio
import random
import shutil
from collections import Counter
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridle.adapters.sql.database import Database, open_sqlite
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.leases import Leases
from bridle.adapters.sql.schema import workers
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import FrozenClock
from bridle.core.errors import BridleError
from bridle.gate.action import Action, Asked, Denied, Done, Result, Unknown
from bridle.gate.approvals import ApprovalState, GiveVerdict, describe_verdict
from bridle.gate.budgets import Budget, OpenBudget
from bridle.gate.gate import Gate
from bridle.gate.manifest import Recovery
from bridle.gate.ports import Ports
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import Signer, load_signer
from bridle.trust.policy import Finding, PolicyAnswer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import DeleteTokens, MintToken, mint
from bridle.trust.verdicts import sign_verdict
from support.ports import build_ports

from .conftest import FakeCrash
from .matrix import DONE_AGAIN, KINDS, NEEDS, SHOP, World

STEP = "matrix"
WORKERS, LIVES, ACTIONS = 3, 8, 6
DEATH, TAKEN_OVER, REFUSED, LATER = 0.06, 0.3, 0.15, 0.05  # how likely each is, whenever it could be
FINDING = Finding("fake", "A fake policy says so.")
IDENTITY: ContextVar[str] = ContextVar("worker", default="")


class FakePolicy:
    """Asks about what lasts and allows the rest."""

    digest = "sha256:fake"

    async def evaluate(self, facts: Any) -> PolicyAnswer:
        lasts = facts["action"]["effect"] in ("consequential", "destructive")
        asks, allows = ((FINDING,), ()) if lasts else ((), (FINDING,))
        return PolicyAnswer((), asks, allows, self.digest)


class DatabaseOnTheSpot(Database):
    """Runs every statement where it is asked for: no thread decides what comes first."""

    async def write(self, work: Any, *, synced: bool = True, shares: bool = False) -> Any:
        return self._write(work, synced)

    async def read(self, work: Any) -> Any:
        return self._read(work)


class Turns:
    """Lets one of all that wait go on, and waits until it waits again or has ended."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    async def run(self, tasks: list[asyncio.Task[None]]) -> None:
        while True:
            while len(self._waiting) < sum(not task.done() for task in tasks):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0)
            if not self._waiting:
                return
            self._waiting.pop(self._chance.randrange(len(self._waiting))).set_result(None)
            await asyncio.sleep(0)


class Simulation:
    """A schedule. `faults` says what went wrong in it."""

    def __init__(self, seed: int, folder: Path, *, empty: Path) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret is made of it
        self.faults: list[str] = []
        self._clock = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
        self._turns = Turns(self.chance)
        self._signer: Signer = load_signer(folder / "control-plane.key")
        shutil.copyfile(empty, folder / "store.db")
        self._database = DatabaseOnTheSpot(open_sqlite(f"sqlite:///{folder / 'store.db'}", synced=False))
        self._working = WorkingStore(b"w" * 32)
        self._leases = Leases(self._database)
        self._folder = folder
        self._chaos = True
        self._births = 0
        self._holders: dict[int, str] = {}
        self._ends: dict[int, Result] = {}
        self.told: Counter[str] = Counter()
        kinds = list(KINDS.values())
        self._kinds = [self.chance.choice(kinds) for _ in range(ACTIONS)]
        self._world = World(
            load_signer(folder / "delegate.key"), self._database, lambda name: None, self._point, self._clock
        )  # type: ignore[arg-type]

    async def run(self) -> None:
        """Let the workers loose, then bring everything to its end, and judge."""
        await self._register()
        tasks = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        await self._turns.run(tasks)
        await asyncio.gather(*tasks)
        self._chaos = False
        for number in range(ACTIONS):
            await self._settle(number)
        await self._judge()
        self._database.close()

    async def _work(self) -> None:
        """The lives of one worker: in each it has a name, a lease and memory of its own."""
        for _ in range(LIVES):
            self._births += 1
            IDENTITY.set(f"worker-{self._births}")
            await self._leases.enter(IDENTITY.get())
            with suppress(FakeCrash):
                while self.chance.random() > 0.2:
                    await self._turns.wait()
                    await self._perform_any()
            await self._leases.forget(IDENTITY.get())

    async def _perform_any(self) -> None:
        number = self.chance.randrange(ACTIONS)
        holder = self._holders.get(number)
        if holder not in (None, IDENTITY.get()):
            lives = holder in await self._leases.live(within_s=1e9)
            if lives and self.chance.random() > TAKEN_OVER:
                return
            taken = workers.update().where(workers.c.id == holder).values(taken=True)
            await self._database.write(lambda connection: connection.execute(taken))
        self._holders[number] = IDENTITY.get()
        try:
            await self._perform(number)
        except BridleError as error:  # its lease or its token was lost; whoever took over goes on
            self.told[error.reason] += 1
            raise FakeCrash from error

    async def _perform(self, number: int) -> Result | None:
        ports = self._ports()
        action = await self._enter(number, ports)
        result = await Gate(ports).perform(action)
        self.told[type(result).__name__] += 1
        if isinstance(result, Asked):
            if not self._chaos or self.chance.random() > 0.3:
                await self._answer(
                    ports, result.approval, refused=self._chaos and self.chance.random() < REFUSED
                )
            return None
        known = self._ends.setdefault(number, result)
        if type(known) is not type(result) or known.record != result.record:
            self.faults.append(f"{action.key} ended twice: {known} and {result}")
        return result

    def _ports(self) -> Ports:
        """What a process of its own has: a journal under its own lease, and nothing remembered."""
        journal = SqlJournal(self._database, self._working, self._clock, self._signer)
        journal.holder = IDENTITY.get()
        append = journal.append

        async def append_or_die(entries: Any, guards: Any = ()) -> Any:
            await self._turn()
            done = await append(entries, guards)
            await self._turn()
            return done

        journal.append = append_or_die  # type: ignore[method-assign]
        ports = build_ports(
            self._database,
            journal,
            signer=self._signer,
            clock=self._clock,
            policy=FakePolicy(),
            delegate=self,
            folder=self._folder,
        )
        ports.manifests.put({manifest.tool: manifest for manifest in SHOP})  # type: ignore[attr-defined]
        self._world.manifest_of = ports.manifests.get
        return ports

    async def _enter(self, number: int, ports: Ports) -> Action:
        """Take the step over: whatever token it had is gone."""
        execution = f"exe_{number}"
        mia = self._mia()
        minted = mint(
            actor=mia, initiator=mia, asked_for=NEEDS, execution=execution, step=STEP,
            expires_at=self._clock.now() + timedelta(hours=1),
        )  # fmt: skip
        entry = Entry(Kind.TOKEN_MINTED, execution, minted.token.id, {})
        await ports.journal.append([entry], [DeleteTokens(execution, STEP), MintToken(minted.token)])
        action = self._kinds[number].action(number, minted.secret)
        return replace(action, execution=execution, workspace=execution)

    async def _answer(self, ports: Ports, approval: str, *, refused: bool) -> None:
        state = ApprovalState.DENIED if refused else ApprovalState.APPROVED
        request = await ports.approvals.get(approval)
        if request is None or request.state_at(self._clock.now()) is not ApprovalState.OPEN:
            return
        body = describe_verdict(request, state, by="user:ana", name="ana")
        guard = GiveVerdict(approval, state, "user:ana", "user:ana", False, "", self._clock.now())
        entry = Entry(Kind.APPROVAL_VERDICT, request.execution, approval, sign_verdict(self._signer, body))
        await ports.journal.append([entry], [guard])

    # The delegate's port: the world, with turns around what it does.

    name = "delegate:local"

    @property
    def signer(self) -> Any:
        return self._world.signer

    async def carry_out(self, task: Any) -> Any:
        await self._turn()
        done = await self._world.carry_out(task)
        await self._turn()
        return done

    async def look_up(self, task: Any) -> Any:
        return await self._world.look_up(task)

    async def snapshot(self, workspace: str) -> str:
        return await self._world.snapshot(workspace)

    async def probe(self) -> dict[str, Any]:
        return {}

    def _point(self, label: str) -> None:
        """Die here, perhaps; some time passes, perhaps."""
        if not self._chaos:
            return
        if self.chance.random() < LATER:
            self._clock.advance(timedelta(minutes=self.chance.randint(-30, 90)))
        if self.chance.random() < DEATH:
            raise FakeCrash(label)

    async def _turn(self) -> None:
        if self._chaos:
            self._point("turn")
            await self._turns.wait()

    async def _settle(self, number: int) -> None:
        self._births += 1
        IDENTITY.set(f"worker-{self._births}")
        await self._leases.enter(IDENTITY.get())
        for _ in range(10):
            if await self._perform(number) is not None:
                return
        self.faults.append(f"action {number} does not come to an end")

    async def _judge(self) -> None:
        manifests = {manifest.tool: manifest for manifest in SHOP}
        for number, kind in enumerate(self._kinds):
            key, result = f"exe_1/{STEP}#0.{number}", self._ends.get(number)
            found = self._world.manifest_of(kind.tool) or manifests[kind.tool]
            times = self._world.done.count(key)
            if fault := _judge(found.recovery, result, times):
                self.faults.append(f"{key} {kind.tool}: {fault}")
        self.faults += self._world.faults
        journal = SqlJournal(self._database, self._working, self._clock, self._signer)
        audit = verify_journal(
            await journal.read(),
            checkpoints=[await journal.checkpoint()],
            control_plane=self._signer.verifier,
        )
        if audit.open_intents:
            self.faults.append(f"left open: {audit.open_intents}")

    def _mia(self) -> Principal:
        return Principal(PrincipalKind.USER, "mia", "user:mia", NEEDS)

    async def _register(self) -> None:
        journal = SqlJournal(self._database, self._working, self._clock, self._signer)
        known = {"kind": "delegate", "id": self.name, "public_key": self.signer.verifier.raw.hex()}
        budget = OpenBudget(Budget("b", max_turns=1000, max_tokens=None, max_cost_usd=None))
        await journal.append(
            [Entry(Kind.PRINCIPAL_REGISTERED, "", self.name, known)],
            [RegisterPrincipal(self._mia(), None), budget],
        )


def _judge(recovery: Recovery, result: Result | None, times: int) -> str:
    """Return what is wrong with how an action ended, given how often it happened."""
    if recovery in DONE_AGAIN or recovery is Recovery.WORKSPACE:
        return "" if times or not _succeeded(result) else "it is said to be done, and never happened"
    if times > 1:
        return f"it happened {times} times"
    if _succeeded(result):
        return "" if times else "it is said to be done, and never happened"
    if isinstance(result, Unknown):
        return "" if recovery in (Recovery.NONE, Recovery.KEYED) else "it ended unknown"
    if isinstance(result, Denied | Done):
        return f"it is said not to be done, and happened: {result}" if times else ""
    return f"it has no end: {result}"


def _succeeded(result: Result | None) -> bool:
    return isinstance(result, Done) and result.status == "succeeded"
