"""Planted secrets: what a delegate meets, in six places and five spellings, is in no record, sealed value or file of the store.

The gate, the store and the worker are real; two effectors are fakes that say what the test wants. What a control plane cannot
know (a value that only the delegate knows, written by a person into an argument) is planted by its documented form.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from bridle.core.errors import ExecutionError
from bridle.delegate.app import EFFECTORS
from bridle.delegate.effectors import EffectorResult
from bridle.delegate.worker import Worker
from bridle.delegate.workspace import Workspaces
from bridle.gate.action import Asked, Done
from bridle.gate.gate import Gate
from bridle.trust.redaction.token_formats import TOKEN_FORMATS
from integration.delegate.bench import FakeSandbox, build_bench, ended
from support.token_examples import make_examples

VALUE = "kQ7v/T2m+Zx9 Rb4\"Lw'YcP"
TOKEN = make_examples(next(row.pattern for row in TOKEN_FORMATS if row.kind == "github"))[0][1]
SPELLINGS = {
    "plain": VALUE,
    "base64": base64.b64encode(b"u:" + VALUE.encode() + b"!").decode(),
    "url": quote(VALUE, safe=""),
    "json": json.dumps(VALUE),
    "hex": VALUE.encode().hex(),
}
FORMS = {
    "plain": TOKEN,
    "header": f"Authorization: token {TOKEN}",
    "address": f"https://x:{TOKEN}@example.org",
    "json": json.dumps({"k": [TOKEN]}),
    "json in json": json.dumps(json.dumps({"k": TOKEN})),
}


@dataclass
class Planted:
    """A gate before a real worker that knows the value; `says` is what its tools come to."""

    gate: Gate
    scene: object
    notes: Path
    says: str = ""

    async def do(self, tool, call, **arguments):
        result = await self.gate.perform(self.scene.action(tool, call=call, **arguments))
        assert isinstance(result, Done), result
        return result

    async def meet(self, number, text):
        """Have the value met in a tool's result, a log, an error and a model's turn; return what the agent is told."""
        self.says = text
        self.notes.write_text(f"it says {text} here\n")
        return [
            await self.do("file.read", 10 * number, path="notes.txt"),
            await self.do("command.run", 10 * number + 1, script="cat notes.txt"),
            await self.do("file.list", 10 * number + 2, path="."),
            await self.do("file.search", 10 * number + 3, pattern="x"),
        ]

    async def fail(self, task, context):
        raise ExecutionError(f"cannot: {self.says}", hint=f"not {self.says}", reason="cannot")

    async def turn(self, task, context):
        return EffectorResult(
            "succeeded", {"ok": True}, {"note": self.says}, private=f"turn {self.says}".encode()
        )


@pytest.fixture
def planted(scene, store, tmp_path):
    sandbox = FakeSandbox()
    bench = build_bench(Workspaces(tmp_path / "work"), sandbox)
    bench.redactor.add("key", VALUE)
    folder = bench.workspaces.folder("exe_1")
    made = Planted(scene.gate, scene, folder / "notes.txt")

    async def lives(secret, token_id):
        return True

    sandbox.behave = lambda *_: ended(stdout=made.says.encode())
    worker = Worker(
        name=scene.delegate.name,
        context=bench.context,
        effectors={**EFFECTORS, "file.list": made.fail, "file.search": made.turn},
        look_ups={},
        signer=scene.delegate.signer,
        control_plane=store.signer.verifier,
        token_lives=lives,
    )
    made.gate = scene.with_ports(delegate=worker)
    return made


async def find_planted(journal, folder, parts):
    """Return where a planted text stands: in a record, a sealed value, or a file of the store."""
    records = await journal.read()
    held = {f"{one.kind} {one.subject}": one.data for one in records}
    for one in records:
        held |= {f"{one.kind} {one.subject} {name}": await journal.reveal(one, name) for name in one.raw}
    held |= {path.name: path.read_bytes() for path in folder.glob("*.db*")}
    return sorted(name for name, data in held.items() if any(part.encode() in data for part in parts))


async def test_what_a_delegate_meets_is_in_no_store_in_any_spelling(planted, tmp_path):
    for number, text in enumerate(SPELLINGS.values()):
        told = await planted.meet(number, text)
        assert [one.status for one in told] == ["succeeded", "succeeded", "failed", "succeeded"]
        shown = [str(told[0].value), str(told[1].value), str(told[2].value), str(told[3].private)]
        assert all("[secret:known:" in one for one in shown), shown
    assert await find_planted(planted.scene.ports.journal, tmp_path, (VALUE, *SPELLINGS.values())) == []


async def test_what_an_argument_holds_is_in_no_record_in_any_form(planted):
    for call, text in enumerate(FORMS.values()):
        await planted.do("command.run", call, script=f"echo '{text}'")
    records = await planted.scene.ports.journal.read()
    assert [one.subject for one in records if TOKEN.encode() in one.data] == []


async def test_what_a_person_is_asked_about_holds_none(scene, made_commit):
    pushing = scene.action("git.push", branch=f"bridle/{TOKEN}", commit="c" * 40, by="user:ana")
    asked = await scene.gate.perform(pushing)
    assert isinstance(asked, Asked)
    request = await scene.ports.approvals.get(asked.approval)
    assert TOKEN not in str(request)
    assert "[secret:github:" in str(request)
    records = await scene.ports.journal.read()
    assert [one.subject for one in records if TOKEN.encode() in one.data] == []
