"""An account's policy with the real engine: which set is asked about what, and that one set's fault is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridle import app
from bridle.adapters.rego import bound
from bridle.adapters.rego.bound import MOST_ENGINES, BoundPolicy
from bridle.core.errors import InputError, UnavailableError
from bridle.core.settings import Settings, load_settings
from bridle.surfaces.cli.checks import State
from bridle.surfaces.cli.checks_parts import check_policy, known_question
from bridle.trust.policy import PolicyAnswer, PolicyError

HEAD = "package bridle.gate\n\nimport rego.v1\n\n"
NO_READING = 'deny contains {"rule": "house.no-reading", "reason": "No."} if input.action.effect == "read"\n'
LIMITED = 'deny contains {"rule": "house.limit", "reason": "No."} if input.budget.turns > input.account.most_turns\n'
WARNS = 'deny contains {"rule": "house.old", "reason": "Old.", "severity": "warn"} if input.action.effect == "read"\n'
COUNTS = "count([x | some x in numbers.range(1, 5000000); x % 7 == 3]) > 0"
HANGS = f'deny contains {{"rule": "house.slow", "reason": "No."}} if {COUNTS}\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"HOME": str(tmp_path), "BRIDLE_CONFIG_DIR": str(tmp_path / "config")})


def write(settings: Settings, body: str, bindings: str = "bindings: [{set: house.rego}]\n") -> None:
    settings.config_dir.mkdir(exist_ok=True)
    (settings.config_dir / "house.rego").write_text(HEAD + body, "utf-8")
    (settings.config_dir / "policies.yaml").write_text(bindings, "utf-8")


async def ask(settings: Settings, **changes: Any) -> PolicyAnswer:
    engine = app.open_policy(settings)
    try:
        await engine.start()
        return await engine.evaluate({**known_question(), "account": engine.account, **changes})
    finally:
        await engine.close()


def rules(findings: Any) -> list[str]:
    return [finding.rule for finding in findings]


async def test_without_a_file_the_digest_is_that_of_the_sets_of_everyone(settings: Settings) -> None:
    plain = app.open_policy(settings)
    assert plain.digest == (await ask(settings)).digest


async def test_a_bound_set_is_asked_in_its_scope_alone(settings: Settings) -> None:
    write(settings, NO_READING, 'bindings: [{set: house.rego, scope: {agent: "doc*"}}]\n')
    inside, outside = (
        await ask(settings),
        await ask(settings, principal={**known_question()["principal"], "name": "x"}),
    )
    assert (rules(inside.deny), rules(outside.deny)) == (["house.no-reading"], [])


async def test_a_set_on_trial_is_recorded_and_decides_nothing(settings: Settings) -> None:
    write(settings, NO_READING, "bindings: [{set: house.rego, rules: {house.no-reading: log}}]\n")
    answer = await ask(settings)
    assert (rules(answer.deny), rules(answer.would)) == ([], ["house.no-reading"])


async def test_a_warning_is_told_and_stops_nothing(settings: Settings) -> None:
    write(settings, WARNS)
    answer = await ask(settings)
    assert (rules(answer.deny), rules(answer.warn), rules(answer.allow)) == (
        [],
        ["house.old"],
        ["workspace.read"],
    )


async def test_a_rule_asks_until_the_account_supplies_what_it_reads(settings: Settings) -> None:
    write(settings, LIMITED)
    assert rules((await ask(settings)).ask) == ["policy.fact-missing"]
    write(settings, LIMITED, "facts: {most_turns: 3}\nbindings: [{set: house.rego}]\n")
    assert rules((await ask(settings)).ask) == []


def changing_production() -> dict[str, Any]:
    """Facts of an agent that nobody vouches for, which changes production."""
    action = {**known_question()["action"], "effect": "consequential"}
    agent = {**known_question()["principal"], "kind": "agent", "digest": "sha256:1"}
    deployment = {"type": "production", "environment": "eu-1", "service": "shop"}
    return {"action": action, "principal": agent, "actors": [], "deployment": deployment}


@pytest.mark.parametrize(
    ("file", "denied", "would"),
    [
        ("{}", [], []),
        ("facts: {agent_tiers: {}}", ["tiers.community-production"], []),
        ("facts: {agent_tiers: {'sha256:1': managed}}", [], []),
        ("facts: {agent_tiers: 7}", ["tiers.community-production"], []),
        (
            "facts: {agent_tiers: {}}\nbindings: [{set: 'shipped:tiers', mode: log}]",
            [],
            ["tiers.community-production"],
        ),
    ],
)
async def test_who_names_tiers_has_them_without_a_binding(
    settings: Settings, file: str, denied: list[str], would: list[str]
) -> None:
    write(settings, "", file)
    answer = await ask(settings, **changing_production())
    found = [
        [rule for rule in rules(part) if rule.startswith("tiers.")] for part in (answer.deny, answer.would)
    ]
    assert found == [denied, would]


async def test_who_names_one_limit_of_two_is_asked_until_both_are_there(settings: Settings) -> None:
    write(settings, "", "facts: {payout_limit: 50}")
    assert "policy.fact-missing" in rules((await ask(settings)).ask)


@pytest.mark.parametrize(
    "change",
    [
        "bindings: [{set: house.rego, mode: log}]\n",
        "bindings: [{set: house.rego, scope: {tool: x}}]\n",
        "bindings: [{set: house.rego, rules: {house.no-reading: log}}]\n",
        "facts: {a: 1}\nbindings: [{set: house.rego}]\n",
    ],
)
def test_the_digest_covers_sets_bindings_and_facts(settings: Settings, change: str) -> None:
    write(settings, NO_READING)
    before = app.open_policy(settings).digest
    write(settings, NO_READING, change)
    assert app.open_policy(settings).digest != before


async def test_a_set_that_hangs_stops_only_what_lies_in_its_scope(settings: Settings) -> None:
    write(settings, HANGS, "bindings: [{set: house.rego, scope: {tool: file.edit}}]\n")
    engine = BoundPolicy(**{**vars_of(app.open_policy(settings)), "timeout_s": 0.5})
    try:
        await engine.start()
        with pytest.raises(PolicyError, match="did not answer"):
            await engine.evaluate({**known_question(), "action": {"tool": "file.edit"}})
        assert rules((await engine.evaluate(known_question())).allow) == ["workspace.read"]
    finally:
        await engine.close()


def vars_of(engine: BoundPolicy) -> dict[str, Any]:
    return {
        "always": engine._always,
        "bindings": engine.bindings,
        "sets": engine._sets,
        "account": engine.account,
    }


async def test_no_more_workers_than_a_machine_can_hold(settings: Settings) -> None:
    entries = []
    write(settings, "")
    for number in range(MOST_ENGINES + 2):
        body = NO_READING.replace("house", f"house{number}")
        (settings.config_dir / f"s{number}.rego").write_text(HEAD + body, "utf-8")
        entries.append(f"  - {{set: s{number}.rego, scope: {{agent: a{number}}}}}\n")
    (settings.config_dir / "policies.yaml").write_text("bindings:\n" + "".join(entries), "utf-8")
    engine = app.open_policy(settings)
    try:
        await engine.start()
        for number in range(MOST_ENGINES + 2):
            question = {
                **known_question(),
                "principal": {**known_question()["principal"], "name": f"a{number}"},
            }
            assert rules((await engine.evaluate(question)).deny) == [f"house{number}.no-reading"]
        assert (len(engine._engines), engine._closing) == (MOST_ENGINES, [])
    finally:
        await engine.close()


@pytest.mark.parametrize(
    ("bindings", "what"),
    [
        ("bindings: [{set: none.rego}]\n", "there is no policy here"),
        ("bindings: [{set: 'shipped:none'}]\n", "no set called 'none' ships"),
        ("bindings: [{set: 'shipped:base', mode: log}]\n", "no set called 'base' ships"),
        ("bindings: [{set: house.rego, mood: log}]\n", "mood"),
        ("bindings: [{set: house.rego, scope: {planet: x}}]\n", "planet"),
        (
            "bindings: [{set: house.rego, rules: {house.reading: log}}]\n",
            "house.rego has no rule house.reading",
        ),
        ("bindings: [", "not YAML"),
    ],
)
async def test_a_fault_in_the_file_stops_the_start_and_is_named(
    settings: Settings, bindings: str, what: str
) -> None:
    write(settings, NO_READING, bindings)
    with pytest.raises(InputError, match=what):
        await ask(settings)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('allow contains {"rule": "house.all", "reason": "All."}\n', "only adds"),
        ("active := true\n", "active is a rule of base"),
        ('deny contains {"rule": "network.off", "reason": "x"}\n', "network.off is a rule of base"),
        (NO_READING.replace("action.effect", "action.efect"), "no fact that anybody supplies"),
    ],
)
async def test_a_bound_set_with_a_complaint_stops_the_start(settings: Settings, body: str, what: str) -> None:
    write(settings, body)
    with pytest.raises(InputError, match=what):
        await ask(settings)


def test_the_doctor_names_rules_whose_facts_nobody_supplies(settings: Settings) -> None:
    write(settings, LIMITED)
    found = {check.name: check for check in check_policy(settings)}
    assert found["policy"].state is State.OK
    missing = found["policy facts"]
    assert (missing.state, "house.limit" in missing.found, "most_turns" in missing.fix) == (
        State.WARN,
        True,
        True,
    )


@pytest.mark.parametrize(
    "body",
    [
        "x := " + "[" * 100_000 + "]" * 100_000 + "\n",
        "x := " + "(" * 60_000 + "1" + ")" * 60_000 + "\n",
        "#" * (300 << 10),
    ],
    ids=["nested lists", "nested brackets", "too long"],
)
async def test_a_giant_set_is_refused_and_ends_nobody(
    settings: Settings, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridle.adapters.rego.engine.START_TIMEOUT_S", 3.0)
    write(settings, body, "bindings: [{set: house.rego, scope: {tool: file.edit}}]\n")
    with pytest.raises((InputError, UnavailableError)):
        await ask(settings)


async def test_a_set_that_eats_memory_stops_only_what_lies_in_its_scope(settings: Settings) -> None:
    eats = 'deny contains {"rule": "house.big", "reason": "No."} if count(numbers.range(1, 20000000)) > 0\n'
    write(settings, eats, "bindings: [{set: house.rego, scope: {tool: file.edit}}]\n")
    engine = app.open_policy(settings)
    try:
        await engine.start()
        with pytest.raises(PolicyError):
            await engine.evaluate({**known_question(), "action": {"tool": "file.edit"}})
        assert rules((await engine.evaluate(known_question())).allow) == ["workspace.read"]
    finally:
        await engine.close()


async def test_a_combination_that_finds_no_room_is_asked_of_all_sets_and_hears_its_own_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound, "MOST_ENGINES", 1)
    scopes = "bindings: [{set: house.rego, scope: {agent: doc*}}, {set: other.rego, scope: {agent: x}}]\n"
    write(settings, NO_READING, scopes)
    (settings.config_dir / "other.rego").write_text(HEAD + NO_READING.replace("house", "other"), "utf-8")
    engine = app.open_policy(settings)
    try:
        await engine.start()
        answer = await engine.evaluate(known_question())
        assert (rules(answer.deny), rules(answer.allow)) == (["house.no-reading"], ["workspace.read"])
        assert len(engine._engines) == 1
    finally:
        await engine.close()


async def test_a_set_that_hangs_among_all_takes_nobody_else_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound, "MOST_ENGINES", 1)
    scopes = "bindings: [{set: house.rego, scope: {agent: x}}, {set: other.rego, scope: {agent: doc*}}]\n"
    write(settings, HANGS, scopes)
    (settings.config_dir / "other.rego").write_text(HEAD + NO_READING.replace("house", "other"), "utf-8")
    engine = app.open_policy(settings)
    try:
        await engine.start()
        answer = await engine.evaluate(known_question())
        assert rules(answer.deny) == ["other.no-reading"]
    finally:
        await engine.close()


async def test_two_bound_sets_with_a_rule_of_one_name_stop_the_start(settings: Settings) -> None:
    write(
        settings,
        NO_READING,
        "bindings: [{set: house.rego, scope: {tool: a}}, {set: other.rego, scope: {tool: b}}]\n",
    )
    (settings.config_dir / "other.rego").write_text(HEAD + NO_READING, "utf-8")
    with pytest.raises(InputError, match=r"house\.no-reading is a rule of house\.rego"):
        await ask(settings)


async def test_a_hundred_sets_start_with_few_workers(settings: Settings) -> None:
    write(settings, "")
    for number in range(100):
        body = NO_READING.replace("house", f"house{number}")
        (settings.config_dir / f"s{number}.rego").write_text(HEAD + body, "utf-8")
    lines = "".join(f"  - {{set: s{number}.rego, scope: {{agent: a{number}}}}}\n" for number in range(100))
    (settings.config_dir / "policies.yaml").write_text("bindings:\n" + lines, "utf-8")
    engine = app.open_policy(settings)
    try:
        await engine.start()
        assert (len(engine.speakers) > 100, len(engine._engines)) == (True, 1)
    finally:
        await engine.close()
