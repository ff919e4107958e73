"""What a step may take from an agent, and that it gives it nothing."""

import pytest

from bridle.agent.narrowing import narrow
from bridle.core.errors import InputError


def test_a_step_that_takes_nothing_leaves_the_agent_as_it_is(definition):
    assert narrow(definition, {"uses": "test.agent@1.0.0"}) == definition


@pytest.mark.parametrize(
    ("tools", "left"),
    [
        (["file.read"], ("file.read",)),
        (["git.commit", "read"], ("file.list", "file.read", "git.commit")),
        ([], ()),
        ({"read": False}, ("git.commit",)),
        ({"bash": False, "write": False}, ("file.list", "file.read", "git.commit")),
        ({"read": True}, ("file.list", "file.read", "git.commit")),
    ],
)
def test_tools_are_taken_and_their_permissions_with_them(definition, tools, left):
    narrowed = narrow(definition, {"tools": tools})
    assert (narrowed.tools, "file:read" in narrowed.permissions) == (left, "file.read" in left)


@pytest.mark.parametrize("tools", [["git.push"], ["bash"], {"write": True}, ["no.such"]])
def test_a_tool_that_the_agent_never_had_is_not_given(definition, tools):
    with pytest.raises(InputError) as caught:
        narrow(definition, {"tools": tools})
    assert caught.value.reason == "tool-not-granted"


@pytest.mark.parametrize(("asked", "turns"), [(3, 3), (10, 10), (500, 10)])
def test_turns_are_never_more_than_the_file_allows(definition, asked, turns):
    assert narrow(definition, {"max_turns": asked}).limits.max_turns == turns
