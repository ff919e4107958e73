"""What is said of arguments that do not fit a tool."""

from bridle.gate.manifest import LONGEST_COMPLAINT, find_manifest


def test_a_value_that_is_too_long_is_not_repeated_whole():
    said = find_manifest("command.run").complaint({"script": "true", "env": {"V": "x" * 70_000}})
    assert said.startswith("env/V: 'xxx")
    assert said.endswith("is too long")
    assert len(said) < LONGEST_COMPLAINT + 20


def test_an_output_as_large_as_one_may_be_fits_into_a_variable():
    assert find_manifest("command.run").complaint({"script": "true", "env": {"V": "x" * 65_536}}) == ""
