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


def test_what_was_exported_verifies_alone_and_continues_what_a_witness_saw(demo: Demo) -> None:
    bridle = demo.bridle
    folder, state = bridle.room.path / "published", bridle.room.path / "witness"
    assert bridle("audit", "export", "--out", str(folder)).code == 0
    assert (
        bridle(
            "audit", "witness", "--from", str(folder), "--state", str(state), "--key", str(bridle.room.key)
        ).code
        == 0
    )
    witness = ("--witness", str(state / "witness.vkey"), "--cosigned", str(state / "cosigned"))
    verified = bridle(
        "audit", "verify", "--from", str(folder), "--key", str(bridle.room.key), *witness, "--json"
    )
    assert verified.json["verified"]
    assert verified.json["uncovered"] == 0
    assert verified.json["witnessed_at"]
