"""The samples of cases: the dispute with its agent and its tools at the door; the others step by step."""

import shutil
from pathlib import Path

import pytest

from bridle.gate.action import Asked, Denied, Done
from bridle.operating.session import TaskRequest
from bridle.trust.journal import Kind

from .conftest import say

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
SAMPLE = Path(__file__).parents[3] / "samples" / "cases"
ASKED = TaskRequest("Look into it", {"transaction": "TX-8812", "customer": "C-7"})
LETTER = {"customer": "C-7", "text": "we look into it"}


@pytest.fixture
async def bank(scene):
    """The scene with the sample's agent, and the tools of its two servers."""
    here = scene.store.folder
    scene.tools.servers = ("shop", "ledger", "crm")
    shutil.copytree(SAMPLE / "agents", here / "agents", dirs_exist_ok=True)
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("transaction", "customer", "text")},
    }
    scene.shop.tools = [say("find", schema=schema), say("notify", schema=schema)]
    for server in ("ledger", "crm"):
        shutil.copy(SAMPLE / "tools" / f"{server}.yaml", here / "tools")
        await scene.tools.look(server)
    return scene


async def test_a_dispute_the_same_call_asks_once_regulation_e_review_has_begun(bank):
    case = await bank.case("TX-8812", "dispute")
    caller = await bank.enter(uses="bank.disputes@1.0.0", purpose="dispute", case=case, request=ASKED)
    looked = await bank.door.call(caller, "ledger__find", {"transaction": "TX-8812"})
    told = await bank.door.call(caller, "crm__notify", LETTER)
    await bank.do("move", case, to="investigation")
    moved = await bank.door.call(
        caller, "case_move", {"to": "regulation-e-review", "reason": "ten days are over"}
    )
    assert [answer.status for answer in (looked, told, moved)] == ["succeeded"] * 3
    again = await bank.door.call(caller, "crm__notify", {**LETTER, "text": "we credit you"})
    decided = (await bank.records(caller, Kind.DECIDED))[-1]
    assert (again.status, [rule["rule"] for rule in decided.body["rules"]]) == (
        "waiting",
        ["case.not-covered"],
    )
    back = await bank.door.call(caller, "case_move", {"to": "investigation", "reason": "to write to them"})
    assert back.status == "denied"
    looked = await bank.door.call(caller, "ledger__find", {"transaction": "TX-8812"})
    assert looked.status == "succeeded", "what it reads it may go on reading"


SANCTIONS = [
    ("move", {"to": "sanctions-review"}, Done),
    ("hold", {"reason": "sanctions review is under way"}, Done),
    ("decide", {"decision": "sanctions", "value": "clear"}, Done),
    ("move", {"to": "legal-approval"}, Denied),  # on hold
    ("release", {}, Done),
    ("move", {"to": "legal-approval"}, Done),
    ("move", {"to": "set-up"}, Denied),  # no contract
    ("decide", {"decision": "contract", "value": "signed"}, Done),
    ("move", {"to": "set-up"}, Asked),  # four eyes
]
CLAIM = [
    ("move", {"to": "documents-missing"}, Done),
    ("move", {"to": "first-notice"}, Done),
    ("move", {"to": "triage"}, Done),
    ("move", {"to": "with-adjuster"}, Denied),  # nobody has said that it is covered
    ("decide", {"decision": "coverage", "value": "covered"}, Done),
    ("move", {"to": "with-adjuster"}, Done),
    ("move", {"to": "declined"}, Denied),  # it has ended
]
REFUND = [
    ("move", {"to": "approved"}, Denied),  # nobody has said that they are entitled
    ("decide", {"decision": "entitled", "value": "yes-full"}, Done),
    ("move", {"to": "approved"}, Asked),  # four eyes
]


@pytest.mark.parametrize(
    ("type_name", "steps"),
    [("vendor-onboarding", SANCTIONS), ("claims-intake", CLAIM), ("refund", REFUND)],
)
async def test_a_sample_goes_its_way_and_no_other(scene, type_name, steps):
    case = await scene.case("S-1", type_name)
    for tool, wish, expected in steps:
        if tool == "release":
            wish = {"hold": (await scene.book.get(case))[0].holds[0].id}
        result = await scene.do(tool, case, **wish)
        assert isinstance(result, expected), (tool, wish, result)
