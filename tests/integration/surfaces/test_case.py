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
    assert run("case", "move", case, "legal-approval", *why)[0] == 2
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


def test_what_cannot_be_is_bad_input_and_what_is_not_there_is_said(run, capsys):
    open_case = ("case", "open", "dispute", "TX-1", "--reason", "the customer rang")
    case = run(*open_case)[1]["case"]["id"]
    code, told = run(*open_case)
    assert (code, told["title"], told["instance"]) == (2, "InputError", "dispute TX-1")
    assert "--object TX-1" in told["next"]
    assert run("case", "move", "cas_" + "0" * 26, "resolved", "--reason", "x")[1]["type"].endswith("no-case")
    assert run("case", "note", case, "")[0] == 2
    with pytest.raises(SystemExit):
        main.run(["case", "list", "--due", "--type", "dispute"])
    assert capsys.readouterr().out == "No case of the type dispute is overdue.\n"


def test_a_broken_type_is_named_and_the_others_can_be_opened(run, tmp_path):
    folder = tmp_path / "case-types"
    folder.mkdir()
    (folder / "broken.yaml").write_text("case-type:\n  name: broken\n  name: other\n")
    (folder / "No Name.yaml").write_text("")
    code, listed = run("case", "types")
    assert code == 2
    assert {one["name"] for one in listed if "name" in one} >= {"dispute", "refund"}
    faults = {one["file"]: one["fault"] for one in listed if "fault" in one}
    assert set(faults) == {str(folder / "broken.yaml"), str(folder / "No Name.yaml")}
    assert faults[str(folder / "broken.yaml")]["instance"] == f"{folder}/broken.yaml:3:3"
    code, told = run("case", "open", "broken", "X-1", "--reason", "try")
    assert (code, told["instance"]) == (2, f"{folder}/broken.yaml:3:3")
