"""The engine's work on a real store with the real gate and policy; the delegate, the durable run and the finisher are fakes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import load_policy_set
from bridle.adapters.rego.step_sets import RegorusSets
from bridle.adapters.sql.admission import SqlLine
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.kills import SqlKills
from bridle.adapters.sql.locks import SqlLockStore
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.tokens import SqlTokens
from bridle.core.conversation import ModelReply, ToolCall, Usage
from bridle.dispatch.protocol import sign_report
from bridle.engine.admission import Admission, Limits
from bridle.engine.control import Control, Verdict
from bridle.engine.desk import Desks
from bridle.engine.finish import Ending
from bridle.engine.interpreter import interpret
from bridle.engine.locks import Locks
from bridle.engine.position import Position
from bridle.engine.result import Standing
from bridle.engine.starting import Starting
from bridle.engine.steps import Bench
from bridle.engine.worker import PlanWorker
from bridle.gate.approvals import ApprovalState
from bridle.gate.gate import Gate
from bridle.gate.ports import Ports
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.tree import walk
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_signer
from bridle.trust.notary import Notary
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import hash_secret
from support.facts import facts_fit_the_schema  # noqa: F401 - a fixture
from support.people import PeopleInMemory
from support.ports import build_ports

POLICIES = Path(__file__).parents[3] / "policies" / "base"
COMMIT = "c" * 40
GREEN = {"exit_code": 0, "tests": 3, "failures": 0, "errors": 0, "skipped": 0, "report": "sha256:r"}
ANSWERS = {
    "command.run": {"exit_code": 0, "why": "exit", "outputs": {}},
    "workspace.verify": {
        "tree": "sha256:" + "0" * 64,
        "changed": ["src/a.py"],
        "outside": [],
        "secrets": [],
        "difference": "-a\n+b\n",
        "suite": GREEN,
    },
    "git.commit": {
        "commit": COMMIT,
        "branch": "bridle/fix",
        "parent": "d" * 40,
        "changed": ["src/a.py"],
    },
    "git.push": {"commit": COMMIT, "branch": "main"},
}
HELPER = """---
name: test.helper
version: 1.0.0
description: Helps in tests.
owner: test
purpose: repair
model: "{model}"
tools: [file.read, command.run, git.commit]
boundary: {{write: ["src/**"], push: ["bridle/**"], network: off, suite: {{script: "true", report: "r.xml"}}}}
limits: {{max_turns: 5}}
---
Help.
"""


class FakeCrash(BaseException):
    """Stands for the death of the process in the middle of an effect."""


@dataclass
class FakeDelegate:
    """Carries nothing out: it notes what it was told, and signs what the test wants said.

    `lived` counts, at each effect, how many of the tokens seen so far are alive.
    An answer is a value, or a function of the task that returns status and value. `turns` are a model's replies, in order.
    """

    signer: object
    tokens: SqlTokens
    name: str = "delegate:local"
    told: list = field(default_factory=list)
    lived: list = field(default_factory=list)
    answers: dict = field(default_factory=lambda: dict(ANSWERS))
    turns: list = field(default_factory=list)
    crash: bool = False

    async def carry_out(self, task):
        self.told.append(task)
        secrets = {told.token for told in self.told}
        found = [await self.tokens.find(hash_secret(secret)) for secret in secrets]
        self.lived.append(len(found) - found.count(None))
        if self.crash:
            raise FakeCrash
        if task.request.tool == "model.call":
            turn = task.request.arguments["turn"]
            return self._sign(task, "succeeded", make_reply(turn, *self.turns[turn]).to_json())
        answer = self.answers.get(task.request.tool, {"ok": True})
        return self._sign(task, *(answer(task) if isinstance(answer, Callable) else ("succeeded", answer)))

    def _sign(self, task, status, value):
        facts = {"usage": value["usage"], "cost_usd": value["cost_usd"]} if "usage" in value else {}
        return sign_report(
            self.signer,
            action_digest=task.request.digest,
            delegate=self.name,
            status=status,
            value=value,
            facts=facts,
        )

    async def look_up(self, task):
        return None

    async def snapshot(self, workspace):
        return "sha256:" + "0" * 64

    async def probe(self):
        return {"backend": "fake"}


@dataclass
class FakeDurable:
    """Carries nothing on: it notes what was started, woken and seen out. `elsewhere` are the executions that others carry."""

    started: list = field(default_factory=list)
    seen_out: list = field(default_factory=list)
    woken: list = field(default_factory=list)
    elsewhere: set = field(default_factory=set)

    async def start(self, execution, argument, *, anew=False):
        self.started.append(execution)

    async def result(self, execution):
        self.seen_out.append(execution)
        return {}

    async def wake(self, execution, path=""):
        self.woken.append((execution, path))

    async def held_elsewhere(self, execution):
        return execution in self.elsewhere


@dataclass
class FakeRun:
    """Runs steps at once and remembers nothing; `meanwhile` is what happens while it waits."""

    meanwhile: Callable
    waited: list = field(default_factory=list)

    async def step(self, name, work):
        return await work()

    async def wait(self, *, timeout_s):
        self.waited.append(timeout_s)
        await self.meanwhile()


class FakeAttestor:
    """Proves nothing."""

    async def issue(self, execution):
        return ""

    async def publish(self, execution):
        return None


@dataclass
class Desk:
    """Everything an execution needs, and shorthands for what every test does."""

    store: object
    clock: object
    bench: Bench
    ports: Ports
    control: Control
    durable: FakeDurable
    delegate: FakeDelegate
    executions: SqlExecutions
    tokens: SqlTokens
    user: Principal
    people: PeopleInMemory
    notary: Notary
    admission: Admission
    starting: Callable[..., Starting]

    async def start(self, text, *, inputs: Mapping = {}, options: Mapping = {}):
        plan = read_pipeline(text, source="test.yaml")
        values = resolve_inputs(plan, inputs)
        return await self.control.start(plan, inputs=values, options=options, initiator=self.user)

    def worker(self, execution, **ports):
        """A worker as a fresh process would make it."""
        bench = self.bench if not ports else replace(self.bench, **ports)
        starting = self.starting(journal=bench.journal, admission=self.admission)
        ending = Ending(bench.journal, FakeAttestor(), self.clock, SqlKills(self.store.database))
        desks = Desks(
            bench, executions=self.executions, finisher=ending, starter=starting, wake=self.durable.wake
        )
        return PlanWorker(desks.open(execution))

    def position(self, execution, path):
        """Return where a node stands that is in no strategy."""
        plan = Plan.from_json(execution.plan)
        address = next(address for address, node in walk(plan.stages) if node is plan.find(path))
        position = Position(plan)
        for index in address:
            position = position.below(index)
        return position

    async def leg(self, execution, path, standing=None, *, worker=None):
        """Run one leg of one step, as a fresh process would unless a worker is given."""
        position = self.position(execution, path)
        return await (worker or self.worker(execution)).run_step(position, standing or Standing())

    async def crash(self, execution, path):
        """Let the process die in the middle of a step's effect."""
        self.delegate.crash = True
        with pytest.raises(FakeCrash):
            await self.leg(execution, path)
        self.delegate.crash = False

    async def carry(self, execution, *, meanwhile=None):
        """Carry an execution to its end; return the final answer and the states of its steps."""

        async def nothing():
            raise AssertionError("nobody was to wait")

        run = FakeRun(meanwhile or nothing)
        answer = await interpret(run, Plan.from_json(execution.plan), self.worker(execution), {})
        return answer["state"], await self.states(execution)

    async def states(self, execution):
        return {record.subject: record.body["state"] for record in await self.ended(execution)}

    async def ended(self, execution):
        records = await self.bench.journal.read(execution=execution.id)
        return [record for record in records if record.kind is Kind.STEP_ENDED]

    async def outcome(self, execution, path):
        """Return the body of a step's end."""
        last = await self.bench.journal.last(execution.id, path, (Kind.STEP_ENDED,))
        return last.body

    async def scopes(self, execution):
        """Return what each token of the execution was minted for, by principal."""
        records = await self.bench.journal.read(execution=execution.id)
        minted = [record.body for record in records if record.kind is Kind.TOKEN_MINTED]
        return {body["principal"]: set(body["scope"]) for body in minted}

    def tokens_left(self):
        with self.store.database.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar_one()

    async def register(self, principal):
        entry = Entry(Kind.PRINCIPAL_REGISTERED, "", principal.id, principal.to_json())
        known = await SqlPrincipals(self.store.database).get(principal.id)
        await self.bench.journal.append([entry], [RegisterPrincipal(principal, known)])

    async def answer(self, execution, *, approved):
        """Give a person's verdict on the one open request."""
        (approval,) = await self.bench.approvals.find(execution=execution.id, states=(ApprovalState.OPEN,))
        await self.control.give_verdict(approval.id, Verdict(approved, self.user))
        return approval


def says(text="", *calls):
    """A model's turn: what it says, and the tools it calls as (tool, arguments)."""
    return text, calls


def make_reply(turn, text, calls):
    made = tuple(ToolCall(f"{turn}.{at}", tool, arguments) for at, (tool, arguments) in enumerate(calls, 1))
    finish = "calls" if calls else "stop"
    return ModelReply(text, made, Usage(10, 5), "priced", finish, Decimal("0.25"), "list")


@pytest.fixture(scope="session")
def policy():
    engine = Regorus(load_policy_set([POLICIES]), timeout_s=10.0)
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def say():
    return says


@pytest.fixture
def write_agent(tmp_path):
    def write(model="priced"):
        folder = tmp_path / "agents" / "test.helper"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "1.0.0.md").write_text(HELPER.format(model=model))

    return write


@pytest.fixture
def principals(store):
    """Whom the desk asks: rows that say themselves what each may do. A test of roles has others."""
    return SqlPrincipals(store.database)


@pytest.fixture
async def desk(store, clock, tmp_path, policy, principals):
    tokens = SqlTokens(store.database)
    delegate = FakeDelegate(load_signer(tmp_path / "delegate.key"), tokens)
    ports = build_ports(
        store.database,
        store.journal,
        signer=store.signer,
        clock=clock,
        policy=policy,
        delegate=delegate,
        folder=tmp_path,
        principals=principals,
    )
    durable = FakeDurable()
    bench = Bench(
        gate=Gate(ports),
        journal=store.journal,
        approvals=ports.approvals,
        principals=principals,
        clock=clock,
        roots=(tmp_path / "agents",),
        model="",
        locks=Locks(store.journal, SqlLockStore(store.database), durable.wake),
        keys=store.signer.keys,
        sets=RegorusSets(timeout_s=10.0),
        manifests=ports.manifests,
        refresh_tools=_nothing_to_look_at,
    )
    executions, people = SqlExecutions(store.database), PeopleInMemory()
    notary = Notary(principals=principals, people=people, signer=store.signer)
    admission = Admission(
        journal=store.journal, line=SqlLine(store.database), process="process-1", limits=Limits(4.0)
    )
    starting = partial(
        Starting,
        executions=executions,
        durable=durable,
        delegate=delegate,
        clock=clock,
        admission=admission,
        signer=store.signer,
        controls=dict,
    )
    control = Control(
        journal=store.journal,
        executions=executions,
        approvals=ports.approvals,
        durable=durable,
        starting=starting(journal=store.journal),
        notary=notary,
        clock=clock,
        admission=admission,
    )
    words = [
        "execution:start",
        "execution:control",
        "approval:verdict",
        "file:read",
        "file:edit",
        "command:run",
        "git:clone",
        "git:commit",
        "git:push",
        "model:call",
        "pipeline:continue",
    ]
    user = Principal(PrincipalKind.USER, "ana", "user:ana", frozenset(words))
    made = Desk(
        store,
        clock,
        bench,
        ports,
        control,
        durable,
        delegate,
        executions,
        tokens,
        user,
        people,
        notary,
        admission,
        starting,
    )
    await made.register(user)
    await made.register(
        Principal(PrincipalKind.SERVICE, "bridle", "user:ana", frozenset({"workspace:verify"}))
    )
    return made


async def _nothing_to_look_at():
    """No server is behind this desk."""


@pytest.fixture
def approval_pipeline(desk, write_agent, say):
    """An agent commits, a person is asked about the push of exactly that commit, and it is pushed."""
    write_agent()
    commit = ("git.commit", {"branch": "bridle/fix", "message": "Fix"})
    desk.delegate.turns = [say("", commit), say("Repaired.")]
    return """
pipeline:
  id: release
  stages:
    - {id: repair, steps: [{id: fix, agent: {uses: test.helper@1.0.0}}]}
    - id: approval
      steps: [{id: release, approval: {uses: harness, with: {message: "Ship it?", for: ship.push, timeout: 7d}}}]
    - id: ship
      steps:
        - id: push
          tool: {uses: git.push, with: {commit: <+stages.repair.steps.fix.output.commit>, branch: main}}
"""
