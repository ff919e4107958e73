"""Expressions have one wrapper in a plan, and complaints still point to what stands in the file."""

from __future__ import annotations

import pytest

from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.wrappers import find_written, rewrap

FRAME = "pipeline:\n  inputs: {k: {type: secret}, x: {type: string}}\n  stages:\n    - {id: s, steps: [{run: '%s'}]}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a <+x.y> <+ z >", "a ${{ x.y }} ${{ z }}"),
        ("<+Always>", "${{ Always }}"),
        ("<+x> <+lower(x)>", "<+x> <+lower(x)>"),
        ("<+f(<+x>)>", "<+f(<+x>)>"),
        ("${{ <+x>", "${{ <+x>"),
        ("<+input>", "<+input>"),
        ("<+x > c", "<+x > c"),
    ],
)
def test_a_text_is_rewrapped_where_all_of_it_says_the_same(before: str, after: str) -> None:
    assert rewrap(before) == after


def test_every_place_of_the_rewrapped_text_is_found_in_what_was_written() -> None:
    written = "a <+x.y> b <+ z >, c"
    wrapped = rewrap(written)
    for sign in "axybzc":
        assert written[find_written(written, wrapped.index(sign))] == sign
    assert [find_written(written, at) for at in (2, 12, len(wrapped))] == [2, 8, len(written)]


@pytest.mark.parametrize("text", ["echo <+inputs.x> <+inputs.z>", "echo ${{ inputs.x }} ${{ inputs.z }}"])
def test_a_complaint_points_to_the_column_in_the_file(text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        read_pipeline(FRAME % text, source="p.yaml")
    line = (FRAME % text).splitlines()[3]
    assert caught.value.complaints[0].place.column == line.index("inputs.z") + 1


@pytest.mark.parametrize("given", ["<+inputs.k>", "${{ inputs.k }}"])
def test_a_secret_that_a_stage_hands_on_under_its_own_name_is_refused_in_a_script(given: str) -> None:
    text = (FRAME % "echo <+inputs.k>").replace(
        "{id: s,", f"{{id: s, inputs: {{k: {{type: string}}}}, with: {{k: '{given}'}},"
    )
    with pytest.raises(PipelineError):
        read_pipeline(text, source="p.yaml")
