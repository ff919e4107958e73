"""Recorded decisions under another set: what was decided is decided again on the same facts, and only what differs is named."""

import pytest

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import build_policy_set
from bridle.gate.replay import compare, read_past, under
from bridle.trust.journal import Kind

HOUSE = """package bridle.gate

import rego.v1

deny contains {"rule": "house.no-reading", "reason": "Nothing is read."} if input.action.tool == "file.read"
"""


@pytest.fixture
async def replayed(scene, policy_set):
    """Decide every recorded decision again, under the base set and the modules that are given."""
    engines = []

    async def replay(**modules):
        engine = Regorus(build_policy_set({**policy_set.modules, **modules}), timeout_s=10)
        engines.append(engine)
        changes, left_out = [], []
        for record in await scene.ports.journal.read(kinds=(Kind.DECIDED,)):
            raw = await scene.ports.journal.reveal(record, "request") if record.raw else None
            past = read_past(record, raw)
            if isinstance(past, str):
                left_out.append(past)
                continue
            facts = under(past.facts, engine.digest)
            change = compare(past, facts, await engine.evaluate(facts))
            changes += [change] if change else []
        return changes, left_out

    yield replay
    for engine in engines:
        await engine.close()


async def test_under_the_same_set_nothing_changes(scene, replayed):
    await scene.gate.perform(scene.action(path="src/a.py"))
    await scene.gate.perform(scene.action("file.edit", call=1, path="src/a.py", old="", new="x"))
    await scene.gate.perform(scene.action("git.push", call=2, commit="c" * 40, branch="bridle/x"))
    await scene.gate.perform(scene.action(call=3, path="/etc/passwd"))
    assert await replayed() == ([], [])


async def test_what_changes_is_named_with_the_old_and_the_new_rule(scene, replayed):
    await scene.gate.perform(scene.action(path="src/a.py"))
    await scene.gate.perform(scene.action(call=1, path="/etc/passwd"))
    (change,), _ = await replayed(**{"house.rego": HOUSE})
    told = change.to_json()
    assert told["was"] == {"effect": "allow", "rules": ["workspace.read"]}
    assert told["now"] == {"effect": "deny", "rules": ["house.no-reading"]}


async def test_what_a_boundary_refused_stays_refused_whatever_a_set_allows(scene, replayed):
    await scene.gate.perform(scene.action(path="/etc/passwd"))
    relaxed = 'package bridle.gate\n\nimport rego.v1\n\nallow contains {"rule": "all", "reason": "All."}\n'
    assert (await replayed(**{"relaxed.rego": relaxed}))[0] == []


async def test_arguments_that_redaction_changed_are_judged_as_they_were(scene, replayed):
    secret = "ghp_" + "a" * 36
    await scene.gate.perform(scene.action("file.edit", path="src/a.py", old="", new=secret))
    house = HOUSE.replace('input.action.tool == "file.read"', f'input.action.arguments.new == "{secret}"')
    (change,), _ = await replayed(**{"house.rego": house})
    assert (change.effect, change.past.redacted) == ("deny", False)
