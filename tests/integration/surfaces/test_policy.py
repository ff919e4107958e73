"""`bridle policy eval` and `replay`, on what a real run recorded."""

import json

HOUSE = """package bridle.gate

import rego.v1

deny contains {"rule": "house.no-commands", "reason": "Nothing runs."} if input.action.tool == "command.run"
"""
PIPELINE = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: {script: 'true'}}]}]}\n"


def test_what_was_decided_can_be_asked_again_and_tried_under_another_set(home):
    (home.root / "p.yaml").write_text(PIPELINE)
    (home.root / "house.rego").write_text(HOUSE)
    assert home.bridle("run", "p.yaml", "--no-input").returncode == 0

    _, same = home.bridle_json("policy", "replay")
    assert (same["decisions"] > 0, same["changes"], same["left_out"]) == (True, [], {})

    _, found = home.bridle_json("policy", "replay", "--set", "house.rego")
    (change,) = found["changes"]
    assert (change["tool"], change["now"]) == (
        "command.run",
        {"effect": "deny", "rules": ["house.no-commands"]},
    )
    assert "allow to deny: 1" in home.bridle("policy", "replay", "--set", "house.rego").stdout

    (facts,) = [
        {
            **record["body"]["facts"],
            "action": {**record["body"]["facts"]["action"], **record["body"]["request"]},
        }
        for record in home.bridle_json("audit", "list")[1]
        if record["kind"] == "action.decided" and record["body"]["request"]["tool"] == "command.run"
    ]
    (home.root / "facts.json").write_text(json.dumps(facts))
    code, told = home.bridle_json("policy", "eval", "facts.json")
    assert (code, told["effect"], told["rules"][0]["rule"]) == (0, "allow", "workspace.command")
    code, told = home.bridle_json("policy", "eval", "facts.json", "--policies", "house.rego")
    assert (code, told["effect"], told["said"]["allow"][0]["rule"]) == (3, "deny", "workspace.command")
    assert [(one["rule"], one["set"]) for one in told["said"]["deny"]] == [
        ("house.no-commands", "house.rego")
    ]


BOUND = "bindings: [{set: house.rego, mode: log}, {set: warns.rego}]\n"
WARNS = """package bridle.gate

import rego.v1

deny contains {"rule": "warns.commands", "reason": "Mind it.", "severity": "warn"} if input.action.tool == "command.run"
"""


def test_a_rule_on_trial_and_a_warning_stop_nothing_and_are_told_in_the_logs(home):
    (home.root / "config").mkdir(mode=0o700)
    (home.root / "config" / "house.rego").write_text(HOUSE)
    (home.root / "config" / "warns.rego").write_text(WARNS)
    (home.root / "config" / "policies.yaml").write_text(BOUND)
    (home.root / "p.yaml").write_text(PIPELINE)
    assert home.bridle("run", "p.yaml", "--no-input").returncode == 0
    ((execution,),) = [[row["execution"] for row in home.bridle_json("executions")[1]]]
    told = home.bridle("logs", execution).stdout
    assert "on trial, would deny by house.no-commands: Nothing runs." in told
    assert "warning by warns.commands: Mind it." in told


SAVING = """package bridle.gate

import rego.v1

deny contains {"rule": "house.no-curl", "reason": "No step fetches with curl."} if curls

curls if {
	some stage in input.action.arguments.document.stages
	some step in stage.nodes
	contains(step.with_.script, "curl")
}
"""


def test_what_a_set_on_save_denies_is_refused_as_it_is_written_and_does_nothing_as_it_is_run(home):
    (home.root / "config").mkdir(mode=0o700)
    (home.root / "config" / "saving.rego").write_text(SAVING)
    (home.root / "config" / "policies.yaml").write_text("bindings: [{set: saving.rego, on: [save]}]\n")
    (home.root / "p.yaml").write_text(PIPELINE)
    (home.root / "curls.yaml").write_text(PIPELINE.replace("'true'", "'curl x'"))
    code, (good, bad) = home.bridle_json("validate", "p.yaml", "curls.yaml")
    assert (code, good["valid"], bad["valid"]) == (2, True, False)
    assert "house.no-curl: No step fetches with curl." in bad["text"]
    denied = home.bridle("run", "curls.yaml", "--no-input")
    assert (denied.returncode, "house.no-curl" in denied.stdout) == (3, True)
