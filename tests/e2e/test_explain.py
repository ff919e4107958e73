"""`bridle explain` on a finished run, by its commit."""

from __future__ import annotations

from e2e.conftest import Demo


def test_the_push_of_a_commit_is_explained_and_verifies(demo: Demo) -> None:
    told = demo.bridle("explain", demo.commit[:12], "--json").json
    assert told["action"]["key"] == f"{demo.execution}/ship/push#0.0"
    assert told["made_by"]["id"] == "agent:bridle.ci-autofix"
    assert told["authority"]["initiator"]["roles"][0]["role"] == "owner"
    assert told["policy"]["text"] is not None
    assert told["approvals"][0]["words"][0]["name"] == "ana"
    assert told["verified"]["holds"]
    assert told["verified"]["covered"] == told["verified"]["records"]
