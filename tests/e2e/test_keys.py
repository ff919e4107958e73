"""`bridle keys` from the command line: what was signed before and after a rotation verifies, and work goes on."""

from __future__ import annotations

from support.commands import Bridle


def test_both_keys_are_rotated_and_everything_still_verifies(bridle: Bridle) -> None:
    assert bridle("principals", "add", "service:ci", "--may", "file:read").code == 0
    since = ("--compromised-since", "2026-01-01T00:00:00Z")
    rotated = bridle("keys", "rotate", "control", *since, "--comment", "stolen", "--json").json
    assert bridle("keys", "rotate", "delegate").code == 0
    assert bridle("principals", "suspend", "service:ci").code == 0
    keys = bridle("keys", "list", "--json").json
    assert [(key["signer"], bool(key["until"])) for key in keys] == [
        ("service:bridle", True),
        ("service:bridle", False),
        ("delegate:local", True),
        ("delegate:local", False),
    ]
    verified = bridle("audit", "verify", "--json").json
    assert verified["verified"]
    assert len(verified["suspect"]) == 1  # the change that the stolen key signed
    old = bridle.room.key.parent / "keys" / f"control-plane-{rotated['old']}.pub"
    assert bridle("audit", "verify", "--key", str(old)).code == 0


def test_a_lost_key_of_the_control_plane_is_not_replaced(bridle: Bridle) -> None:
    refused = bridle("keys", "rotate", "control", "--lost")
    assert refused.code == 2
    assert "begin a new store" in refused.err
