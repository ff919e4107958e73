"""What a set's rules are called and read, and what is refused of both; the trees are the real engine's."""

import json

import pytest
import regorus

from bridle.adapters.rego.reads import complain_of_facts, complain_of_findings, list_speakers
from bridle.gate.facts_schema import make_facts_schema

HEAD = "package bridle.gate\n\nimport rego.v1\n\n"
FINDING = '{"rule": "r", "reason": "Told."}'


def trees(**modules):
    engine = regorus.Engine()
    for name, body in modules.items():
        engine.add_policy(f"{name}.rego", HEAD + body)
    return json.loads(engine.get_ast_as_json())


def said_of_facts(body):
    return [what for *_, what in complain_of_facts(trees(m=body), make_facts_schema())]


def said_of_findings(bound=(), **modules):
    return [what for *_, what in complain_of_findings(trees(**modules), bound=bound)]


def test_a_rule_is_told_with_its_place_and_all_that_it_reads_through_others():
    body = f"""deny contains {FINDING} if {{
	known
	input.loop.before[_].tool == input.action.tool
}}

known if data.bridle.gate.deeper

deeper if input.scope[0] == "x"
"""
    (found,) = list_speakers(trees(m=body))
    assert (found.part, found.rule, found.file, found.line, found.owner) == (
        "deny",
        "r",
        "m.rego",
        5,
        "m.rego",
    )
    assert found.reads == ("action.tool", "loop.before.*.tool", "scope.*")


def test_a_severity_that_is_written_out_is_told():
    (found,) = list_speakers(trees(m='ask contains {"rule": "r", "reason": "x", "severity": "warn"}\n'))
    assert found.severity == "warn"


@pytest.mark.parametrize(
    "path",
    [
        "input.action.tol",
        "input.nothing",
        'input.action["tol"]',
        "input.now.year",
        "input.loop.before[_].tol",
        "input.scope[0].name",
        "input.principal.id.x",
    ],
)
def test_a_fact_that_nobody_supplies_is_named(path):
    (what,) = said_of_facts(f"deny contains {FINDING} if {path} == 1\n")
    assert "no fact that anybody supplies" in what


@pytest.mark.parametrize(
    "path",
    [
        "input.action.arguments.anything.at.all",
        "input.loop.before[_].tool",
        'input.principal["owner"]',
        "input.boundary.limits.pids",
        "input.account.spend_limit",
        "input.boundary[input.action.tool]",
    ],
)
def test_a_fact_of_the_schema_is_read(path):
    assert said_of_facts(f"deny contains {FINDING} if {path} == 1\n") == []


@pytest.mark.parametrize(
    "body",
    [
        f"deny contains {FINDING} if {{ x := input; x.tol }}",
        f"deny contains {FINDING} if some _, v in input",
        f"deny contains {FINDING} if input[input.tree] == 1",
        f'deny contains {FINDING} if object.get(input, "tol", 1) == 1',
        f'deny contains {FINDING} if object.get(input.account, "limit", 1) == 1',
        f"deny contains {FINDING} if input.account[input.tree] == 1",
        f"import input as i\n\ndeny contains {FINDING} if i.tol",
    ],
)
def test_what_reads_the_input_as_a_whole_is_refused(body):
    assert [what for what in said_of_facts(body + "\n") if "as a whole" in what] != []


@pytest.mark.parametrize(
    "finding",
    [
        "finding if some finding in []",
        '{"rule": input.tree, "reason": "x"}',
        '{"rule": sprintf("%s", ["x"]), "reason": "x"}',
    ],
)
def test_a_finding_whose_rule_is_not_written_out_is_refused(finding):
    (what,) = said_of_findings(m=f"deny contains {finding}\n")
    assert "write the finding out" in what


def test_a_rules_name_belongs_to_the_first_set_that_uses_it():
    found = said_of_findings(a=f"deny contains {FINDING}\n", b=f"ask contains {FINDING}\n")
    assert found == ["r is a rule of a.rego: give yours another name"]


@pytest.mark.parametrize(("part", "severity"), [("deny", "info"), ("allow", "warn")])
def test_a_severity_is_error_or_warn_and_never_of_what_allows(part, severity):
    (what,) = said_of_findings(
        m=f'{part} contains {{"rule": "r", "reason": "x", "severity": "{severity}"}}\n'
    )
    assert "a severity is" in what


def test_a_bound_set_allows_nothing():
    allows = f"allow contains {FINDING}\n"
    assert said_of_findings(m=allows) == []
    assert said_of_findings(("m.rego",), m=allows) == [
        "a set that is bound only adds: it denies and asks, and allows nothing"
    ]


@pytest.mark.parametrize("verdict", ["ask", "deny"])
def test_nobody_looks_at_what_is_denied_or_asked(verdict):
    (what,) = said_of_findings(m=f"allow contains {FINDING} if count({verdict}) > 0\n")
    assert what.startswith(f"{verdict} is read by nobody")


def test_what_is_allowed_may_be_looked_at():
    assert said_of_findings(m=f"ask contains {FINDING} if count(allow) > 0\n") == []
