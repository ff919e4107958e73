"""`/v1/sessions`: a program opens the door with its principal's key."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from bridle.surfaces.http import serve_http
from bridle.trust.principals import Lifecycle

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
WANTED = {"agent": "acme.clerk@1.0.0", "purpose": "refund", "inputs": {"order": "A-1001"}}


@asynccontextmanager
async def served(scene, key):
    async with serve_http(scene, port=0, folder=scene.store.folder, process="here") as url:
        base = url.removesuffix("/mcp")
        async with httpx2.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {key}"}) as http:
            yield http


async def test_a_program_opens_uses_and_closes_a_session(scene):
    async with served(scene, await scene.key_of("user:ana")) as http:
        opened = (await http.post("/v1/sessions", json=WANTED)).json()
        caller = await scene.door.enter(opened["token"])
        assert (caller.session.initiator, caller.session.id) == ("user:ana", opened["session"])
        shown = await http.get(f"/v1/sessions/{opened['session']}")
        assert "token" not in shown.json()
        closed = await http.delete(f"/v1/sessions/{opened['session']}")
        assert (closed.status_code, closed.json()["state"]) == (200, "closed")


@pytest.mark.parametrize("key", ["brk_forged", "brt_" + "a" * 43])
async def test_without_a_key_that_is_known_nothing_is_opened(scene, key):
    async with served(scene, key) as http:
        answer = await http.post("/v1/sessions", json=WANTED)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert await scene.sessions.find() == []


async def test_a_token_of_a_session_is_no_key(scene):
    async with served(scene, (await scene.open()).secret) as http:
        assert (await http.post("/v1/sessions", json=WANTED)).status_code == 401


async def test_the_key_of_who_is_suspended_opens_nothing(scene):
    key = await scene.key_of("user:ana")
    await scene.set_state("user:ana", Lifecycle.SUSPENDED)
    async with served(scene, key) as http:
        assert (await http.post("/v1/sessions", json=WANTED)).status_code == 403


async def test_somebody_elses_session_is_not_there(scene):
    session = (await scene.open()).session
    async with served(scene, await scene.key_of("service:bridle")) as http:
        for method in ("GET", "DELETE"):
            assert (await http.request(method, f"/v1/sessions/{session.id}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"scope": "all"}, "body/scope"),
        ({"expires_s": 10**9}, "body/expires_s"),
        ({"agent": None}, "body/agent"),
    ],
)
async def test_a_request_that_says_what_is_not_known_is_refused_with_its_place(scene, change, place):
    async with served(scene, await scene.key_of("user:ana")) as http:
        answer = await http.post("/v1/sessions", json={**WANTED, **change})
    assert (answer.status_code, answer.json()["instance"]) == (400, place)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_origin_opens_nothing(scene, headers, status):
    async with served(scene, await scene.key_of("user:ana")) as http:
        answer = await http.post("/v1/sessions", json=WANTED, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert await scene.sessions.find() == []


async def test_nobody_fills_the_memory_of_the_process_that_decides(scene):
    async def endless():
        for _ in range(40):
            yield b" " * 65_536

    async with served(scene, "brk_forged") as http:
        for path in ("/v1/sessions", "/v1/token", "/v1/cases"):
            for body in (b" " * 2_000_000, endless()):
                answer = await http.post(path, content=body, headers={"Content-Type": "application/json"})
                assert (answer.status_code, answer.json()["status"]) == (413, 413)
