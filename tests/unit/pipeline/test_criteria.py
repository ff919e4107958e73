"""Custom approvals: the criteria that a script's outputs meet or not, and what is refused in them."""

import pytest

from bridle.pipeline.criteria import meets
from bridle.pipeline.read import read_pipeline


def read(with_, run="make"):
    text = f"pipeline: {{id: p, stages: [{{id: a, approval: {{uses: custom, run: {run}, with: {with_}}}}}]}}"
    return read_pipeline(text, source="p.yaml").stages[0].nodes[0].with_


@pytest.mark.parametrize(
    ("criteria", "outputs", "met"),
    [
        ("{STATE: done}", {"STATE": "done"}, True),
        ("{STATE: done}", {"STATE": "Done"}, False),
        ("{STATE: done}", {}, False),
        ("{COUNT: 3}", {"COUNT": "3"}, True),
        ("{A: 1, B: 2}", {"A": "1", "B": "3"}, False),
        ("{match: any, conditions: [{key: A, value: 1}, {key: B, value: 2}]}", {"A": "1"}, True),
        ("{conditions: [{key: A, operator: not equals, value: 1}]}", {"A": "2"}, True),
        ("{conditions: [{key: A, operator: notIn, value: [1, 2]}]}", {"A": "2"}, False),
        ("{conditions: [{key: A, operator: in, value: [1, 2]}]}", {"A": "2"}, True),
        ("{conditions: []}", {"A": "2"}, False),
    ],
)
def test_outputs_meet_criteria(criteria, outputs, met):
    assert meets(read(f"{{approve: {criteria}}}")["with"]["approve"], outputs) is met


def test_criteria_that_are_not_there_are_never_met():
    assert meets(read("{approve: {A: 1}}")["with"]["reject"], {"A": "1"}) is False


def test_the_older_words_are_read_too():
    with_ = read(
        "{approvalMessage: Wait, approvalCriteria: {A: 1}, rejectionCriteria: {A: 2}, interval: 5s}"
    )["with"]
    assert (with_["message"], with_["retry_s"], with_["timeout_s"]) == ("Wait", 5, 86_400)
    assert meets(with_["reject"], {"A": "2"})


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("{uses: custom, run: make, with: {}}", "missing-key:approve"),
        ("{uses: custom, run: make}", "missing-key:with"),
        ("{uses: custom, with: {approve: {A: 1}}}", "missing-key:run"),
        ("{uses: custom, run: make, with: {approve: {A: 1}, for: ship.push}}", "unknown-key"),
        ("{uses: custom, run: make, with: {approve: {A: {b: 1}}}}", "wrong-shape"),
        ("{uses: custom, run: make, with: {approve: {match: some, conditions: []}}}", "bad-match"),
        (
            "{uses: custom, run: make, with: {approve: {conditions: [{key: A, operator: like}]}}}",
            "bad-operator",
        ),
        ("{uses: harness, run: make, with: {message: Go on?}}", "approval-with-run"),
        ("{uses: jira, with: {message: Go on?}}", "no-connector:jira"),
    ],
)
def test_what_is_no_custom_approval_is_refused(complain, step, reason):
    assert reason in [found.reason for found in complain(f"- {{id: b, approval: {step}}}")]
