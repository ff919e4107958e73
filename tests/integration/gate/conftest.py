"""A gate on a real store and the real policy engine; only the delegate is a fake, and says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bridle.core.boundary import Boundary
from bridle.core.errors import UnavailableError
from bridle.dispatch.protocol import Request, sign_report
from bridle.gate.action import Action, Done, action_key
from bridle.gate.gate import Gate
from bridle.gate.ports import Ports
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_signer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import MintToken, describe_token, mint
from support.facts import facts_fit_the_schema  # noqa: F401 - a fixture
from support.ports import build_ports


class FakeCrash(BaseException):
    """Stands for the death of the process between intent and outcome."""


@dataclass
class FakeDelegate:
    """Carries nothing out: it notes what it was told, and signs what the test wants it to say."""

    signer: object
    name: str = "delegate:local"
    told: list = field(default_factory=list)
    answers: Mapping = field(default_factory=dict)
    crash: bool = False
    found: object = None
    asked: list = field(default_factory=list)
    missing: str = ""
    status: str = "succeeded"
    costs: str = "0.25"
    changes: Mapping | None = field(default_factory=lambda: {"exact": "sha256:e", "alike": "sha256:a"})

    async def carry_out(self, task):
        self.told.append(task)
        if self.missing:
            raise UnavailableError(self.missing, hint="try later", reason="origin-unavailable")
        if self.crash:
            raise FakeCrash
        return self.report(task)

    def report(self, task):
        value = self.answers.get(task.request.tool, {"ok": True})
        facts = {"usage": {"input_tokens": 10, "output_tokens": 5}, "cost_usd": self.costs}
        if task.request.tool == "git.commit" and self.changes:
            facts["change"] = self.changes
        if task.request.tool == "git.clone":
            facts["tree"] = "sha256:" + "0" * 64
        return sign_report(
            self.signer,
            action_digest=task.request.digest,
            delegate=self.name,
            status=self.status,
            value=value,
            facts=facts,
        )

    async def look_up(self, task):
        self.asked.append(task)
        return self.report(task) if self.found else None

    async def snapshot(self, workspace):
        return "sha256:" + "0" * 64

    async def probe(self):
        return {}


@dataclass
class Scene:
    """A gate with its parts, and shorthands for what every test does."""

    gate: Gate
    ports: Ports
    delegate: FakeDelegate
    clock: object
    tokens: dict

    def recover_by(self, monkeypatch, tool, recovery):
        """Give a tool another recovery class."""
        known = self.ports.manifests.get
        other = replace(known(tool), recovery=recovery)
        monkeypatch.setattr(self.ports.manifests, "get", lambda name: other if name == tool else known(name))

    def action(self, tool="file.read", *, call=0, by="agent:fixer", budget="", sent=None, **arguments):
        request = Request(action_key("exe_1", "repair/fix", call=call), tool, arguments, by, "repair")
        boundary = Boundary(write=("src/**",), protect=("src/tests",), push=("bridle/**",))
        return Action(
            request=request,
            execution="exe_1",
            step="repair/fix",
            boundary=boundary,
            token=self.tokens.get(by, ""),
            workspace="exe_1",
            payload=sent,
            budget=budget,
        )

    async def kinds(self):
        records = await self.ports.journal.read(execution="exe_1")
        return [str(record.kind) for record in records if record.kind is not Kind.TOKEN_MINTED]

    def with_ports(self, **changes):
        return Gate(replace(self.ports, **changes))


@pytest.fixture
async def scene(store, clock, tmp_path, policy):
    delegate = FakeDelegate(load_signer(tmp_path / "delegate.key"))
    ports = build_ports(
        store.database,
        store.journal,
        signer=store.signer,
        clock=clock,
        policy=policy,
        delegate=delegate,
        folder=tmp_path,
    )
    secrets = await _register(store, clock, delegate)
    return Scene(Gate(ports), ports, delegate, clock, secrets)


async def _register(store, clock, delegate):
    everything = frozenset(
        {"file:read", "file:edit", "command:run", "git:commit", "git:push", "model:call", "git:clone"}
    )
    user = Principal(PrincipalKind.USER, "ana", "user:ana", everything)
    agent = Principal(
        PrincipalKind.AGENT,
        "fixer",
        "user:ana",
        everything - {"git:clone"},
        version="1.0.0",
        digest="sha256:a",
    )
    harness = Principal(PrincipalKind.SERVICE, "bridle", "user:ana", frozenset({"workspace:verify"}))
    public_key = delegate.signer.verifier.raw.hex()
    known = {"kind": "delegate", "id": delegate.name, "public_key": public_key}
    secrets, guards = {}, [RegisterPrincipal(harness, None)]
    entries = [Entry(Kind.PRINCIPAL_REGISTERED, "", delegate.name, known)]
    for actor in (user, agent):
        minted = mint(
            actor=actor,
            initiator=user,
            asked_for=everything,
            execution="exe_1",
            step="repair/fix",
            expires_at=clock.now() + timedelta(hours=1),
        )
        secrets[actor.id] = minted.secret
        guards += [RegisterPrincipal(actor, None), MintToken(minted.token)]
        entries.append(Entry(Kind.TOKEN_MINTED, "exe_1", minted.token.id, describe_token(minted)))
    await store.journal.append(entries, guards)
    return secrets


@pytest.fixture
async def made_commit(scene):
    """A commit of the agent, so that a push has something to push."""
    await commit(scene)


async def commit(scene):
    """Let the agent commit through the gate; forget what the fake was told."""
    scene.delegate.answers = {
        "git.clone": {"commit": "d" * 40, "branch": "main"},
        "workspace.verify": {
            "tree": "sha256:" + "0" * 64,
            "changed": ["src/a.py"],
            "outside": [],
            "secrets": [],
            "difference": "-a\n+b\n",
            "suite": {
                "exit_code": 0,
                "tests": 3,
                "failures": 0,
                "errors": 0,
                "skipped": 0,
                "report": "sha256:r",
            },
        },
        "git.commit": {
            "commit": "c" * 40,
            "branch": "bridle/fix",
            "parent": "d" * 40,
            "changed": ["src/a.py"],
        },
    }
    clone = scene.action("git.clone", call=8, by="user:ana", repository="/srv/origin.git", branch="main")
    assert isinstance(await scene.gate.perform(clone), Done)
    result = await scene.gate.perform(scene.action("git.commit", call=9, branch="bridle/fix", message="Fix"))
    assert isinstance(result, Done)
    scene.delegate.told.clear()
