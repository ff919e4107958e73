"""A rerun from a stage pushes what an earlier stage of the first run has committed, with the same word of a person."""

import json

import pytest

from integration.surfaces.test_compensation import AGENT, PIPELINE, TURNS, Origin

COMMIT = "<+stages.repair.steps.fix.output.commit>"
FIX = "        - {id: fix, agent: {uses: acme.fixer@1.0.0}}\n"
SHIP = PIPELINE.partition("        - id: check")[0]


@pytest.fixture
def refused(home):
    """An execution whose agent has committed and whose push a person has refused, and its origin."""
    origin = Origin(home.root / "origin.git")
    origin.commit("bad\n", clone=home.root / "clone")
    folder = home.root / "agents" / "acme.fixer"
    folder.mkdir(parents=True)
    (folder / "1.0.0.md").write_text(AGENT)
    (home.root / "turns.yaml").write_text(json.dumps(TURNS))
    (home.root / "pipeline.yaml").write_text(SHIP.replace("ORIGIN", str(origin.path)))
    found = home.bridle_json("run", "pipeline.yaml", "--model", "scripted:turns.yaml")[1]
    assert home.bridle("deny", found["waiting"][0]["id"], "--as", "ana").returncode == 3
    return found["execution"], origin


def test_a_rerun_pushes_the_commit_of_the_stage_before_once_a_person_has_seen_it(home, refused):
    source, origin = refused
    before = origin.tip
    found = home.bridle_json("rerun", source, "--from", "ship")[1]
    (asked,) = found["waiting"]
    assert (origin.tip, "-bad\n+good" in asked["shown"]["difference"]) == (before, True)
    assert home.bridle("approve", asked["id"], "--as", "ben").returncode == 0
    assert origin.tip == asked["shown"]["arguments"]["commit"]
    assert home.bridle("audit", "verify").returncode == 0
    evidence, key = (home.root / name for name in ("data/evidence", "config/control-plane.pub"))
    checked = home.bridle(
        "evidence", "verify", str(evidence / f"{found['execution']}.json"), "--key", str(key)
    )
    assert checked.returncode == 0, checked.stderr


def test_neither_another_execution_nor_a_rerun_of_the_whole_pushes_it(home, refused):
    source, origin = refused
    before = origin.tip
    commit = home.bridle_json("executions", source)[1]["stages"]["repair"][1]["output"]["commit"]
    text = (home.root / "pipeline.yaml").read_text().replace(COMMIT, commit).replace(FIX, "")
    (home.root / "other.yaml").write_text(text)
    found = home.bridle_json("run", "other.yaml", "--approve-as", "ana")[1]
    again = home.bridle_json("rerun", found["execution"], "--from", "ship", "--approve-as", "ana")[1]
    for ended in (found, again):
        assert (ended["state"], origin.tip) == ("denied", before)
        assert "git.unknown-commit" in json.dumps(ended["stages"]["ship"])
