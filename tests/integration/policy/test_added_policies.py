"""What is asked beside the base set: it denies more and never less, and its digest is another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridle import app
from bridle.core.errors import InputError
from bridle.core.settings import load_settings
from bridle.surfaces.cli.checks_parts import known_question

HEAD = "package bridle.gate\n\nimport rego.v1\n\n"
FOUR_EYES = app.shipped("policies") / "four-eyes.rego"


async def ask(question: Mapping[str, Any], *policies: Path, environ: Mapping[str, str] | None = None) -> Any:
    engine = app.open_policy(load_settings(environ or {}, policies=policies))
    try:
        await engine.start()
        return await engine.evaluate(dict(question))
    finally:
        await engine.close()


def write(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEAD + body, "utf-8")
    return folder


def approved() -> dict[str, Any]:
    """A push that an asserted name approved: the base set takes it, four eyes do not."""
    known = known_question()
    action = {**known["action"], "tool": "git.push", "effect": "consequential"}
    return {**known, "action": action, "approval": {"id": "apr_1", "by": "user:ana", "asserted": True}}


async def test_four_eyes_beside_the_base_set_deny_an_asserted_name() -> None:
    base = await ask(approved())
    added = await ask(approved(), FOUR_EYES)
    rules = {finding.rule for finding in added.deny} - {finding.rule for finding in base.deny}
    assert rules == {"four-eyes.not-satisfied"}


async def test_the_account_names_them_by_the_environment() -> None:
    answer = await ask(approved(), environ={"BRIDLE_POLICIES": str(FOUR_EYES)})
    assert "four-eyes.not-satisfied" in {finding.rule for finding in answer.deny}


async def test_the_digest_is_that_of_all(tmp_path: Path) -> None:
    house = write(tmp_path / "house", "own.rego", 'deny contains {"rule": "x", "reason": "y"} if false\n')
    digests = [
        app.open_policy(load_settings({}, policies=policies)).digest
        for policies in ((), (FOUR_EYES,), (house,), (FOUR_EYES, house))
    ]
    assert len(set(digests)) == 4


async def test_an_allow_that_is_added_takes_no_denial_away(tmp_path: Path) -> None:
    house = write(tmp_path / "house", "own.rego", 'allow contains {"rule": "x", "reason": "y"}\n')
    answer = await ask({**known_question(), "principal": None}, house)
    assert "principal.not-active" in {finding.rule for finding in answer.deny}


@pytest.mark.parametrize("rule", ["active := true\n", "active if true\n", "default active := true\n"])
async def test_a_rule_that_a_denial_rests_on_cannot_be_added_to(tmp_path: Path, rule: str) -> None:
    house = write(tmp_path / "house", "own.rego", rule)
    with pytest.raises(InputError, match="active is a rule of base"):
        await ask(known_question(), house)


async def test_a_folder_cannot_take_the_name_of_the_base_set(tmp_path: Path) -> None:
    house = write(tmp_path / "base", "own.rego", "active := true\n")
    with pytest.raises(InputError, match="two policies are called base"):
        await ask(known_question(), house)


@pytest.mark.parametrize("name", ["missing", "empty"])
async def test_what_holds_no_policy_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no policy here"):
        await ask(known_question(), tmp_path / name)


def test_a_relative_path_in_the_environment_is_refused() -> None:
    with pytest.raises(InputError, match="not an absolute path"):
        load_settings({"BRIDLE_POLICIES": "house"})
