"""`/v1/token`: an agent hands a part of what it may do to another one, and nobody gets more by it."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from bridle.core.errors import TrustError
from bridle.operating.pace import Pace
from bridle.surfaces.http import serve_http
from bridle.trust.exchange import GRANT, KEY_TYPE, TOKEN_TYPE
from bridle.trust.journal import Kind
from bridle.trust.principals import Lifecycle

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
HELPER = """---
name: acme.helper
version: 1.0.0
owner: acme
purpose: refund
tools: [mcp.shop.find, mcp.shop.other]
---
You help the clerk.
"""


@pytest.fixture
async def helper(scene, tmp_path):
    """The token of a session of another agent, which may find and do something else, and not pay."""
    folder = tmp_path / "agents" / "acme.helper"
    folder.mkdir()
    (folder / "1.0.0.md").write_text(HELPER)
    return (await scene.open(uses="acme.helper@1.0.0")).secret


@pytest.fixture
async def clerk(scene):
    return await scene.open()


@asynccontextmanager
async def served(scene):
    folder = scene.store.folder
    async with (
        serve_http(scene, port=0, folder=folder, process="here") as url,
        httpx2.AsyncClient(base_url=url.removesuffix("/mcp")) as http,
    ):
        yield http


async def ask(scene, subject, actor, **wanted):
    form = {
        "grant_type": GRANT,
        "subject_token": subject,
        "subject_token_type": TOKEN_TYPE,
        "actor_token": actor,
        "actor_token_type": TOKEN_TYPE,
        **wanted,
    }
    async with served(scene) as http:
        answer = await http.post("/v1/token", data=form)
    return answer.status_code, answer.json()


async def test_the_helper_gets_what_both_may_and_acts_at_the_door_with_it(scene, clerk, helper):
    status, told = await ask(scene, clerk.secret, helper)
    assert (status, told["scope"], told["issued_token_type"]) == (200, "mcp:shop.find", TOKEN_TYPE)
    assert told["act"] == {"sub": "agent:acme.helper", "act": {"sub": "agent:acme.clerk"}}
    caller = await scene.door.enter(told["access_token"])
    assert [offer.name for offer in await scene.door.offers(caller)] == ["shop__find"]
    assert (await scene.door.call(caller, "shop__find", {"order": "A-1"})).status == "succeeded"
    refused = await scene.door.call(caller, "shop__pay", {"order": "A-1"})
    assert (refused.status, refused.told["rule"]) == ("denied", "scope.missing")
    facts = (await scene.records(caller, Kind.DECIDED))[-1].body["facts"]
    assert [one["id"] for one in (facts["principal"], *facts["actors"])] == [
        "agent:acme.helper",
        "agent:acme.clerk",
    ]


async def test_who_acts_is_the_version_that_the_token_was_made_for(scene, clerk, helper, tmp_path):
    """Another version, which the account may trust more, is registered while the first one is still at work."""
    _, told = await ask(scene, clerk.secret, helper)
    path = tmp_path / "agents" / "acme.clerk" / "1.0.0.md"
    path.write_text(path.read_text() + "Be kind.\n")
    newer = await scene.door.enter((await scene.open()).secret)
    first = (await scene.store.journal.read(execution=clerk.session.id, kinds=(Kind.SESSION_OPENED,)))[0]
    digests = []
    for caller in (newer, await scene.door.enter(clerk.secret), await scene.door.enter(told["access_token"])):
        await scene.door.call(caller, "shop__find", {"order": "A-1"})
        facts = (await scene.records(caller, Kind.DECIDED))[-1].body["facts"]
        chain = {one["id"]: one["digest"] for one in (facts["principal"], *facts["actors"])}
        digests.append(chain["agent:acme.clerk"])
    assert [one == first.body["agent_digest"] for one in digests] == [False, True, True]


async def test_nobody_fills_the_journal_with_tokens_made_of_their_own(scene, clerk, monkeypatch):
    pace = Pace(2)
    monkeypatch.setattr(scene.exchange, "admits", pace.admits)
    request = {
        "grant_type": GRANT,
        "subject_token": clerk.secret,
        "subject_token_type": TOKEN_TYPE,
        "actor_token": clerk.secret,
        "actor_token_type": TOKEN_TYPE,
    }
    for _ in range(2):
        await scene.exchange.exchange(request)
    with pytest.raises(TrustError, match="too many exchanges"):
        await scene.exchange.exchange(request)
    minted = await scene.store.journal.read(execution=clerk.session.id, kinds=(Kind.TOKEN_MINTED,))
    assert len(minted) == 3, "the session's own, and two"


async def test_a_helper_gets_no_more_by_asking_for_it(scene, clerk, helper):
    status, told = await ask(scene, clerk.secret, helper, scope="mcp:shop.pay mcp:shop.other")
    assert (status, told["error"]) == (400, "invalid_scope")


async def test_the_exchanged_token_dies_with_the_session_it_came_from(scene, clerk, helper):
    _, told = await ask(scene, clerk.secret, helper)
    await scene.reception.close(clerk.session.id, by="user:ana")
    with pytest.raises(TrustError, match="this token is none"):
        await scene.door.enter(told["access_token"])


async def test_the_exchanged_token_does_nothing_once_who_handed_it_on_is_suspended(scene, clerk, helper):
    _, told = await ask(scene, clerk.secret, helper)
    caller = await scene.door.enter(told["access_token"])
    await scene.set_state("agent:acme.clerk", Lifecycle.SUSPENDED)
    assert await scene.door.offers(caller) == []
    assert (await scene.door.call(caller, "shop__find", {"order": "A-1"})).status == "denied"


async def test_a_service_account_does_not_take_over_what_an_agent_holds(scene, clerk):
    key = await scene.key_of("service:bridle")
    status, told = await ask(scene, clerk.secret, key, actor_token_type=KEY_TYPE)
    assert (status, told["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"actor_token": "brt_forged"}, "invalid_grant"),
        ({"subject_token": "brt_forged"}, "invalid_grant"),
        ({"actor_token": "brk_forged", "actor_token_type": KEY_TYPE}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"actor_token": ""}, "invalid_request"),
        ({"audience": "x"}, "invalid_request"),
    ],
)
async def test_a_request_that_is_not_as_it_should_be_is_refused(scene, clerk, helper, wanted, error):
    status, told = await ask(scene, clerk.secret, helper, **wanted)
    assert (status, told["error"]) == (400, error)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"a=1&a=2", b"x" * 20_000, b"&".join(b"f%d=1" % n for n in range(40)), b"a=%ff"]
)
async def test_a_body_that_is_no_form_is_refused(scene, body):
    async with served(scene) as http:
        answer = await http.post("/v1/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
