"""`bridle case` over a real store: opened, moved, held, parked, listed, shown; what may not be has its exit code."""

import json

import pytest

from bridle.surfaces.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main.run([*map(str, words), "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    return call


def test_a_case_from_its_opening_to_where_it_waits(run):
    why = ("--reason", "as agreed")
    case = run("case", "open", "vendor-onboarding", "V-7", *why)[1]["case"]["id"]
    assert run("case", "move", case, "legal-approval", *why)[0] == 3
    assert run("case", "move", case, "sanctions-review", *why)[1]["case"]["state"] == "sanctions-review"
    run("case", "exception", case, "parked", "--reason", "the list does not answer")
    (parked,) = run("case", "list", "--parked")[1]
    assert (parked["id"], parked["exceptions"][0]["reason"]) == (case, "the list does not answer")
    assert run("case", "list", "--due") == (0, [])
    told = run("case", "show", case)[1]
    assert [event["what"] for event in told["history"]] == ["open", "move", "exception"]
    assert {way["to"] for way in told["next"]} == {"legal-approval", "rejected"}
    assert run("case", "show", "cas_" + "0" * 26)[0] == 2
    assert run("audit", "verify")[0] == 0
