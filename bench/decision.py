"""What a decision costs in a large account: facts, policy and the weighing of both, without recording it.

    python bench/decision.py [USERS] [AGENTS] [POLICIES] [ROUNDS]        10000 1000 100 2000, if nothing is said

The store, roles.yaml and the policies are real: every user has a binding in roles.yaml, every agent is registered and acts for
one of the users under a token of its own, and every policy is a set with a rule of its own beside the base set. The cases take
turns in one run, each time for another agent. CPU is that of this process, without the policies' workers. It asserts nothing.

    decision              facts gathered from the store, the sets that are bound to the agent asked, both weighed
    decision, all sets    the same with every set asked of everyone
    engine                the embedded engine alone, asked about the same facts, with every set
    regopy                another engine in this process, asked about the same facts, with every set
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import regopy  # type: ignore[import-untyped]
from place import open_place

from bridle.adapters.rego.bound import BoundPolicy
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, PolicySet, build_policy_set, load_policy_set
from bridle.adapters.sql.journal import SqlJournal
from bridle.app import Store, open_roles, open_store, shipped
from bridle.app.acting import build_facts
from bridle.core.boundary import Boundary
from bridle.core.settings import Settings
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, action_key
from bridle.gate.decision import decide
from bridle.gate.external import Catalogue
from bridle.gate.facts import FactSource
from bridle.gate.manifest import find_manifest
from bridle.trust.bindings import Binding
from bridle.trust.journal import Entry, Kind
from bridle.trust.policy import PolicyEngine
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import MintToken, mint

TOOL = "file.read"
NEEDS = frozenset({"file:read"})
CHUNK = 500  # principals registered in one transaction
SET = """package bridle.gate

import rego.v1

deny contains {"rule": "house-%(n)d.secret", "reason": "This folder is closed."} if {
	input.action.tool == "file.read"
	startswith(input.action.arguments.path, "closed-%(n)d/")
}
"""


def main(users: int, agents: int, policies: int, rounds: int) -> None:
    """Measure and print."""
    with open_place("sqlite") as settings:
        read_s = _write_roles(settings, users)
        with open_store(settings) as store:
            asyncio.run(_report(store, users, agents, policies, rounds))
    print(
        f"{users} users, {agents} agents, {policies} policies, {rounds} rounds; roles.yaml read in {read_s:.2f} s"
    )


async def _report(store: Store, users: int, agents: int, policies: int, rounds: int) -> None:
    account = await Account.build(store, users, agents)
    base = load_policy_set([shipped("policies") / "base"])
    sets = {f"house-{n}": {f"house-{n}/rules.rego": SET % {"n": n}} for n in range(policies)}
    bound = BoundPolicy(base, bindings=[_binding(n, policies) for n in range(policies)], sets=sets)
    everyone = build_policy_set(
        {**base.modules, **{name: t for one in sets.values() for name, t in one.items()}}
    )
    whole = BoundPolicy(everyone)
    try:
        for policy in (bound, whole):
            await policy.start()
        cases = await _list_cases(account, bound, whole, everyone)
        taken = await _measure(cases, rounds)
    finally:
        await bound.close()
        await whole.close()
    print(f"{'case':<20}{'p50 ms':>10}{'p99 ms':>10}{'cpu ms':>10}{'x engine':>10}")
    unit = statistics.median(wall for wall, _ in taken["engine"])
    for name, costs in taken.items():
        walls = sorted(wall for wall, _ in costs)
        middle, tail = walls[len(walls) // 2], walls[int(len(walls) * 0.99)]
        cpu = sum(spent for _, spent in costs) / len(costs)
        print(f"{name:<20}{middle * 1e3:>10.2f}{tail * 1e3:>10.2f}{cpu * 1e3:>10.2f}{middle / unit:>10.1f}")


def _binding(number: int, policies: int) -> Binding:
    """Each agent lies in the scope of one set: what its owner bound to it."""
    return Binding(f"house-{number}", {"agent": f"team-{number}.*"})


class Account:
    """The store with everybody in it, and the facts of one action of an agent."""

    def __init__(self, facts: FactSource, secrets: list[str]) -> None:
        self._facts = facts
        self._secrets = secrets
        self._manifest = find_manifest(TOOL)

    @classmethod
    async def build(cls, store: Store, users: int, agents: int) -> Account:
        people = [Principal(PrincipalKind.USER, f"u{n}", f"user:u{n}", frozenset()) for n in range(users)]
        fleet = [
            Principal(
                PrincipalKind.AGENT, _name(n), f"user:u{n}", NEEDS, version="1.0.0", digest=f"sha256:{n}"
            )
            for n in range(agents)
        ]
        secrets = []
        for begin in range(0, users, CHUNK):
            await _register(store.journal, people[begin : begin + CHUNK])
        for number, agent in enumerate(fleet):
            starter = Principal(PrincipalKind.USER, f"u{number % users}", "", NEEDS)
            minted = mint(
                actor=agent,
                initiator=starter,
                asked_for=NEEDS,
                execution=f"exe_{number}",
                step="work",
                expires_at=store.clock.now() + timedelta(hours=1),
            )
            secrets.append(minted.secret)
            entry = Entry(Kind.TOKEN_MINTED, f"exe_{number}", minted.token.id, {})
            await store.journal.append([entry], [RegisterPrincipal(agent, None), MintToken(minted.token)])
        return cls(build_facts(store, Catalogue()), secrets)

    async def gather(self, number: int, policy: str) -> dict[str, Any]:
        agent = number % len(self._secrets)
        action = Action(
            request=Request(
                action_key(f"exe_{agent}", "work", turn=number),
                TOOL,
                {"path": "src/a.py"},
                f"agent:{_name(agent)}",
                "repair",
            ),
            execution=f"exe_{agent}",
            step="work",
            boundary=Boundary(write=("src/**",)),
            token=self._secrets[agent],
        )
        found, _ = await self._facts.gather(
            action, effect="read", policy=policy, approval=None, verification=None, tree=""
        )
        return found

    async def decide(self, number: int, policy: PolicyEngine) -> None:
        facts = await self.gather(number, policy.digest)
        decision = decide(facts, self._manifest, await policy.evaluate(facts))
        if decision.effect != "allow":
            raise SystemExit(f"nothing to measure: {decision}")


def _name(number: int) -> str:
    return f"team-{number % 100}.worker-{number}"


async def _register(journal: SqlJournal, some: list[Principal]) -> None:
    entries = [Entry(Kind.PRINCIPAL_REGISTERED, "", one.id, one.to_json()) for one in some]
    await journal.append(entries, [RegisterPrincipal(one, None) for one in some])


def _write_roles(settings: Settings, users: int) -> float:
    """Give everybody a role, and return how long it takes to read that."""
    lines = ["roles: {reader: ['file:read']}", "bindings:"]
    lines += [f"  - {{principal: 'user:u{n}', role: reader}}" for n in range(users)]
    settings.config_dir.mkdir()
    (settings.config_dir / "roles.yaml").write_text("\n".join(lines), "utf-8")
    (settings.config_dir / "roles.yaml").chmod(0o600)
    begun = time.perf_counter()
    open_roles(settings).read()
    return time.perf_counter() - begun


async def _list_cases(
    account: Account, bound: BoundPolicy, whole: BoundPolicy, everyone: PolicySet
) -> dict[str, Callable[[int], Awaitable[object]]]:
    asked = json.loads(json.dumps(await account.gather(0, whole.digest), default=dict))
    other = regopy.Interpreter()
    for name, text in {ANSWER_NAME: ANSWER, **everyone.modules}.items():
        other.add_module(name, text)
    bundle = other.build("data.bridle.gate")

    async def ask_engine(number: int) -> object:
        return await whole.evaluate(asked)

    async def ask_regopy(number: int) -> object:
        other.set_input(asked)
        return str(other.query_bundle(bundle))

    return {
        "decision": lambda number: account.decide(number, bound),
        "decision, all sets": lambda number: account.decide(number, whole),
        "engine": ask_engine,
        "regopy": ask_regopy,
    }


async def _measure(
    cases: Mapping[str, Callable[[int], Awaitable[object]]], rounds: int
) -> dict[str, list[tuple[float, float]]]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for turn in range(rounds + 10):
        for name, case in cases.items():
            wall, cpu = time.perf_counter(), time.process_time()
            await case(turn)
            if turn >= 10:  # the first turns warm up
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return taken


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*given, *(10_000, 1_000, 100, 2_000)[len(given) :])
