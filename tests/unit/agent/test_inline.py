"""Agents that stand in a step: what they are offered, what is refused, and who they are."""

import pytest

from bridle.agent.inline import define_inline, find_agent
from bridle.agent.shelf import load_agent
from bridle.core.errors import InputError


def body(**parts):
    return {"uses": "", "with": {}, "model": None, "task": "Look around.", **parts}


def test_without_tools_it_may_do_nothing_but_think():
    agent = define_inline(body())
    assert (agent.tools, agent.permissions, agent.boundary.write) == ((), {"model:call"}, ())


@pytest.mark.parametrize(
    ("tools", "offered", "write"),
    [
        ({"read": True, "grep": True}, ("file.list", "file.read", "file.search"), ()),
        (["file.read", "read"], ("file.read", "file.list"), ()),
        ({"write": True, "bash": False}, ("file.edit",), ("**",)),
    ],
)
def test_it_is_offered_what_it_names_and_writes_only_with_a_tool_that_writes(tools, offered, write):
    agent = define_inline(body(tools=tools))
    assert (agent.tools, agent.boundary.write) == (offered, write)


@pytest.mark.parametrize(
    ("tool", "reason"),
    [("git.push", "inline-agent-power"), ("git.clone", "unknown-tool"), ("x.y", "unknown-tool")],
)
def test_what_reaches_outside_takes_a_file(tool, reason):
    with pytest.raises(InputError) as caught:
        define_inline(body(tools=[tool]))
    assert caught.value.reason == reason


def test_the_same_task_is_the_same_agent_and_another_word_is_another():
    first, again, other = (define_inline(body(task=task)) for task in ("a", "a", "b"))
    assert first.digest == again.digest
    assert first.name != other.name


def test_turns_are_its_ceiling():
    assert find_agent(body(max_turns=3), roots=()).limits.max_turns == 3


def test_no_file_can_pass_for_one(tmp_path):
    with pytest.raises(InputError) as caught:
        load_agent("inline.abc@0.0.0", roots=[tmp_path])
    assert caught.value.reason == "reserved-publisher"
