"""The check of the policy engine, with engines that are broken in one way each."""

from pathlib import Path

import pytest

from bridle import app
from bridle.core.canonical import digest
from bridle.core.errors import UnavailableError
from bridle.core.settings import load_settings
from bridle.surfaces.cli.checks import State
from bridle.surfaces.cli.checks_parts import check_policy
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

SAID = (Finding("some.rule", "Because."),)


class FakeEngine:
    """Answers by whether the question names a principal; what it says of the two is the test's."""

    digest = digest("fake")

    def __init__(self, known="allow", broken="deny"):
        self._says = {True: known, False: broken}

    async def start(self): ...

    async def close(self): ...

    def list_unsupplied(self):
        return []

    async def evaluate(self, document):
        word = self._says[document["principal"] is not None]
        if word == "silence":
            return PolicyAnswer((), (), (), self.digest)
        if word == "error":
            raise PolicyError("undefined")
        return PolicyAnswer(
            deny=SAID if word == "deny" else (),
            ask=SAID if word == "ask" else (),
            allow=SAID if word == "allow" else (),
            digest=self.digest,
        )


@pytest.fixture
def check(monkeypatch):
    def look(engine, *policies):
        monkeypatch.setattr(app, "open_policy", lambda settings: engine)
        (found,) = check_policy(load_settings({}, policies=policies))
        return found

    return look


def test_an_engine_that_allows_the_known_and_denies_the_broken_is_fine(check):
    assert check(FakeEngine()).state is State.OK


@pytest.mark.parametrize("word", ["deny", "ask", "silence"])
def test_a_known_question_that_is_not_allowed_fails(check, word):
    assert check(FakeEngine(known=word)).state is State.FAIL


@pytest.mark.parametrize("word", ["allow", "ask", "silence"])
def test_a_broken_question_that_the_rules_do_not_deny_fails(check, word):
    assert check(FakeEngine(broken=word)).state is State.FAIL


def test_an_engine_that_answers_with_an_error_raises_which_is_a_failure(check):
    with pytest.raises(PolicyError):
        check(FakeEngine(broken="error"))


def test_an_engine_that_does_not_start_is_told_with_a_way_out_that_is_not_the_doctor(monkeypatch):
    def refuse(settings):
        raise UnavailableError("the worker does not start", hint="bridle doctor names what is missing")

    monkeypatch.setattr(app, "open_policy", refuse)
    (found,) = check_policy(load_settings({}))
    assert (found.state, found.found) == (State.FAIL, "the worker does not start")
    assert "doctor" not in found.fix


def test_the_doctor_names_what_is_asked_beside_the_base_set(check):
    assert "base set and /etc/bridle/house sha256:" in check(FakeEngine(), Path("/etc/bridle/house")).found


def test_a_policy_that_is_not_there_fails_with_its_place_and_a_fix(tmp_path):
    (found,) = check_policy(load_settings({"BRIDLE_POLICIES": str(tmp_path / "none")}))
    assert (found.state, str(tmp_path / "none") in found.found) == (State.FAIL, True)
    assert ".rego" in found.fix
