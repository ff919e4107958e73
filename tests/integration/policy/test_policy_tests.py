"""`bridle policy test`: what passes, what fails and why, what is reached, and that no test hangs or crashes the caller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridle.adapters.rego.testing import load_suites, run_suite
from bridle.core.errors import InputError
from bridle.surfaces.cli import main
from bridle.trust.policy_tests import SuiteReport

POLICIES = Path(__file__).parents[3] / "policies"
HOUSE = """package bridle.gate

import rego.v1

deny contains {"rule": "house.no-mail", "reason": "No mail."} if mailing

deny contains {
	"rule": "house.no-fax",
	"reason": "No fax.",
} if {
	input.action.tool == "fax.send"
}

mailing if {
	active
	input.action.tool == "mail.send"
}
"""
HEAD = "package house_test\n\nimport rego.v1\n\nimport data.bridle.gate\n\n"
MAIL = '{"action": {"tool": "mail.send"}, "principal": {"state": "active"}}'
MAIL_IS_DENIED = (
    f'test_mail if "house.no-mail" in {{one.rule | some one in gate.deny with input as {MAIL}}}\n'
)
COUNTING = "test_slow if count([x | some x in numbers.range(1, 5000000); x % 7 == 3]) > 0\n"
EATING = 'test_big if count([s | some x in numbers.range(1, 3000000); s := sprintf("%d-%d", [x, x])]) > 0\n'


def write(folder: Path, tests: str, *, module: str = HOUSE, name: str = "house") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.rego").write_text(module, "utf-8")
    (folder / f"{name}_test.rego").write_text(tests, "utf-8")
    return folder


def run(path: Path, timeout_s: float = 20.0, memory_mib: int = 256) -> SuiteReport:
    (suite,) = load_suites([path], base=POLICIES / "base")
    return run_suite(suite, timeout_s=timeout_s, memory_mib=memory_mib)


def whys(report: SuiteReport) -> dict[str, str]:
    return {result.rule.rpartition(".")[2]: result.why for result in report.results}


def test_a_set_is_tested_beside_the_base_set_whose_rules_it_asks(tmp_path: Path) -> None:
    report = run(write(tmp_path / "house", HEAD + MAIL_IS_DENIED))
    assert whys(report) == {"test_mail": ""}
    assert [(one.file, one.missed) for one in report.coverage] == [("house/house.rego", (7, 8, 9))]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("1 == 2", "is undefined"),
        ("input.nothing", "is undefined"),
        ("false", "is undefined"),
        ('to_number("x") == 1', "raised an error"),
    ],
)
def test_what_is_not_exactly_true_fails_and_says_why(tmp_path: Path, body: str, why: str) -> None:
    assert whys(run(write(tmp_path / "house", f"{HEAD}test_it if {body}\n")))["test_it"].startswith(why)


def test_a_test_that_is_false_fails(tmp_path: Path) -> None:
    assert whys(run(write(tmp_path / "house", HEAD + "test_it := false\n"))) == {"test_it": "is not true"}


def test_a_test_that_hangs_fails_alone_and_keeps_what_the_others_reached(tmp_path: Path) -> None:
    report = run(write(tmp_path / "house", HEAD + COUNTING + MAIL_IS_DENIED), timeout_s=1.0)
    assert {name: why[:22] for name, why in whys(report).items()} == {
        "test_slow": "the policy did not ans",
        "test_mail": "",
    }
    assert report.coverage[0].percent > 50


def test_a_test_that_eats_all_memory_fails_alone(tmp_path: Path) -> None:
    found = whys(
        run(write(tmp_path / "house", HEAD + EATING + MAIL_IS_DENIED), memory_mib=96)
    )  # 40 before it has read anything, on Python 3.14
    assert (found["test_mail"], bool(found["test_big"])) == ("", True)


def test_tests_in_the_sets_own_package_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tests have a package of their own"):
        run(write(tmp_path / "house", "package bridle.gate\n\nimport rego.v1\n\ntest_it if true\n"))


def test_a_test_that_reads_the_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"time\.now_ns"):
        run(write(tmp_path / "house", HEAD + "test_it if time.now_ns() > 0\n"))


def test_a_module_that_would_not_decide_is_not_tested(tmp_path: Path) -> None:
    folder = write(tmp_path / "house", HEAD + MAIL_IS_DENIED, module=HOUSE + "\nactive := true\n")
    with pytest.raises(InputError, match="active is a rule of base"):
        run(folder)


def test_a_set_of_policy_steps_is_tested_alone(tmp_path: Path) -> None:
    module = 'package pipeline\n\nimport rego.v1\n\ndeny contains "No." if input.replicas > 3\n'
    tests = "package pipeline_test\n\nimport rego.v1\n\nimport data.pipeline\n\ntest_it if {\n"
    tests += '\tpipeline.deny == {"No."} with input as {"replicas": 4}\n}\n'
    report = run(write(tmp_path / "policies", tests, module=module))
    assert (whys(report), report.coverage[0].percent) == ({"test_it": ""}, 100)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[Any, Any]:
        with pytest.raises(SystemExit) as ended:
            main.run(["policy", "test", *words, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    return run


def test_a_failed_test_ends_with_4_and_is_named_with_its_place(tmp_path: Path, call: Any) -> None:
    write(tmp_path / "house", HEAD + "test_it if false\n")
    code, document = call("house")
    (found,) = document["suites"][0]["tests"]
    assert (code, document["failed"], found["where"]) == (4, 1, "house/house_test.rego:7")


def test_a_file_that_is_reached_too_little_ends_with_4(tmp_path: Path, call: Any) -> None:
    write(tmp_path / "house", HEAD + MAIL_IS_DENIED)
    code, document = call("house", "--coverage", "100")
    assert (code, [one["file"] for one in document["below"]]) == (4, ["house/house.rego"])


def test_a_set_without_a_test_is_reached_by_nothing(tmp_path: Path, call: Any) -> None:
    write(tmp_path / "house", HEAD + MAIL_IS_DENIED)
    (tmp_path / "more.rego").write_text(HOUSE.replace("house.", "more.").replace("mailing", "m"), "utf-8")
    code, document = call("house", "more.rego", "--coverage", "50")
    assert (code, [one["percent"] for one in document["below"]]) == (4, [0])


@pytest.mark.parametrize("path", ["missing", "."])
def test_a_path_without_tests_is_bad_input(call: Any, path: str) -> None:
    assert call(path)[0] == 2


def test_everything_that_ships_is_tested_and_reached(call: Any) -> None:
    code, document = call("--coverage", "90")
    tested = {Path(suite["path"]).name for suite in document["suites"]}
    assert (code, tested) == (0, {path.name for path in shipped_sets()})


def shipped_sets() -> list[Path]:
    return [path for path in POLICIES.iterdir() if not path.stem.endswith("_test")]


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[Any, Any]:
        with pytest.raises(SystemExit) as ended:
            main.run(["validate", *words, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    return run


def test_a_set_and_what_binds_it_are_validated_as_they_are_saved(tmp_path: Path, validate: Any) -> None:
    house = HOUSE.replace('input.action.tool == "fax.send"', "input.account.fax")
    (tmp_path / "house.rego").write_text(house, "utf-8")
    (tmp_path / "policies.yaml").write_text("bindings: [{set: house.rego}]\n", "utf-8")
    code, (module, bindings) = validate("house.rego", "policies.yaml")
    assert (code, module["valid"], bindings["warnings"]) == (
        0,
        True,
        ["house.no-fax asks: nobody supplies fax"],
    )


@pytest.mark.parametrize(
    ("module", "bindings", "place"),
    [
        (HOUSE.replace("action.tool", "action.tol"), "bindings: []\n", "input.action.tol is no fact"),
        (HOUSE, "bindings: [{set: none.rego}]\n", "none.rego"),
        (HOUSE, "bindings: [{set: house.rego, rules: {x: log}}]\n", "has no rule x"),
    ],
)
def test_what_would_stop_a_server_is_named_with_its_place(
    tmp_path: Path, validate: Any, module: str, bindings: str, place: str
) -> None:
    (tmp_path / "house.rego").write_text(module, "utf-8")
    (tmp_path / "policies.yaml").write_text(bindings, "utf-8")
    code, results = validate("house.rego", "policies.yaml")
    assert (code, place in " ".join(result.get("text", "") for result in results)) == (2, True)
