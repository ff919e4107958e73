"""What the demo says at its end to somebody whose shell does not know `bridle`."""

import pytest

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
