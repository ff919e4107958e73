"""The file of limits: what it says, and a complaint with its place for everything else."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from bridle.adapters.limits.file import LimitsFile, parse_limits
from bridle.adapters.limits.schema import make_limits_schema
from bridle.core.errors import BridleError, InputError
from bridle.gate.limits import SHIPPED, Counts, Per

PUBLISHED = Path(__file__).parents[4] / "docs" / "schema" / "limits.json"
GOOD = """
limits:
  pushes: {tools: [git.push], per: project, count: 10, within: 10m}
  services: {tools: ["mcp.k8s.*"], per: agent, targets: 20, within: 1h, then: ask}
  refunds: {tools: [mcp.pay.refund], amount: "500.00", argument: amount, within: 1d}
  destruction: off
breakers:
  crm: {tools: ["mcp.crm.*"], per: server, failures: 3, within: 5m, cool-down: 10m, reads: deny}
  targets: off
"""


def entry(text):
    return f"limits:\n  one: {text}\n"


def test_what_is_written_holds_beside_what_ships():
    found = {limit.name: limit for limit in parse_limits(GOOD, file="limits.yaml")[0]}
    assert set(found) == {*(limit.name for limit in SHIPPED), "pushes", "services", "refunds"} - {
        "destruction"
    }
    assert (found["services"].counts, found["services"].per, found["services"].then) == (
        Counts.TARGETS,
        Per.AGENT,
        "ask",
    )
    assert (found["refunds"].most, found["refunds"].argument) == (Decimal("500.00"), "amount")
    assert found["pushes"].within.total_seconds() == 600


def test_breakers_stand_in_the_same_file():
    (servers, crm) = parse_limits(GOOD, file="limits.yaml")[1]
    assert (servers.name, crm.name, crm.failures, crm.reads) == ("servers", "crm", 3, "deny")


def test_what_ships_is_given_anew_under_its_name():
    found = parse_limits("limits: {destruction: {effects: [destructive], count: 0, within: 1h}}", file="f")[0]
    assert [limit.most for limit in found if limit.name == "destruction"] == [Decimal(0)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (entry("{tools: [git.push], within: 10m}"), "2:8"),
        (entry("{tools: [git.push], count: 1, targets: 2, within: 10m}"), "2:8"),
        (entry("{count: 1, within: 10m}"), "2:8"),
        (entry("{tools: [git.push], count: 1}"), "2:8"),
        (entry("{tools: [git.push], count: -1, within: 10m}"), "2:35"),
        (entry("{tools: [git.push], count: 1, within: soon}"), "2:46"),
        (entry("{tools: [git.push], count: 1, within: 40d}"), "2:46"),
        (entry('{tools: ["*.push"], count: 1, within: 10m}'), "2:17"),
        (entry("{tools: [git.push], count: 1, within: 10m, per: planet}"), "2:56"),
        (entry("{tools: [git.push], count: 1, within: 10m, then: allow}"), "2:57"),
        (entry("{tools: [git.push], amount: 1, within: 10m}"), "2:8"),
        (entry("{tools: [git.push], count: 1, within: 10m, burst: 3}"), "2:51"),
        (entry("{cost: 1, tools: [model.call], within: 10m}"), "2:8"),
        (entry("{cost: free, within: 10m}"), "2:15"),
        (entry("{cost: 1, within: 10m, per: target}"), "2:36"),
        (entry("never"), "2:8"),
        ("breakers:\n  one: {tools: [git.push], within: 5m, cool-down: 5m}\n", "2:8"),
        ("breakers:\n  one: {tools: [git.push], failures: 0, within: 5m, cool-down: 5m}\n", "2:38"),
        ("breakers:\n  one: {failures: 3, within: 5m, cool-down: 5m}\n", "2:8"),
        ("limit: {}\n", "1:1"),
        ("limits:\n  Bad Name: off\n", "2:3"),
        ("limits: [", "1:10"),
        ("limits:\n  destruction: off\n  push: off\n  destruction: off\n", "4:3"),
        (entry("{tools: [git.push], count: 1, within: 10m, count: 1000}"), "2:51"),
    ],
)
def test_a_fault_is_told_with_line_and_column(text, place):
    with pytest.raises(InputError) as caught:
        parse_limits(text, file="limits.yaml")
    assert caught.value.where == f"limits.yaml:{place}"


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as caught:
        parse_limits("limits:\n  one: never\n  two: {count: 1, within: 1m}\n", file="limits.yaml")
    assert ["limits.yaml:2:8" in str(caught.value), "limits.yaml:3:8" in str(caught.value)] == [True, True]


def test_the_file_is_looked_at_for_every_question(tmp_path):
    limits = LimitsFile(tmp_path)
    assert tuple(limits.read()) == SHIPPED
    (tmp_path / "limits.yaml").write_text(GOOD)
    assert "pushes" in {limit.name for limit in limits.read()}


def test_a_file_that_others_may_write_to_is_refused(tmp_path):
    (tmp_path / "limits.yaml").write_text(GOOD)
    (tmp_path / "limits.yaml").chmod(0o666)
    with pytest.raises(BridleError):
        LimitsFile(tmp_path).read()


def test_the_published_schema_is_the_one_that_is_read_by():
    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == make_limits_schema(), "run: bridle schema limits > docs/schema/limits.json"
    jsonschema.validate(YAML(typ="safe").load(GOOD.replace(": off", ': "off"')), published)
