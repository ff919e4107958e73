"""How a proof is told on the command line."""

import pytest

from bridle.surfaces.cli.commands.prove import tell_deployment


@pytest.mark.parametrize(
    ("approval", "told"),
    [
        (None, "none"),
        (
            {"record": "r", "by": "user:ana", "asserted": True},
            "user:ana (vouched for by the operating system)",
        ),
        ({"record": "r", "by": "person:ana", "asserted": False}, "person:ana"),
    ],
)
def test_an_approver_is_told_in_the_words_of_the_summary(approval, told):
    deployment = {"tool": "deploy.run", "leaf": 3}
    proof = {"deployment": deployment, "subjects": ["a"], "policy": "p", "approval": approval, "evidence": []}
    assert f"  approval {told}" in list(tell_deployment(proof))
