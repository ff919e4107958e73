"""What a session's request may hold is its agent's to say."""

import pytest

from bridle.agent.forms import parse_agent
from bridle.core.errors import InputError
from bridle.operating.reception import _check_inputs
from bridle.operating.session import TaskRequest

AGENT = """---
owner: acme
description: Pays back.
purpose: refund
tools: [file.read]
{inputs}---
Pay.
"""
GIVEN = TaskRequest("pay", {"amuont": "49.90"})


def agent(inputs=""):
    return parse_agent(AGENT.format(inputs=inputs), file="a.md", name="acme.refunds", version="1.0.0")


def test_an_input_that_an_agent_does_not_know_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="no input 'amuont'") as refused:
        _check_inputs(GIVEN, agent("inputs: {amount: {type: string}}\n"))
    assert refused.value.hint == "did you mean 'amount'?"


def test_an_agent_that_names_no_inputs_takes_what_it_is_given():
    _check_inputs(GIVEN, agent())
