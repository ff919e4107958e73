"""What the demo says at its end to somebody whose shell does not know `bridle`."""

from types import SimpleNamespace

import pytest

from bridle.core.states import State
from bridle.surfaces.cli import asking
from bridle.surfaces.cli.carry import Manner
from bridle.surfaces.cli.commands import demo


@pytest.mark.parametrize(
    ("found", "told"),
    [(None, "`bridle` is .venv/bin/bridle: it is not on your PATH.\n"), ("/usr/bin/bridle", "")],
)
def test_what_to_type_is_said_where_the_shell_would_not_find_it(found, told, monkeypatch, capsys):
    monkeypatch.setattr(demo, "which", lambda name: found)
    monkeypatch.setattr(demo.sys, "argv", [".venv/bin/bridle"])
    demo.say_where_bridle_is()
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("typed", "resumed"), [(["maybe", "r"], True), (["x", "y", "anew"], False), ([""], True)]
)
async def test_an_answer_that_is_neither_is_asked_for_again(typed, resumed, monkeypatch):
    answers = iter(typed)

    async def ask(question):
        return next(answers)

    async def find(states):
        return [SimpleNamespace(id="exe_1", state=State.WAITING, options={"demo": True})]

    monkeypatch.setattr(asking, "ask", ask)
    monkeypatch.setattr(demo, "is_terminal", lambda no_input: True)
    app = SimpleNamespace(executions=SimpleNamespace(find=find))
    found = await demo._earlier(app, Manner())
    assert (found is not None, list(answers)) == (resumed, [])
