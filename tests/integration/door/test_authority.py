"""samples/authority: the same agent, started by two people, does what each of them may."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bridle.adapters.people.roles import RolesFile
from bridle.operating.door import Door
from bridle.operating.reception import Wanted
from bridle.operating.session import TaskRequest
from bridle.trust.access import GrantedPrincipals
from bridle.trust.journal import Entry, Kind
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal

from .conftest import say

SAMPLE = Path(__file__).parents[3] / "samples" / "authority"
REQUEST = TaskRequest("Book ads for 40.00 EUR for campaign C-100", {})
TEXTS = ("contact_id", "to", "text", "campaign", "amount")
TAKES = {"type": "object", "properties": {name: {"type": "string"} for name in TEXTS}}
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def office(scene):
    """The door and the reception of an account whose roles are the sample's, in front of the sample's server."""
    shutil.copy(SAMPLE / "tools" / "office.yaml", scene.folder / "tools")
    shutil.copy(SAMPLE / "roles.yaml", scene.folder)
    (scene.folder / "roles.yaml").chmod(0o600)
    for name in ("mia", "sam"):
        user = Principal(PrincipalKind.USER, name, f"user:{name}", frozenset({"session:open", "mcp:*"}))
        entry = Entry(Kind.PRINCIPAL_REGISTERED, "", user.id, user.to_json())
        await scene.store.journal.append([entry], [RegisterPrincipal(user, None)])
    names = ("find_contact", "draft_mail", "send_mail", "book_ads")
    scene.shop.tools = [say(name, schema=TAKES) for name in names]
    scene.tools.servers = ("office",)
    await scene.tools.look("office")
    principals = GrantedPrincipals(scene.parts["principals"], RolesFile(scene.folder, user="root"))
    door = Door(**{**scene.parts, "principals": principals})
    return door, replace(scene.reception, principals=principals, roots=[SAMPLE / "agents"])


async def come(office, name):
    door, reception = office
    wanted = {
        "uses": "acme.outreach@1.0.0",
        "initiator": f"user:{name}",
        "purpose": "outreach",
        "request": REQUEST,
    }
    opened = await reception.open(Wanted(**wanted))
    return opened.tools, await door.enter(opened.secret)


async def test_a_marketing_lead_s_agent_spends_what_a_sales_operator_s_may_not(scene, office):
    door, _ = office
    ads = {"campaign": "C-100", "amount": "40.00"}
    tools, lead = await come(office, "mia")
    assert "mcp.office.book_ads" in tools
    assert (await door.call(lead, "office__book_ads", ads)).status == "succeeded"
    over = await door.call(lead, "office__book_ads", {**ads, "amount": "60.00"})
    assert (over.status, over.told["rule"]) == ("denied", "spend.per-call")

    tools, operator = await come(office, "sam")
    assert tools == ("mcp.office.find_contact", "mcp.office.draft_mail")
    assert [offer.name for offer in await door.offers(operator)] == [
        "office__draft_mail",
        "office__find_contact",
    ]
    refused = await door.call(operator, "office__book_ads", ads)
    assert (refused.status, refused.told["rule"]) == ("denied", "scope.missing")
    sent = await door.call(operator, "office__send_mail", {"to": "lena@example.com", "text": "Hello"})
    assert (sent.status, [tool for tool, _ in scene.shop.called]) == ("denied", ["book_ads"])
