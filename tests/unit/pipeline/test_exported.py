"""What steps publish under a key, and from where it can be looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridle.pipeline.complaint import Complaint
from bridle.pipeline.plan import Plan

Complain = Callable[..., tuple[Complaint, ...]]

PUBLISHES = """\
- {{id: a, run: {{script: ls, output-alias: {{key: k, scope: {scope}}}}}}}
- {{id: b, run: ls, env: {{X: '<+exportedVariables.getValue("{path}")>'}}}}
- {{id: c, run: {{script: ls, output-alias: {{key: late}}}}}}
"""


@pytest.mark.parametrize(("scope", "path"), [("Pipeline", "pipeline.k.X"), ("stage", "stage.k.X")])
def test_what_was_published_before_is_found(read_steps: Callable[..., Plan], scope: str, path: str) -> None:
    plan = read_steps(PUBLISHES.format(scope=scope, path=path))
    assert plan.find("one/a").with_["output_alias"]["key"] == "k"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("pipeline.k.X", "unknown-output-key"),
        ("stage.kk.X", "unknown-output-key"),
        ("stepGroup.k.X", "unknown-output-key"),
        ("stage.k", "bad-exported-variable"),
        ("account.k.X", "bad-exported-variable"),
        ("pipeline.late.X", "later-step"),
    ],
)
def test_what_was_not_published_for_here_is_refused(complain: Complain, path: str, reason: str) -> None:
    (complaint,) = complain(PUBLISHES.format(scope="Stage", path=path))
    assert (complaint.place.line, complaint.reason) == (8, reason)


def test_what_many_cells_publish_is_refused(complain: Complain) -> None:
    (complaint,) = complain(
        "- {id: a, strategy: {for: 2}, run: {script: ls, output-alias: {key: k}}}\n"
        '- {id: b, run: ls, env: {X: <+exportedVariables.getValue("pipeline.k.X")>}}'
    )
    assert complaint.reason == "many-cells"


def test_a_key_is_published_once_in_its_scope(complain: Complain) -> None:
    one = "{script: ls, output-alias: {key: k, scope: stage}}"
    (complaint,) = complain(f"- {{id: a, run: {one}}}\n- {{id: b, run: {one}}}")
    assert (complaint.place.line, complaint.reason) == (8, "duplicate-output-key")
