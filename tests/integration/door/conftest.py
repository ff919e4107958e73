"""The door on a real store, the real policy and the real delegate; only the servers behind it are a fake, and say so."""

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bridle.adapters.sql.approvals import SqlApprovals
from bridle.adapters.sql.cases import SqlCases
from bridle.adapters.sql.credentials import SqlCredentials
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.pins import SqlPins
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.sessions import SqlSessions
from bridle.adapters.sql.tokens import SqlTokens
from bridle.core.errors import UnavailableError
from bridle.core.ids import new_id
from bridle.core.settings import load_settings
from bridle.delegate.app import build_delegate
from bridle.delegate.effectors.server import Called
from bridle.engine.verdicts import Verdicts
from bridle.gate.action import Done
from bridle.gate.approvals import ApprovalState, GiveVerdict, describe_verdict
from bridle.gate.external import Catalogue
from bridle.gate.gate import Gate
from bridle.gate.ports import Ports
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.casework import Casework
from bridle.operating.cases.desk import CaseDesk
from bridle.operating.cases.escalating import Escalation
from bridle.operating.cases.parking import CaseParking
from bridle.operating.cases.reading import read_case_type
from bridle.operating.cases.shelf import OWN, load_case_type
from bridle.operating.cases.telling import Teller
from bridle.operating.door import Door
from bridle.operating.pace import EXCHANGES_A_MINUTE, Pace
from bridle.operating.reception import Reception, Wanted
from bridle.operating.session import TaskRequest
from bridle.operating.tools import Tools
from bridle.trust.controls import attest_controls
from bridle.trust.credentials import Authentication, Credential, StoreCredential, hash_key, make_secret
from bridle.trust.exchange import Exchange
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_signer
from bridle.trust.notary import Notary
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.redaction import Redactor
from bridle.trust.tokens import hash_secret
from bridle.trust.verdicts import sign_verdict
from support.facts import facts_fit_the_schema  # noqa: F401 - a fixture
from support.people import PeopleInMemory
from support.ports import build_ports

ENTRIES = """
server: shop
tools:
  find: {effect: read, recovery: read}
  peek: {effect: read, recovery: read, risk: low, control: {order: id}}
  pay:
    effect: consequential
    recovery: keyed
    key: key
    risk: medium
    arguments:
      required: [order]
      properties: {order: {type: string}, key: {type: string}}
    control: {order: id}
  give:
    effect: consequential
    control: {order: id, amount: amount}
    domains: {receipt: [example.com, "*.example.org"]}
    spend: {argument: amount, per_call: "50.00", per_session: "100.00", per_day: "120.00"}
  note: {effect: consequential, risk: low, control: {order: id}, datasets: [orders]}
  wipe: {effect: destructive, risk: low}
"""
AGENT = """---
name: acme.clerk
version: 1.0.0
owner: acme
purpose: refund
tools: [mcp.shop.find, mcp.shop.pay, mcp.shop.wipe, mcp.shop.mail, mcp.shop.give, mcp.shop.note, mcp.shop.peek]
---
You serve the shop's customers.
"""
CASEWORKER = """---
name: acme.caseworker
version: 1.0.0
owner: acme
purpose: refund
tools: [mcp.shop.find, mcp.shop.note, mcp.shop.pay, case.show, case.note, case.move, case.decide, case.hold, case.exception]
---
You work on cases of the shop.
"""
CASE_TYPE = """
case-type:
  name: return
  version: 1.0.0
  owner: acme
  initial: taken
  decisions:
    goods: {values: [back, lost], by: [group:store, "agent:acme.caseworker"]}
  states:
    taken: {purposes: [refund], tools: [mcp.shop.note], effects: [read], due: {after: 2d, escalate: [group:store]}}
    review: {purposes: [refund], effects: [read]}
    stuck: {purposes: [refund], effects: [read], otherwise: deny}
    payable: {purposes: [refund], tools: [mcp.shop.*], due: {after: 1d, escalate: [group:store]}}
    closed: {final: true}
  transitions:
    - {from: taken, to: review, by: [anyone]}
    - {from: [taken, review], to: stuck, by: ["agent:acme.caseworker", group:store]}
    - {from: stuck, to: review, by: [group:store]}
    - {from: review, to: taken, by: [anyone]}
    - {from: review, to: payable, by: [anyone], if: {goods: back}, approval: {min-count: 1}}
    - {from: [payable, stuck], to: closed, by: [group:store]}
"""
PAYOUT = """
case-type:
  name: payout
  version: 1.0.0
  owner: acme
  initial: taken
  states:
    taken: {purposes: [refund], tools: [mcp.shop.note, mcp.shop.pay], effects: [read]}
    payable: {purposes: [refund], tools: [mcp.shop.note, mcp.shop.pay, mcp.shop.give], effects: [read]}
    closed: {final: true}
  transitions:
    - {from: taken, to: payable, by: ["agent:acme.caseworker"]}
    - {from: payable, to: closed, by: [group:store]}
"""
OWN_TYPES = {"return": CASE_TYPE, "payout": PAYOUT}
SAMPLES = Path(__file__).parents[3] / "samples" / "cases" / "case-types"
GROUPS = frozenset({"group:store", "role:owner"})
STORE_CLERKS = frozenset({"user:ana", "service:till"})
TEXTS = ("order", "key", "amount", "receipt")
ORDER = {"type": "object", "properties": {name: {"type": "string"} for name in TEXTS}}


def describe_cashier(*tools):
    """Return the file of an agent that pays customers back with these tools."""
    return f"""---
name: acme.cashier
version: 1.0.0
owner: acme
purpose: refund
tools: [{", ".join(tools)}]
---
You pay customers back.
"""


def say(name, description="It does what its name says", schema=ORDER, **hints):
    return {"name": name, "description": description, "schema": schema, "hints": hints}


class FakeCrash(BaseException):
    """Stands for the death of the process between intent and outcome."""


@dataclass
class FakeShop:
    """Servers in memory: it notes what was called, and answers what the test wants."""

    tools: list = field(
        default_factory=lambda: [
            say(name) for name in ("find", "pay", "wipe", "mail", "give", "note", "peek")
        ]
    )
    called: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    away: bool = False
    paid: dict = field(default_factory=dict)

    async def describe(self, server):
        if self.away:
            raise UnavailableError("the shop is away", hint="later")
        return list(self.tools)

    async def call(self, server, tool, arguments):
        self.called.append((tool, dict(arguments)))
        if tool == "pay":
            self.paid.setdefault(arguments["key"], arguments["order"])
        answer = self.answers.pop(0) if self.answers else Called("succeeded", (), {"done": tool})
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def close(self):
        pass


@dataclass
class Scene:
    """A door with its parts, and shorthands for what every test does."""

    door: Door
    reception: Reception
    tools: Tools
    shop: FakeShop
    store: object
    clock: object
    ports: Ports
    approvals: SqlApprovals
    sessions: SqlSessions
    tokens: SqlTokens
    authentication: Authentication
    exchange: Exchange
    parts: dict
    book: CaseBook
    case_desk: CaseDesk
    cases: SqlCases
    folder: Path

    async def equip(self, agent, entries, *tools):
        """Give the shop further tools, as their owner and its server say, and the shelf an agent that may call them."""
        name = re.search(r"^name: (.+)$", agent, re.MULTILINE)[1]
        shelf, folder = self.folder / "agents" / name, self.folder / "tools"
        shelf.mkdir(parents=True)
        (shelf / "1.0.0.md").write_text(agent)
        with (folder / "shop.yaml").open("a") as file:
            file.write(entries)
        self.shop.tools += [say(tool) for tool in tools]
        await self.tools.look("shop")

    @property
    def parking(self):
        return CaseParking(self.case_desk, self.book, self.cases)

    @property
    def casework(self):
        escalation = Escalation(desk=self.case_desk, book=self.book, cases=self.cases, clock=self.clock)
        return Casework(self.cases, self.book, self.case_desk, self.parking, escalation)

    async def case(self, object="A-1001", type="return"):
        """Open a case as ana, and return its id."""
        case = new_id("cas")
        arguments = {"case": case, "type": type, "object": object}
        result = await self.case_desk.perform("case.open", arguments, by="user:ana")
        assert isinstance(result, Done), result
        return case

    async def do(self, tool, case, by="user:ana", **arguments):
        """Do something about a case at the desk, with a reason."""
        if tool not in ("show", "note"):
            arguments = {"reason": "as agreed", **arguments}
        return await self.case_desk.perform(f"case.{tool}", {"case": case, **arguments}, by=by)

    async def work_on(self, case):
        """Let the caseworker come to the door for a case."""
        return await self.enter(uses="acme.caseworker@1.0.0", case=case)

    async def open(self, **changes):
        request = TaskRequest(
            "Pay the customer back", {"note": "as agreed"}
        )  # names no order: paying one asks
        wanted = Wanted("acme.clerk@1.0.0", "user:ana", "refund", request)
        return await self.reception.open(replace(wanted, **changes))

    async def enter(self, **changes):
        return await self.door.enter((await self.open(**changes)).secret)

    async def approve(self, approval_id, state=ApprovalState.APPROVED):
        approval = await self.approvals.get(approval_id)
        body = describe_verdict(approval, state, by="user:ana", comment="")
        guard = GiveVerdict(approval.id, state, "user:ana", "user:ana", False, "", self.clock.now())
        entry = Entry(
            Kind.APPROVAL_VERDICT, approval.execution, approval.id, sign_verdict(self.store.signer, body)
        )
        await self.store.journal.append([entry], [guard])

    async def records(self, caller, *kinds):
        return await self.store.journal.read(execution=caller.session.id, kinds=kinds)

    async def set_state(self, principal_id, state):
        principals = SqlPrincipals(self.store.database)
        known = await principals.get(principal_id)
        changed = replace(known, state=state)
        entry = Entry(Kind.PRINCIPAL_REGISTERED, "", principal_id, changed.to_json())
        await self.store.journal.append([entry], [RegisterPrincipal(changed, known)])

    async def key_of(self, principal_id):
        """Give a principal a key, as the desk does, and return it."""
        secret, now = make_secret(), self.clock.now()
        made = Credential("key_" + principal_id, principal_id, hash_key(secret), now, now + timedelta(days=1))
        entry = Entry(Kind.PRINCIPAL_CHANGED, "", principal_id, {"key": made.to_json()})
        await self.store.journal.append([entry], [StoreCredential(made)])
        return secret

    def notary(self, people=None, *, own_keys=False):
        people, principals = people or PeopleInMemory(), self.parts["principals"]
        return Notary(principals=principals, people=people, signer=self.store.signer, own_keys=own_keys)

    def desk(self, people=None):
        """The desk that takes verdicts; no execution waits here, so it wakes nobody."""
        parts = {name: self.parts[name] for name in ("journal", "approvals", "clock")}
        executions = SqlExecutions(self.store.database)
        return Verdicts(**parts, executions=executions, durable=None, notary=self.notary(people))

    def another(self, process, living=()):
        """A second process at the same store."""

        async def alive():
            return set(living)

        return Door(**{**self.parts, "process": process, "living": alive})


@pytest.fixture
async def scene(store, clock, tmp_path, policy):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "shop.yaml").write_text(ENTRIES)
    (tmp_path / "agents" / "acme.clerk").mkdir(parents=True)
    (tmp_path / "agents" / "acme.clerk" / "1.0.0.md").write_text(AGENT)
    (tmp_path / "agents" / "acme.caseworker").mkdir(parents=True)
    (tmp_path / "agents" / "acme.caseworker" / "1.0.0.md").write_text(CASEWORKER)
    shop, tokens, database = FakeShop(), SqlTokens(store.database), store.database
    signer = load_signer(tmp_path / "delegate.key")
    folders = {f"BRIDLE_{name}_DIR": str(tmp_path / name.lower()) for name in ("DATA", "CONFIG", "WORK")}

    async def lives(secret, token_id):
        token = await tokens.find(hash_secret(secret))
        return token is not None and token.id == token_id and clock.now() < token.expires_at

    delegate = build_delegate(
        load_settings(folders),
        signer=signer,
        control_plane=store.signer.verifier,
        token_lives=lives,
        clock=clock,
        model_effector=None,
        sandbox=object(),
        servers=shop,
    )
    principals, catalogue, approvals = SqlPrincipals(database), Catalogue(), SqlApprovals(database)
    sessions = SqlSessions(database)
    book = _book(store, principals, catalogue, clock, approvals, sessions)
    ports = build_ports(
        database,
        store.journal,
        signer=store.signer,
        clock=clock,
        policy=policy,
        delegate=delegate,
        delegate_key=signer.verifier,
        folder=tmp_path,
        inside=book,
        manifests=catalogue,
        cases=sessions,
    )
    await _register(store, signer)
    tools = Tools(
        gate=Gate(ports),
        journal=store.journal,
        principals=principals,
        pins=SqlPins(database),
        catalogue=catalogue,
        clock=clock,
        folder=tmp_path / "tools",
        servers=("shop",),
    )
    await tools.look("shop")
    reception = Reception(
        journal=store.journal,
        sessions=sessions,
        principals=principals,
        approvals=approvals,
        redactor=Redactor(),
        clock=clock,
        roots=[tmp_path / "agents"],
        book=book,
    )

    async def nobody():
        return set()

    authentication = Authentication(SqlCredentials(database), principals, clock)

    parts = {
        "gate": Gate(ports),
        "journal": store.journal,
        "sessions": sessions,
        "tokens": tokens,
        "principals": principals,
        "approvals": approvals,
        "tools": tools,
        "catalogue": catalogue,
        "clock": clock,
        "process": "here",
        "living": nobody,
        "attest": lambda session: attest_controls(store.signer, session, {"policy": policy.digest}),
    }
    return Scene(
        Door(**parts),
        reception,
        tools,
        shop,
        store,
        clock,
        ports,
        approvals,
        sessions,
        tokens,
        authentication,
        Exchange(
            journal=store.journal,
            tokens=tokens,
            principals=principals,
            authentication=authentication,
            clock=clock,
            admits=Pace(EXCHANGES_A_MINUTE).admits,
        ),
        parts,
        book,
        CaseDesk(
            gate=Gate(ports), journal=store.journal, principals=principals, approvals=approvals, clock=clock
        ),
        SqlCases(database),
        tmp_path,
    )


def _book(store, principals, catalogue, clock, approvals, sessions):
    def find_type(name):
        if name in OWN_TYPES:
            return read_case_type(OWN_TYPES[name], source=f"{name}.yaml")
        return load_case_type(name, roots=[OWN, SAMPLES])

    return CaseBook(
        journal=store.journal,
        principals=principals,
        manifests=catalogue,
        clock=clock,
        redactor=Redactor(),
        find_type=find_type,
        names_of=lambda principal, place: GROUPS if principal in STORE_CLERKS else frozenset(),
        teller=Teller(journal=store.journal, approvals=approvals, sessions=sessions, clock=clock),
    )


async def _register(store, signer):
    residents = [
        Principal(
            PrincipalKind.USER,
            "ana",
            "user:ana",
            frozenset({"mcp:*", "session:open", "approval:verdict", "case:*"}),
        ),
        Principal(PrincipalKind.USER, "ben", "user:ben", frozenset({"case:*"})),
        Principal(PrincipalKind.SERVICE, "till", "user:ana", frozenset({"case:move", "case:note"})),
        Principal(
            PrincipalKind.SERVICE,
            "bridle",
            "user:ana",
            frozenset({"server:describe", "server:lookup", "case:open", "case:exception", "case:escalate"}),
        ),
        Principal(
            PrincipalKind.DELEGATE, "local", "user:ana", frozenset(), public_key=signer.verifier.raw.hex()
        ),
    ]
    entries = [Entry(Kind.PRINCIPAL_REGISTERED, "", item.id, item.to_json()) for item in residents]
    await store.journal.append(entries, [RegisterPrincipal(item, None) for item in residents])
