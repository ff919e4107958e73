"""The demo with a live model: the real clients of two providers over HTTP, a fake provider at the other end.

What the provider says is the sample's script; everything between it and the origin is the product.
"""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from integration.agent.fake_provider import serve
from support.commands import Bridle
from support.room import opened_room

SCRIPT = Path(__file__).parents[2] / "samples" / "autofix" / "script.yaml"


@pytest.fixture(scope="module")
def provider():
    with serve([_spoken(turn) for turn in YAML(typ="safe").load(SCRIPT.read_text())["turns"]]) as fake:
        yield fake


@pytest.fixture
def bridle(forks):
    with opened_room() as room:
        yield Bridle(forks, room)


# One wire is enough for the rules; a conversation goes over each of them in integration/agent.
@pytest.mark.parametrize("wire", ["openai", pytest.param("anthropic", marks=pytest.mark.long)])
def test_a_live_model_repairs_the_build_under_the_same_rules(bridle, provider, wire):
    model = {
        "openai": f"openai:demo@{provider.openai}",
        "anthropic": f"anthropic:claude-sonnet-5-5@{provider.anthropic}",
    }[wire]
    summary = _demo(bridle, model)
    assert summary["state"] == "succeeded"
    assert summary["recorded"] is False
    assert "commit.suite-not-green" in {refusal["rule"] for refusal in summary["refused"]}
    assert bridle.room.main() == summary["stages"]["ship"][0]["output"]["commit"]


def test_a_cost_limit_on_a_model_without_a_price_stops_before_the_first_call(bridle, provider):
    asked = len(provider.asked)
    summary = _demo(bridle, f"openai:demo@{provider.openai}", BRIDLE_MODEL_PRICE="")
    assert summary["stages"]["repair"][0]["note"].startswith("stopped at budget: unpriced")
    assert len(provider.asked) == asked


def _demo(bridle, model, **environment):
    own = {"BRIDLE_MODEL_KEY": "a-key-for-tests", "BRIDLE_MODEL_PRICE": "0.25/1.25", **environment}
    done = bridle("demo", "--model", model, "--approve-as", "ana", "--json", environment=own)
    assert "Traceback" not in done.err
    return done.json


def _spoken(turn):
    """Say a turn of the script as a provider does: names without dots, arguments as text."""
    calls = [
        (call["tool"].replace(".", "_"), json.dumps(call["arguments"])) for call in turn.get("calls", ())
    ]
    return {"text": turn.get("text", ""), "calls": calls}
