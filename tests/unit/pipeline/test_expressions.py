"""What expressions give: lookups under every alias, operators, functions, secrets, and what is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from bridle.core.canonical import Json, canonical
from bridle.pipeline.expressions import references, render, resolve
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.lookup import SecretPlaceholder

CONTEXT: dict[str, Any] = {
    "inputs": {
        "name": "demo",
        "count": 3,
        "flag": True,
        "list": ["a", "b"],
        "model_name": "m",
        "key": "name",
        "connectors": [{"id": "github"}],
    },
    "stages": {
        "build": {
            "status": "succeeded",
            "output": {"URL": "u"},
            "steps": {
                "g": {"status": "succeeded", "steps": {"h": {"steps": {"deep": {"output": {"K": "v"}}}}}},
                "suite": {
                    "status": "failed",
                    "output": {"report": {"failing_count": 45}, "TAG": "1.2", "N": "12"},
                },
            },
        }
    },
    "steps": {
        "featureagent": {"status": "succeeded", "output": {"artifact": "a.txt"}},
        "login": {"status": "succeeded", "output": {"kept": "[secret-output:0123456789abcdef:K]"}},
        "g": {"output": {"K": "group's"}, "steps": {"h": {"steps": {"deep": {"output": {"K": "v"}}}}}},
    },
    "matrix": {"os": "linux"},
    "for": {"iteration": 1},
    "strategy": {"iteration": 1, "total": 3, "item": {"name": "x"}},
    "split": {"index": 0, "total": 2},
    "group": {"variables": {"v": "gv"}},
    "step_group": {"variables": {"v": "sv"}},
    "trigger": {"pull_request": {"id": 7}},
    "codebase": {"sha": "abc"},
    "service": {"id": "svc"},
    "infrastructure": {"name": "k8s"},
    "artifact": {"tag": "v1"},
    "variable": {"account": {"a": 1}, "org": {"o": 2}, "x": 3},
    "account": {"name": "acc"},
    "org": {"name": "o"},
    "project": {"name": "pr"},
    "stage": {"id": "build", "connector": "c", "group": {"id": "eg"}},
    "step": {"id": "s"},
    "rollback": {"data": {"K": "old"}},
    "exported_variables": {"pipeline": {"key": {"NAME": "n"}}},
    "pipeline": {"id": "p", "name": "P", "execution_id": "exe_1"},
    "env": {"name": "prod"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<+inputs.count>", 3),
        ("${{ inputs.count }}", 3),
        ("${{inputs.flag}}", True),
        ("<+inputs.list>", ["a", "b"]),
        ("<+inputs.list[1]>", "b"),
        ("<+inputs['name']>", "demo"),
        ("<+inputs.<+inputs.key>>", "demo"),
        ("n=<+inputs.count>", "n=3"),
        ("<+inputs.list>!", '["a","b"]!'),
        ("<+inputs.name>-${{ inputs.count }}", "demo-3"),
        ("plain > text < here $x {{ y }}", "plain > text < here $x {{ y }}"),
        ("<+inputs.modelName>", "m"),
        ("<+pipeline.executionId>", "exe_1"),
        ("<+environment.name>", "prod"),
        ("<+stages.build.steps.suite.output.TAG>", "1.2"),
        ("<+stages.build.steps.suite.outputs.TAG>", "1.2"),
        ("<+pipeline.stages.build.steps.suite.output.outputVariables.TAG>", "1.2"),
        ("<+pipeline.stages.build.spec.execution.steps.suite.output.outputVariables.TAG>", "1.2"),
        ("<+steps.featureagent.output.artifact>", "a.txt"),
        ("<+steps.feature_agent.output.artifact>", "a.txt"),
        ("${{featureagent.output.artifact}}", "a.txt"),
        ("<+steps.featureagent.output>", {"artifact": "a.txt"}),
        ("<+lower(<+inputs.name>)>", "demo"),
        ("${{ upper(inputs.name) }}", "DEMO"),
        ("<+inputs.name.toUpperCase()>", "DEMO"),
        ("<+<+inputs.name>.replace('d', 'D')>", "Demo"),
        ("<+'a,b,c'.split(',')[2]>", "c"),
        ("<+contains(inputs.list, 'a')>", True),
        ("<+startsWith(inputs.name, 'de')>", True),
        ("<+fromJSON('{\"a\": [1, 1.50]}')>", {"a": [1, "1.50"]}),
        ("<+<+inputs.count> > 2 ? 'many' : 'few'>", "many"),
        ("<+(inputs.count > 2)>", True),
        ("<+inputs.count == 3 && inputs.flag>", True),
        ("<+!inputs.flag || false>", False),
        ("<+!!inputs.flag>", True),
        ('<+"<+env.name>" == "prod">', True),
        ("<+starts_with(inputs.name, 'de')>", True),
        ("<+from_json('[1]')>", [1]),
        ("<+inputs.name.to_upper_case()>", "DEMO"),
        ("<+connectorInputs.resolveList(<+inputs.list>)>", ["a", "b"]),
        ("${{ connectorInputs.resolveList('a, b') }}", ["a", "b"]),
        ("${{ connectorInputs.resolveList(inputs.connectors) }}", ["github"]),
        ("${{ inputs.name.id }}", "demo"),
        (
            "${{ matrix.os }} ${{ for.iteration }} ${{ strategy.iteration }} ${{ strategy.total }}",
            "linux 1 1 3",
        ),
        ("<+strategy.item.name>", "x"),
        ("<+split.index>/<+split.total>", "0/2"),
        ("<+group.variables.v> <+stepGroup.variables.v> <+step_group.variables.v>", "gv sv sv"),
        ("<+trigger.prNumber> <+trigger.pull_request.id>", "7 7"),
        ("<+codebase.commitSha> <+codebase.sha>", "abc abc"),
        ("<+service.identifier> <+infra.name> <+infrastructure.name>", "svc k8s k8s"),
        ("<+artifacts.primary.tag> <+artifact.tag>", "v1 v1"),
        ("<+variable.account.a> <+variable.org.o> <+variable.x>", "1 2 3"),
        ("<+account.name> <+org.name> <+project.name>", "acc o pr"),
        ("<+stage.identifier> <+step.identifier>", "build s"),
        ("<+stage.connectorRef>|<+stage.envGroupRef>", "c|eg"),
        ("<+rollback.data.K>", "old"),
        ("<+steps.g.steps.h.steps.deep.output.K>", "v"),
        ("<+pipeline.stages.build.spec.execution.steps.g.steps.h.steps.deep.output.outputVariables.K>", "v"),
        ("<+execution.steps.g.steps.h.steps.deep.spec.output.outputVariables.K>", "v"),
        ("<+steps.g.output.K>", "group's"),
        ("<+steps.featureagent.steps.feature_agent_1.output.artifact>", "a.txt"),
        ("<+steps.featureagent.steps.feature_agent_1.output>", {"artifact": "a.txt"}),
        ("<+steps.featureagent.steps.other.output>", None),
        ("<+stages.build.outputs.URL> <+stages.build.output.URL>", "u u"),
        ("<+exportedVariables.getValue('pipeline.key.NAME')>", "n"),
        ("<+'it\\'s'>", "it's"),
    ],
)
def test_expression_gives(text: str, value: object) -> None:
    assert render(text, CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'12' == 12", True),
        ("'12' == '12.0'", False),
        ("'1.10' == '1.1'", False),
        ("true == 1", False),
        ("'true' == true", True),
        ("'9' < '10'", True),
        ("'b' > 'a'", True),
        ("1.5 <= 2", True),
        ("inputs.list < 3", None),
        ("inputs.list == inputs.list", True),
        ("stages.build.status == 'Success'", True),
        ("stages.build.steps.suite.status == 'IgnoreFailed'", True),
        ("inputs.name == 'Success'", False),
    ],
)
def test_comparison_gives(text: str, value: bool | None) -> None:
    assert render("${{ " + text + " }}", CONTEXT) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.gone == 'x'", None),
        ("inputs.gone != 'x'", None),
        ("!inputs.gone", None),
        ("inputs.gone && true", None),
        ("inputs.gone && false", False),
        ("inputs.gone || true", True),
        ("inputs.gone == null", True),
        ("inputs.gone != null", False),
        ("inputs.name != null", True),
        ("inputs.gone ? 'a' : 'b'", "b"),
        ("lower(inputs.gone)", None),
    ],
)
def test_what_is_not_known_decides_nothing(text: str, value: object) -> None:
    assert render("${{ " + text + " }}", CONTEXT) == value


def test_unresolved_paths_are_reported_once_in_order() -> None:
    found = resolve({"a": "x<+inputs.b>", "c": ["<+stages.s.output>", "<+inputs.b>"]}, CONTEXT)
    assert found.value == {"a": "x", "c": [None, None]}
    assert found.unresolved == ("inputs.b", "stages.s.output")


def test_value_from_the_context_is_not_read_as_an_expression() -> None:
    context = {"inputs": {"text": "<+inputs.other> ${{ secrets.key }}", "other": "no"}}
    assert render("<+inputs.text>", context) == "<+inputs.other> ${{ secrets.key }}"


@pytest.mark.parametrize(
    "text", ["<+secrets.key>", '<+secrets.getValue("key")>', "${{ secret.getValue('key') }}"]
)
def test_secret_becomes_a_placeholder_that_is_plain_json(text: str) -> None:
    value = render(text, {"secrets": {"key": "hunter2"}})
    assert isinstance(value, SecretPlaceholder)
    assert canonical([value]) == b'["<<secret:key>>"]'


@pytest.mark.parametrize(
    "text",
    [
        "<+secrets.key == 'a'>",
        "<+secrets.key.split('s')>",
        "<+lower(secrets.key)>",
        "<+'x${{ secrets.key }}' == 'x'>",
        "<+secrets.key != null>",
        "<+steps.login.output.kept == 'a'>",
        "<+lower(steps.login.output.kept)>",
    ],
)
def test_secret_can_be_neither_compared_nor_changed(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(text, CONTEXT)
    assert caught.value.reason == "secret-in-expression"


def test_whether_a_step_wrote_a_secret_output_may_be_asked() -> None:
    assert render("<+steps.login.output.kept != null>", CONTEXT) is True


@pytest.mark.parametrize(
    "text", ["<+inputs.a><+inputs.b>", "<<secret:<+inputs.name>>>", "<+inputs.a>ret:key>>"]
)
def test_data_cannot_put_a_placeholder_together(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(text, {"inputs": {"a": "<<sec", "b": "ret:key>>", "name": "key"}})
    assert caught.value.reason == "forged-placeholder"


@pytest.mark.parametrize("text", ["<+secrets.<+inputs.name>>", "<+<+inputs.path>.key>"])
def test_data_cannot_choose_a_secret(text: str) -> None:
    with pytest.raises(ExpressionError, match="written out"):
        render(text, {"inputs": {"name": "key", "path": "secrets"}})


def test_output_that_forges_a_placeholder_is_refused() -> None:
    context = {"steps": {"a": {"output": {"k": ["<<secret:prod>>"]}}}}
    with pytest.raises(ExpressionError) as caught:
        render("<+steps.a.output>", context)
    assert caught.value.reason == "forged-placeholder"


def test_text_found_in_the_context_can_be_a_path() -> None:
    assert (
        render(
            "${{ ${{ inputs.where }}.name }}", {"inputs": {"where": "pipeline"}, "pipeline": {"name": "P"}}
        )
        == "P"
    )


@pytest.mark.parametrize("text", ["<+inputs.name && true>", "<+!inputs.count>", "<+inputs.list ? 1 : 2>"])
def test_value_that_is_neither_true_nor_false_decides_nothing(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(text, CONTEXT)
    assert caught.value.reason == "not-a-boolean"


def test_growing_text_is_refused_before_it_is_made() -> None:
    context = {"inputs": {"a": "x" * 60_000, "b": "y" * 60_000}}
    with pytest.raises(ExpressionError) as caught:
        render("<+replace(inputs.a, 'x', inputs.b)>", context)
    assert caught.value.reason == "result-too-large"


@pytest.mark.parametrize(
    "text",
    ["<+inputs.a><+inputs.a>", "<+'${{ inputs.a }}${{ inputs.a }}'.split('x')>", "<+inputs.a.split('x')>"],
)
def test_one_text_has_a_largest_size(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(text, {"inputs": {"a": "x" * 600_000}})
    assert caught.value.reason == "result-too-large"


def test_all_texts_of_a_value_have_a_largest_size_together() -> None:
    with pytest.raises(ExpressionError) as caught:
        render(["<+inputs.a>"] * 20, {"inputs": {"a": "x" * 60_000}})
    assert caught.value.reason == "result-too-large"


def test_work_is_bounded_though_the_result_is_small() -> None:
    text = "<+" + " || ".join(["contains(inputs.a, 'y')"] * 400) + ">"
    with pytest.raises(ExpressionError) as caught:
        render(text, {"inputs": {"a": "x" * 100_000}})
    assert caught.value.reason == "too-much-work"


def test_value_that_is_no_json_is_refused() -> None:
    with pytest.raises(ExpressionError) as caught:
        render("<+inputs.a>", {"inputs": {"a": 1.5}})  # type: ignore[dict-item]
    assert caught.value.reason == "bad-value"


class CountingMapping(Mapping[str, Json]):
    """A mapping that can be asked, but not listed, and that keeps what was asked of it."""

    def __init__(self, values: dict[str, Json]) -> None:
        self.values_by_name = values
        self.loaded: list[str] = []

    def __getitem__(self, key: str) -> Json:
        self.loaded.append(key)
        return self.values_by_name[key]

    def __contains__(self, key: object) -> bool:
        return key in self.values_by_name

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the whole mapping was asked for")

    def __len__(self) -> int:
        raise AssertionError("the whole mapping was asked for")


def test_only_what_is_named_is_loaded() -> None:
    steps = CountingMapping({"a": {"output": {"k": "v"}}, "b": {"output": {}}})
    context = CountingMapping({"steps": steps, "inputs": {}})
    assert render("<+steps.a.output.k>", context) == "v"
    assert (context.loaded, steps.loaded) == (["steps"], ["a"])


def test_value_is_plain_whatever_it_was_loaded_through() -> None:
    value = render("<+inputs.a>", {"inputs": MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})})
    assert json.dumps(value) == '{"b": [1, 2]}'


def test_deep_json_is_refused() -> None:
    with pytest.raises(ExpressionError) as caught:
        render("<+fromJSON(inputs.a)>", {"inputs": {"a": "[" * 100_000}})
    assert caught.value.reason == "too-deep"


def test_status_word_outside_a_condition_has_no_value() -> None:
    with pytest.raises(ExpressionError, match="no value here"):
        render("<+OnStageSuccess>", CONTEXT)


def test_keys_are_not_rendered() -> None:
    assert render({"<+inputs.name>": "<+inputs.name>"}, CONTEXT) == {"<+inputs.name>": "demo"}


def test_references_are_listed_in_their_one_form() -> None:
    text = "<+pipeline.stages.s.spec.execution.steps.t.output.outputVariables.K> ${{ a.output.b }} <+inputs[<+matrix.x>]>"
    assert [reference.path for reference in references(text)] == [
        ("stages", "s", "steps", "t", "output", "K"),
        ("steps", "a", "output", "b"),
        ("inputs",),
        ("matrix", "x"),
    ]
