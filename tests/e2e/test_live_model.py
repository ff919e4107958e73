"""The demo with a live model: the real clients of two providers over HTTP, a fake provider at the other end.

What the provider says is the sample's script; everything between it and the origin is the product.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from integration.agent.fake_provider import serve
from support.room import opened_room

SCRIPT = Path(__file__).parents[2] / "samples" / "autofix" / "script.yaml"


@pytest.fixture(scope="module")
def provider():
    with serve([_spoken(turn) for turn in YAML(typ="safe").load(SCRIPT.read_text())["turns"]]) as fake:
        yield fake


@pytest.fixture
def room():
    with opened_room() as opened:
        yield opened


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_a_live_model_repairs_the_build_under_the_same_rules(room, provider, wire):
    model = {
        "openai": f"openai:demo@{provider.openai}",
        "anthropic": f"anthropic:claude-sonnet-5-5@{provider.anthropic}",
    }[wire]
    summary = _demo(room, model)
    assert summary["state"] == "succeeded"
    assert summary["recorded"] is False
    assert "commit.suite-not-green" in {refusal["rule"] for refusal in summary["refused"]}
    assert room.main() == summary["stages"]["ship"][0]["output"]["commit"]


def test_a_cost_limit_on_a_model_without_a_price_stops_before_the_first_call(room, provider):
    asked = len(provider.asked)
    summary = _demo(room, f"openai:demo@{provider.openai}", BRIDLE_MODEL_PRICE="")
    assert summary["stages"]["repair"][0]["note"].startswith("stopped at budget: unpriced")
    assert len(provider.asked) == asked


def _demo(room, model, **environment):
    command = [sys.executable, "-m", "bridle", "demo", "--model", model, "--approve-as", "ana", "--json"]
    own = {
        **os.environ,
        **room.environment,
        "BRIDLE_MODEL_KEY": "a-key-for-tests",
        "BRIDLE_MODEL_PRICE": "0.25/1.25",
    }
    done = subprocess.run(command, env={**own, **environment}, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def _spoken(turn):
    """Say a turn of the script as a provider does: names without dots, arguments as text."""
    calls = [
        (call["tool"].replace(".", "_"), json.dumps(call["arguments"])) for call in turn.get("calls", ())
    ]
    return {"text": turn.get("text", ""), "calls": calls}
