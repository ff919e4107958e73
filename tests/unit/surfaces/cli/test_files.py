"""Files and inputs of people: what cannot be read or meant is bad input, with the place."""

import os

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.plan import InputSpec, Plan
from bridle.surfaces.cli.files import LARGEST_FILE_BYTES, open_bytes, read_text, write_bytes
from bridle.surfaces.cli.inputs import parse_inputs
from bridle.surfaces.cli.locking import read_plan


def refusal(call, *arguments, **options):
    with pytest.raises(InputError) as raised:
        call(*arguments, **options)
    return raised.value


@pytest.fixture
def file(tmp_path):
    return tmp_path / "p.yaml"


THREE = Plan("p", "p", inputs={name: InputSpec("string") for name in ("a", "b", "c")})


def test_input_sets_give_way_to_later_ones_and_these_to_the_command_line(tmp_path):
    (tmp_path / "one.yaml").write_text("inputset: {inputs: {a: one, b: one, c: one}}")
    (tmp_path / "two.yaml").write_text(
        "{kind: overlay-input-set, spec: {inputs: {a: own}, input_sets: [three]}}"
    )
    (tmp_path / "three.yaml").write_text("inputs: {b: three, c: three}")
    sets = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    assert parse_inputs(THREE, ["c=given"], sets=sets) == {"a": "own", "b": "three", "c": "given"}


def test_an_overlay_names_only_what_lies_beside_it(tmp_path):
    (tmp_path / "set.yaml").write_text("{kind: overlay-input-set, spec: {input_sets: [../set]}}")
    assert refusal(parse_inputs, THREE, [], sets=[tmp_path / "set.yaml"]).reason == "bad-input-set-name"


def test_an_input_set_for_another_pipeline_is_refused(tmp_path):
    (tmp_path / "set.yaml").write_text("inputs: {d: x}")
    assert refusal(parse_inputs, THREE, [], sets=[tmp_path / "set.yaml"]).reason == "unknown-input"


def test_policy_sets_and_runtime_inputs_are_taken_into_the_plan(file):
    (file.parent / "policies").mkdir()
    (file.parent / "policies" / "prod.rego").write_text("package pipeline")
    step = "{id: gate, policy: {sets: [account.prod], payload: {size: <+input>}}}"
    file.write_text(f"pipeline: {{stages: [{{steps: [{step}]}}]}}")
    plan = read_plan(file, given=["pipeline.stages.0.steps.0.policy.payload.size=3"])
    body = plan.find("stage_1/gate").with_
    assert (body["payload"], body["sets"][0]["text"]) == ({"size": 3}, "package pipeline")


def test_a_missing_file_is_named(file):
    error = refusal(read_text, file)
    assert (error.reason, error.where) == ("no-file", str(file))


def test_a_folder_is_no_file(tmp_path):
    error = refusal(read_text, tmp_path)
    assert (error.reason, error.what) == ("no-file", "is a folder, not a file")


def test_a_file_that_is_not_utf8_is_refused_with_its_place(file):
    file.write_bytes(b"abc\xff")
    error = refusal(read_text, file)
    assert (error.reason, error.where) == ("not-utf-8", f"{file}:1:4")


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(file):
    file.write_bytes(b"x" * LARGEST_FILE_BYTES)
    assert len(read_text(file)) == LARGEST_FILE_BYTES
    file.write_bytes(b"x" * (LARGEST_FILE_BYTES + 1))
    assert refusal(read_text, file).reason == "too-large"


def test_the_size_is_counted_in_bytes(file):
    file.write_text("é" * (LARGEST_FILE_BYTES // 2 + 1), encoding="utf-8")
    assert refusal(read_text, file).reason == "too-large"


def test_a_file_without_end_is_not_read_to_its_end():
    from pathlib import Path

    assert refusal(read_text, Path("/dev/zero")).reason == "too-large"


def test_a_fault_in_a_pipeline_has_file_line_and_column(file):
    file.write_text("pipeline:\n  id: p\n  stagez: []\n", encoding="utf-8")
    assert f"{file}:3:3" in str(refusal(read_plan, file))


def test_what_is_written_can_be_read_back_and_its_folder_is_made(tmp_path):
    write_bytes(tmp_path / "new" / "f", b"x")
    assert open_bytes(tmp_path / "new" / "f") == b"x"


def test_a_file_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "f").write_text("")
    error = refusal(write_bytes, tmp_path / "f" / "g", b"x")
    assert (error.reason, error.where) == ("not-written", str(tmp_path / "f" / "g"))


def test_a_full_disk_is_bad_input_and_no_traceback():
    from pathlib import Path

    if not os.access("/dev/full", os.W_OK):
        pytest.skip("this machine has no /dev/full")
    assert "No space left" in refusal(write_bytes, Path("/dev/full"), b"x" * 100_000).what


PLAN = Plan(
    "p",
    "p",
    inputs={
        "branch": InputSpec("string", default="main"),
        "count": InputSpec("number"),
        "deploy": InputSpec("boolean"),
        "names": InputSpec("array"),
        "labels": InputSpec("object"),
    },
)


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ("branch=dev", "branch", "dev"),
        ("branch=a=b", "branch", "a=b"),
        ("branch=", "branch", ""),
        ("branch=3", "branch", "3"),
        ("count=3", "count", 3),
        ("count=007", "count", 7),
        ("deploy=true", "deploy", True),
        ("deploy=False", "deploy", False),
        ('names=["a", 1]', "names", ["a", 1]),
        ('labels={"a": 1}', "labels", {"a": 1}),
    ],
)
def test_an_input_is_read_as_the_plan_declares_it(given, name, value):
    assert parse_inputs(PLAN, [given])[name] == value


def test_the_last_value_of_a_name_counts():
    assert parse_inputs(PLAN, ["count=1", "count=2"])["count"] == 2


def test_what_is_not_given_has_its_default():
    assert parse_inputs(PLAN, []) == {
        "branch": "main",
        "count": None,
        "deploy": None,
        "names": None,
        "labels": None,
    }


@pytest.mark.parametrize(
    "given",
    [
        "count",
        "count=1.5",
        "count=NaN",
        "count=many",
        "deploy=yes",
        "names={}",
        "names=[",
        "names=" + "[" * 5000,
        "labels=[]",
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(given):
    assert refusal(parse_inputs, PLAN, [given]).exit_code == 2


def test_an_unknown_input_is_refused_with_the_nearest_known_one():
    assert "branch" in refusal(parse_inputs, PLAN, ["brnach=x"]).hint
