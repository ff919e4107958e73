"""Where a process can die while it performs one action, found by hooking, and a world in which what happened can be counted.

A point is reached when the journal is looked into; before a transaction, inside it when all of it is written, and after it;
before and after the policy is asked; before an effect, after it and before anybody is told, and after that; around the question
what became of one. The process dies there: FakeCrash is raised, everything in memory is forgotten, and another gate on the same
store is asked for the same.

The world promises what real targets do: a keyed one does a thing once for each key, one that can be asked knows its keys, one of
no recovery class does whatever it is told. A tree holds the keys of what was done in the workspace. No effect begins without an
intent that another connection sees, nor with a token that is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.tokens import SqlTokens
from bridle.core.boundary import Boundary
from bridle.core.canonical import digest
from bridle.core.errors import TrustError
from bridle.dispatch.protocol import Request, sign_report
from bridle.gate.action import Action, Asked, Result, action_key
from bridle.gate.budgets import Budget, OpenBudget
from bridle.gate.gate import Gate
from bridle.gate.manifest import Effect, Manifest, Recovery
from bridle.gate.ports import Ports
from bridle.gate.spending import SpendRule
from bridle.trust.journal import Entry, Kind
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import DeleteTokens, MintToken, hash_secret, mint

from .conftest import FakeCrash
from .test_approval import verdict

EXECUTION, STEP = "exe_1", "matrix"
INTENTS = sa.text(f"SELECT count(*) FROM journal WHERE kind = '{Kind.INTENDED}' AND subject = :key")  # noqa: S608
DONE_AGAIN = frozenset({Recovery.READ})  # done twice it is as if done once


def external(name: str, effect: str, recovery: str, **more: Any) -> Manifest:
    return Manifest(
        tool=f"mcp.shop.{name}",
        description="",
        effect=Effect(effect),
        recovery=Recovery(recovery),
        needs=f"mcp:shop.{name}",
        arguments={"type": "object"},
        target=("order",),
        control={"order": "id"},
        **more,
    )


SHOP = [
    external("find", "read", "read"),
    external("pay", "consequential", "keyed", key="key"),
    external("book", "consequential", "lookup"),
    external("note", "consequential", "none"),
    external("wipe", "destructive", "none"),
    external("give", "consequential", "keyed", key="key", spend=SpendRule("amount")),
]
NEEDS = frozenset(
    {"file:read", "file:edit", "command:run", "artifact:save", "git:clone", "model:call"}
    | {manifest.needs for manifest in SHOP}
)


@dataclass(frozen=True)
class KindOfAction:
    """One kind: a tool with arguments that differ from one action of it to the next."""

    tool: str
    arguments: Callable[[int], dict[str, Any]]
    budget: str = ""

    def action(self, number: int, secret: str) -> Action:
        key = action_key(EXECUTION, STEP, call=number)
        return Action(
            request=Request(key, self.tool, self.arguments(number), "user:mia", "repair"),
            execution=EXECUTION,
            step=STEP,
            boundary=Boundary(write=("src/**",)),
            token=secret,
            workspace=EXECUTION,
            payload={"messages": []} if self.budget else None,
            budget=self.budget,
        )


MODEL = {
    "model": "m",
    "turn": 0,
    "payload": digest({"messages": []}),
    "new_messages": [],
    "max_output_tokens": 9,
}
KINDS = {
    "a file read": KindOfAction("file.read", lambda n: {"path": f"src/{n}.py"}),
    "a model's turn": KindOfAction("model.call", lambda n: MODEL, budget="b"),
    "a command": KindOfAction("command.run", lambda n: {"script": f"make {n}"}),
    "an edit": KindOfAction("file.edit", lambda n: {"path": f"src/{n}.py", "old": "a", "new": "b"}),
    "a clone": KindOfAction("git.clone", lambda n: {"repository": f"/srv/{n}.git", "branch": "main"}),
    "an artifact": KindOfAction("artifact.save", lambda n: {"name": f"a{n}", "path": "src"}),
    "a look at a server": KindOfAction("mcp.shop.find", lambda n: {"order": f"A-{n:04}"}),
    "a payment with a key": KindOfAction("mcp.shop.pay", lambda n: {"order": f"A-{n:04}", "key": f"k{n}"}),
    "a booking that can be asked for": KindOfAction("mcp.shop.book", lambda n: {"order": f"A-{n:04}"}),
    "a note that nobody can look up": KindOfAction("mcp.shop.note", lambda n: {"order": f"A-{n:04}"}),
    "a deletion": KindOfAction("mcp.shop.wipe", lambda n: {"order": f"A-{n:04}"}),
    "what spends": KindOfAction(
        "mcp.shop.give", lambda n: {"order": f"A-{n:04}", "key": f"k{n}", "amount": "1.00"}
    ),
}


class Points:
    """Counts what is passed; the process dies at the `fatal` one, counted from 1."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._left = -1

    def die_at(self, fatal: int) -> None:
        """Begin to count anew; at 0 nothing dies."""
        self.passed, self._left = [], fatal or -1

    def __call__(self, label: str) -> None:
        self.passed.append(label)
        self._left -= 1
        if self.died:
            raise FakeCrash(label)

    @property
    def died(self) -> bool:
        return self._left == 0


@dataclass
class World:
    """A delegate and all that it reaches. It is what outlives the process."""

    signer: Any
    database: Database
    manifest_of: Callable[[str], Manifest | None]
    reach: Points
    clock: Any
    name: str = "delegate:local"
    done: list[str] = field(default_factory=list)  # the key of each effect that happened, in order
    tree: tuple[str, ...] = ()
    trees: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def carry_out(self, task: Any) -> Any:
        self.reach(f"effect {task.request.tool}: before")
        await self._check(task)
        if task.restore_to:
            self.tree = self.trees[task.restore_to]
        self._do(task)
        self.reach(f"effect {task.request.tool}: done and not told")
        report = self._report(task)
        self.reach(f"effect {task.request.tool}: after")
        return report

    async def look_up(self, task: Any) -> Any:
        self.reach(f"question {task.request.tool}: before")
        found = self._report(task) if task.request.key in self.done else None
        self.reach(f"question {task.request.tool}: after")
        return found

    async def snapshot(self, workspace: str) -> str:
        tree = digest(list(self.tree))
        self.trees[tree] = self.tree
        return tree

    async def probe(self) -> dict[str, Any]:
        return {}

    def _do(self, task: Any) -> None:
        key, recovery = task.request.key, self.manifest_of(task.request.tool).recovery
        if recovery is Recovery.WORKSPACE:
            self.tree = (*self.tree, key)
        if recovery is Recovery.KEYED and key in self.done:
            return
        self.done.append(key)

    async def _check(self, task: Any) -> None:
        token = await SqlTokens(self.database).find(hash_secret(task.token))
        if token is None or token.id != task.permit.token_id or self.clock.now() >= token.expires_at:
            raise TrustError("the token is dead", reason="token-dead")
        with self.database.engine.connect() as elsewhere:
            seen = elsewhere.execute(INTENTS, {"key": task.request.key})
            if seen.scalar_one() != 1:
                self.faults.append(f"{task.request.key} had an effect before its intent was there")

    def _report(self, task: Any) -> Any:
        value = {"key": task.request.key}
        facts = {"tree": digest(list(self.tree)), "usage": {"input_tokens": 1, "output_tokens": 1}}
        return sign_report(
            self.signer,
            action_digest=task.request.digest,
            delegate=self.name,
            status="succeeded",
            value=value,
            facts=facts,
        )


@dataclass
class Matrix:
    """A store, a world, and processes that die."""

    scene: Any
    store: Any
    world: World
    reach: Points
    secret: str
    ports: Ports

    async def drive(self, action: Action) -> Result:
        """Perform `action` to its end, in as many processes as it takes; a person approves whatever is asked."""
        for _ in range(20):
            result = await self.live(action)
            if result is not None:
                return result
        raise AssertionError("it does not come to an end")

    async def live(self, action: Action) -> Result | None:
        """Perform `action` in one process; None when that died, or a person was asked and has approved."""
        try:
            result = await Gate(self.ports).perform(action)
            if not isinstance(result, Asked):
                return result
            if (await self.ports.approvals.get(result.approval)).state == "open":
                await verdict(self.scene, result.approval)
        except FakeCrash:
            pass
        return None

    async def die(self, action: Action, fatal: int) -> None:
        """Perform `action` until the process has died at the `fatal`th point, or it has ended."""
        self.reach.die_at(fatal)
        for _ in range(20):
            if await self.live(action) is not None or self.reach.died:
                break
        self.reach.die_at(0)

    async def revoke(self) -> None:
        """Delete the token, as whoever ends a step does."""
        await self.store.journal.append([], [DeleteTokens(EXECUTION, STEP)])

    async def expire(self) -> None:
        """Let the token's time pass."""
        self.scene.clock.advance(timedelta(hours=2))


async def build_matrix(scene: Any, store: Any, monkeypatch: Any) -> Matrix:
    """Hook everything at which a process can die, and register who acts."""
    reach = Points()
    scene.ports.manifests.put({manifest.tool: manifest for manifest in SHOP})
    world = World(scene.delegate.signer, store.database, scene.ports.manifests.get, reach, scene.clock)
    write, evaluate, last = store.database.write, scene.ports.policy.evaluate, store.journal.last

    async def write_or_die(work: Any, **manner: Any) -> Any:
        def inside(connection: Any) -> Any:
            done = work(connection)
            reach("transaction: written, not committed")
            return done

        reach("transaction: before")
        done = await write(inside, **manner)
        reach("transaction: committed")
        return done

    async def evaluate_or_die(facts: Any) -> Any:
        reach("policy: before")
        answer = await evaluate(facts)
        reach("policy: after")
        return answer

    async def last_or_die(*sought: Any) -> Any:
        reach("journal: looked into")
        return await last(*sought)

    ports = replace(scene.ports, delegate=world)
    secret = await _register(store, scene.clock)
    monkeypatch.setattr(store.database, "write", write_or_die)
    monkeypatch.setattr(store.journal, "last", last_or_die)
    monkeypatch.setattr(scene.ports.policy, "evaluate", evaluate_or_die)
    return Matrix(scene, store, world, reach, secret, ports)


async def _register(store: Any, clock: Any) -> str:
    mia = Principal(PrincipalKind.USER, "mia", "user:mia", NEEDS)
    minted = mint(
        actor=mia,
        initiator=mia,
        asked_for=NEEDS,
        execution=EXECUTION,
        step=STEP,
        expires_at=clock.now() + timedelta(hours=1),
    )
    budget = OpenBudget(Budget("b", max_turns=1000, max_tokens=None, max_cost_usd=None))
    guards = [RegisterPrincipal(mia, None), MintToken(minted.token), budget]
    await store.journal.append([Entry(Kind.TOKEN_MINTED, EXECUTION, minted.token.id, {})], guards)
    return minted.secret
