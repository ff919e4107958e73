"""`/v1/cases`: a program works on cases with its principal's key."""

import pytest

from .test_api import served

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


async def test_a_program_opens_moves_and_reads_a_case(scene):
    async with served(scene, await scene.key_of("user:ana")) as http:
        opened = await http.post("/v1/cases", json={"type": "return", "object": "A-1001"})
        assert (opened.status_code, opened.json()["case"]["state"]) == (201, "taken")
        case = f"/v1/cases/{opened.json()['case']['id']}"
        moved = await http.post(f"{case}/move", json={"to": "review", "reason": "two orders"})
        assert (moved.status_code, moved.json()["case"]["state"]) == (200, "review")
        shown = (await http.get(case)).json()
        assert [event["what"] for event in shown["history"]] == ["open", "move"]
        listed = (await http.get("/v1/cases", params={"object": "A-1001"})).json()
        assert [one["state"] for one in listed] == ["review"]


async def test_what_takes_an_approval_is_said_to_wait(scene):
    case = await scene.case()
    await scene.do("move", case, to="review")
    await scene.do("decide", case, decision="goods", value="back")
    async with served(scene, await scene.key_of("user:ana")) as http:
        wish = {"to": "payable", "reason": "it is back"}
        asked = await http.post(f"/v1/cases/{case}/move", json=wish)
        assert asked.status_code == 202
        await scene.approve(asked.json()["approval"])
        done = await http.post(f"/v1/cases/{case}/move", json=wish)
    assert (done.status_code, done.json()["case"]["state"]) == (200, "payable")


async def test_what_cannot_be_is_a_problem_with_its_rule(scene):
    case = await scene.case()
    async with served(scene, await scene.key_of("user:ana")) as http:
        refused = await http.post(f"/v1/cases/{case}/move", json={"to": "closed", "reason": "x"})
        missing = await http.get("/v1/cases/cas_" + "0" * 26)
        strange = await http.post(f"/v1/cases/{case}/escalate", json={})
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:bridle:problem:case.no-transition")
    assert (missing.status_code, strange.status_code) == (404, 400)


async def test_without_the_permission_no_case_is_told(scene):
    await scene.case()
    async with served(scene, await scene.key_of("service:till")) as http:
        assert (await http.get("/v1/cases")).status_code == 403
