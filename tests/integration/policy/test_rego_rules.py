"""Runs every `test_*` rule of the policies that ship, in the engine that decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import regorus

from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME

POLICIES = Path(__file__).parents[3] / "policies"


SETS = {
    "base": (POLICIES / "base",),
    "four-eyes": (POLICIES / "base", POLICIES / "four-eyes.rego", POLICIES / "four-eyes_test.rego"),
}


def load(paths: tuple[Path, ...]) -> regorus.Engine:
    engine = regorus.Engine()
    engine.add_policy(ANSWER_NAME, ANSWER)
    for path in paths:
        for file in sorted(path.rglob("*.rego")) if path.is_dir() else [path]:
            engine.add_policy(str(file.relative_to(POLICIES)), file.read_text("utf-8"))
    return engine


def find_test_rules(engine: regorus.Engine) -> list[str]:
    found = set()
    for tree in json.loads(engine.get_ast_as_json()):
        package = tree["source"]["contents"].splitlines()[0].removeprefix("package ")
        for rule in (entry["Spec"] for entry in tree["ast"]["rules"] if "Spec" in entry):
            (head,) = rule["head"].values()
            name = head["refr"]["Var"]["value"] if "Var" in head["refr"] else ""
            if name.startswith("test_"):
                found.add(f"{package}.{name}")
    return sorted(found)


ENGINES = {name: load(paths) for name, paths in SETS.items()}
RULES = [
    *(("base", rule) for rule in find_test_rules(ENGINES["base"])),
    *(("four-eyes", rule) for rule in find_test_rules(ENGINES["four-eyes"]) if "four_eyes" in rule),
]


@pytest.mark.parametrize(("policies", "rule"), RULES)
def test_rego_rule_holds(policies: str, rule: str) -> None:
    assert ENGINES[policies].eval_rule(f"data.{rule}") is True


def test_every_shipped_module_has_tests_that_run() -> None:
    packages = {rule.rpartition(".")[0] for _, rule in RULES}
    modules = [file for file in POLICIES.rglob("*.rego") if not file.stem.endswith("_test")]
    assert [file for file in modules if not file.with_name(f"{file.stem}_test.rego").exists()] == []
    assert packages == {"bridle.gate_test", "bridle.gate_four_eyes_test"}
