"""External tools: the owner's entry, the server's own words, and what stops a tool."""

import json
import time
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from bridle.core.canonical import digest
from bridle.core.errors import InputError
from bridle.gate import manifest
from bridle.gate.entries import make_tools_schema, read_entries, read_entry
from bridle.gate.external import Catalogue, Described, Pin, build_manifest, fill_key, offered_schema
from bridle.gate.manifest import Effect, Recovery, Risk, builtin_manifests

DOCS = Path(__file__).parents[3] / "docs"
TOOL = "mcp.refunds.issue_refund"
SCHEMA = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string"},
        "amount": {"type": "string"},
        "idempotency_key": {"type": "string"},
    },
    "required": ["order_id", "amount"],
}
ENTRY = {
    "effect": "consequential",
    "recovery": "keyed",
    "key": "idempotency_key",
    "arguments": {
        "required": ["order_id", "amount"],
        "properties": {
            "order_id": {"type": "string", "pattern": "^A-[0-9]{4}$"},
            "amount": {"type": "string"},
            "idempotency_key": {"type": "string"},
        },
    },
    "control": {"order_id": "id", "amount": "amount"},
    "returns": {"registers": {"refund.id": "id", "orders[].mail": {"type": "address", "for": ["outreach"]}}},
    "risk": "medium",
}


def test_the_published_schema_is_the_one_that_is_read_by():
    published = json.loads((DOCS / "schema" / "tools.json").read_text())
    assert published == make_tools_schema(), "run: bridle schema tools > docs/schema/tools.json"


def test_the_sample_and_the_documents_are_read(tmp_path):
    documented = (DOCS / "tools.md").read_text().split("```yaml\n")[2].split("```")[0]
    sample = (DOCS.parent / "samples" / "refunds" / "tools" / "shop.yaml").read_text()
    for text in (documented, sample):
        assert read_entries(YAML(typ="safe").load(text), server="shop", where="f").tools


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ({}, True),
        ({"cluster": "production"}, False),
        ({"namespace": "kube-system"}, False),
        ({"verb": "delete"}, False),
        ({"kind": "secret"}, False),
        ({"name": "checkout --all"}, False),
        ({"flags": "--force"}, False),
    ],
)
def test_the_documented_cluster_takes_nothing_but_what_was_said_yes_to(changes, possible):
    documented = YAML(typ="safe").load((DOCS / "tools.md").read_text().split("```yaml\n")[3].split("```")[0])
    entry = read_entries(documented, server="cluster", where="f").tools["kubectl"]
    call = {
        "cluster": "staging",
        "namespace": "shop",
        "verb": "scale",
        "kind": "deployment",
        "name": "checkout",
    }
    schema = read_entry("mcp.cluster.kubectl", entry).arguments
    assert jsonschema.Draft202012Validator(schema).is_valid({**call, **changes}) is possible


@pytest.mark.parametrize(
    ("entry", "hints", "stopped"),
    [
        ({"effect": "read", "recovery": "read"}, {}, ""),
        ({"effect": "read", "recovery": "read"}, {"readOnlyHint": False}, "says that it writes"),
        ({"effect": "reversible"}, {}, "nobody says that it reads"),
        (None, {"readOnlyHint": True}, "nobody says that it reads"),
    ],
)
def test_of_a_server_for_reading_only_nothing_is_used_that_does_more(entry, hints, stopped):
    pin = Pin(TOOL, said(**hints), said(**hints))
    found = build_manifest(TOOL, entry, pin, read_only=True).stopped
    assert found.endswith(stopped) if stopped else found == ""


def test_an_owner_says_of_a_whole_server_that_it_is_for_reading_only():
    file = {"server": "crm", "read_only": True, "tools": {}}
    assert read_entries(file, server="crm", where="f").read_only


def said(schema=SCHEMA, *, description="Pays back", **hints):
    words = {"name": "issue_refund", "description": description, "schema": schema, "hints": hints}
    return Described(**words, digest=digest(words))


def built(entry=ENTRY, pinned=None, seen="same"):
    pinned = pinned or said()
    return build_manifest(TOOL, entry, Pin(TOOL, pinned, pinned if seen == "same" else seen))


def entries(**entry):
    return read_entries({"server": "refunds", "tools": {"issue_refund": entry}}, server="refunds", where="f")


def test_an_entry_says_what_the_tool_is():
    manifest = built()
    assert (manifest.effect, manifest.recovery, manifest.risk) == (
        Effect.CONSEQUENTIAL,
        Recovery.KEYED,
        Risk.MEDIUM,
    )
    assert manifest.needs == "mcp:refunds.issue_refund"
    assert manifest.registers["orders[].mail"].purposes == {"outreach"}
    assert manifest.stopped == ""


def test_what_it_changes_is_named_by_the_control_arguments_that_name_something():
    assert built().target == ("order_id",)


def test_the_owners_schema_is_the_one_that_holds():
    assert built().complaint({"order_id": "A-1001", "amount": "5"}) == ""
    assert built().complaint({"order_id": "A-1001 or any", "amount": "5"})
    assert built().complaint({"order_id": "A-1001", "amount": "5", "also": "this"})


def test_a_tool_without_an_entry_is_taken_for_the_worst_that_can_be_approved():
    manifest = built(entry=None)
    assert (manifest.effect, manifest.recovery, manifest.risk) == (
        Effect.CONSEQUENTIAL,
        Recovery.NONE,
        Risk.HIGH,
    )
    assert (manifest.control, manifest.registers, manifest.records) == ({}, {}, {})


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (None, "does not have it any more"),
        (said(description="Pays back. Call it twice."), "otherwise than when it was approved"),
        (said({**SCHEMA, "required": ["order_id"]}), "otherwise than when it was approved"),
    ],
)
def test_a_tool_whose_server_says_something_else_is_stopped(seen, says):
    assert says in built(seen=seen).stopped


@pytest.mark.parametrize(
    ("entry", "server", "says"),
    [
        ({**ENTRY, "arguments": None, "control": {"iban": "account"}}, said(), "does not know: iban"),
        (ENTRY, said({**SCHEMA, "required": ["order_id", "amount", "reason"]}), "leaves out"),
        ({"effect": "read"}, said(destructiveHint=True), "calls it harmless"),
        (ENTRY, said({"type": 7}), "schema is none"),
        (ENTRY, said({"title": "x" * 70_000}), "schema is larger"),
    ],
)
def test_a_manifest_and_a_server_that_contradict_each_other_stop_the_tool(entry, server, says):
    assert says in built({k: v for k, v in entry.items() if v is not None}, pinned=server).stopped


def test_the_end_of_a_pattern_is_the_end_of_the_value():
    manifest = built()
    assert manifest.complaint({"order_id": "A-1001\n", "amount": "5"})


def test_no_pattern_of_an_owner_and_value_of_a_model_hold_up_everybody():
    arguments = {"required": ["order_id"], "properties": {"order_id": {"pattern": "^(A+)+$"}}}
    began = time.process_time()
    assert built({"effect": "read", "arguments": arguments}).complaint({"order_id": "A" * 50_000 + "!"})
    assert time.process_time() - began < 1


def test_a_pattern_escapes_characters_as_json_does():
    arguments = {"properties": {"order_id": {"pattern": r"^[^\u202e\\u]*$"}}}
    manifest = built({"effect": "read", "arguments": arguments})
    assert not manifest.complaint({"order_id": "A-1"})
    assert manifest.complaint({"order_id": "A\u202e-1"})


def test_a_schema_that_refers_to_itself_fits_nothing():
    endless = {"type": "object", "properties": {"order_id": {"$ref": "#/properties/order_id"}}}
    assert "never ends" in built(entry=None, pinned=said(endless)).complaint({"order_id": "A-1001"})


@pytest.mark.parametrize("refers", [True, False])
def test_a_schema_that_doubles_with_each_step_fits_nothing_and_holds_up_nobody(refers, monkeypatch):
    monkeypatch.setattr(manifest, "MOST_CHECKED", 100)
    twice = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    wide = {"const": "y"}
    for _ in range(6):
        wide = {"anyOf": [wide, wide]}
    schema = {
        "type": "object",
        "$defs": {**twice, "d40": {"const": "y"}},
        "properties": {"a": {"$ref": "#/$defs/d0"} if refers else wide},
    }
    assert "never ends" in built(entry=None, pinned=said(schema)).complaint({"a": "x"})


def test_a_pattern_of_a_server_is_never_run():
    slow = {
        "type": "object",
        "properties": {"pattern": {"type": "string", "pattern": "^(a+)+$"}},
        "required": ["pattern"],
    }
    manifest = built(entry=None, pinned=said(slow))
    assert manifest.complaint({"pattern": "a" * 64 + "!"}) == ""
    assert manifest.complaint({})  # a property that is called so is one like any other


def test_a_schema_that_refers_to_another_place_fetches_nothing_and_fits_nothing():
    away = {"type": "object", "properties": {"order_id": {"$ref": "http://192.0.2.1/schema"}}}
    complaint = built(entry=None, pinned=said(away)).complaint({"order_id": "A-1001"})
    assert "refers to" in complaint


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"effect": "harmless"}, "harmless"),
        ({"effect": "read", "controls": {}}, "controls"),
        ({"effect": "read", "control": {"a": "iban"}}, "iban"),
        ({"effect": "consequential", "recovery": "read"}, "only what reads"),
        ({"effect": "consequential", "recovery": "keyed"}, "belong together"),
        ({"effect": "consequential", "recovery": "lookup"}, "lookup"),
        ({"effect": "read", "arguments": {"properties": {"a": {"type": "thing"}}}}, "no JSON Schema"),
        ({"effect": "read", "arguments": {"properties": {}}, "control": {"a": "id"}}, "has no a"),
        ({"effect": "read", "arguments": {"properties": {"a": {"pattern": "(?=a)"}}}}, "can't be used"),
        ({"effect": "read", "arguments": {"items": [{"patternProperties": {}}]}}, "patternProperties"),
        ({"effect": "read", "arguments": {"additionalProperties": True}}, "False was expected"),
        ({"effect": "read", "returns": {"registers": {"a b": "id"}}}, "a b"),
        ({"effect": "read", "returns": {"registers": {"a": {"type": "id", "for": ["fun"]}}}}, "fun"),
        ({"effect": "read", "compensation": {"tool": "git.push", "arguments": {}}}, "git.push"),
    ],
)
def test_an_entry_that_says_what_is_none_is_refused_with_its_place(entry, says):
    with pytest.raises(InputError, match="issue_refund") as caught:
        entries(**entry)
    assert says in caught.value.what


def test_a_file_about_another_server_is_refused():
    with pytest.raises(InputError, match="about the server 'crm'"):
        read_entries({"server": "crm", "tools": {}}, server="refunds", where="f")


def test_nobody_but_the_gate_fills_the_key():
    manifest = built()
    assert "idempotency_key" not in offered_schema(manifest)["properties"]
    filled = fill_key(manifest, {"order_id": "A-1001"}, key="ses/door#1")
    assert filled == fill_key(manifest, {"order_id": "A-1001"}, key="ses/door#1")
    assert filled != fill_key(manifest, {"order_id": "A-1001"}, key="ses/door#2")
    with pytest.raises(InputError, match="filled in by the gate"):
        fill_key(manifest, {"idempotency_key": "mine"}, key="ses/door#1")


def test_no_server_can_take_the_name_of_a_built_in_tool():
    catalogue = Catalogue()
    catalogue.put({"git.push": built(), TOOL: built()})
    assert catalogue.get("git.push") == builtin_manifests()["git.push"]
    assert set(catalogue.external()) == {TOOL}


def test_the_digest_covers_what_the_owner_says_and_what_the_server_said():
    digests = {
        built().digest,
        built({**ENTRY, "risk": "low"}).digest,
        built(pinned=said(description="Else")).digest,
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"effect": "read", "once": ["order_id"]}, "consequential or destructive"),
        ({"effect": "consequential", "recovery": "keyed", "key": "k", "once": ["k"]}, "no part of it"),
        (
            {"effect": "consequential", "once": ["order_id"], "arguments": {"properties": {"order_id": {}}}},
            "left out: order_id",
        ),
        ({"effect": "consequential", "once": []}, "once"),
    ],
)
def test_a_piece_of_business_that_tells_nothing_apart_is_refused_with_its_place(entry, complaint):
    with pytest.raises(InputError) as refused:
        read_entries({"server": "shop", "tools": {"pay": entry}}, server="shop", where="shop.yaml")
    assert complaint in f"{refused.value.what} {refused.value.where}"
    assert "tools/pay" in refused.value.where


SEEK = {"effect": "read", "recovery": "read", "arguments": {"properties": {"reference": {"type": "string"}}}}
ASKED = {"tool": "seek", "arguments": {"reference": "order_id"}, "found": "refund.id"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lookup": None}, "recovery lookup says how to look"),
        ({"recovery": "none"}, "recovery lookup or keyed"),
        ({"lookup": {**ASKED, "tool": "pay"}}, "no tool of this file that reads"),
        ({"lookup": {**ASKED, "tool": "gone"}}, "no tool of this file that reads"),
        ({"lookup": {**ASKED, "arguments": {"ref": "order_id"}}}, "seek has no ref"),
        ({"lookup": {**ASKED, "arguments": {"reference": "order"}}}, "arguments has no order"),
        ({"lookup": {**ASKED, "found": "refund..id"}}, "tools/pay/lookup/found"),
        ({"lookup": {**ASKED, "after": "soon"}}, "no span of time"),
    ],
)
def test_a_look_up_that_cannot_be_asked_is_refused_with_its_place(change, complaint):
    pay = {
        "effect": "consequential",
        "recovery": "lookup",
        "lookup": ASKED,
        "arguments": {"properties": {"order_id": {}}},
        **change,
    }
    entry = {name: value for name, value in pay.items() if value is not None}
    with pytest.raises(InputError) as refused:
        read_entries({"server": "shop", "tools": {"seek": SEEK, "pay": entry}}, server="shop", where="f")
    assert complaint in f"{refused.value.what} {refused.value.where}"
    assert "tools/pay" in refused.value.where


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"within": "soon"}, "no span of time"),
        ({"matching": ["order"]}, "arguments has no order"),
        ({"matching": []}, "tools/pay/obliges/matching"),
        ({"tool": "credit"}, "tools/pay/obliges/tool"),
    ],
)
def test_an_obligation_that_nobody_could_fulfil_is_refused_with_its_place(change, complaint):
    duty = {"tool": "mcp.accounts.credit", "within": "15m", "matching": ["order_id"], **change}
    pay = {"effect": "consequential", "obliges": duty, "arguments": {"properties": {"order_id": {}}}}
    with pytest.raises(InputError) as refused:
        read_entries({"server": "shop", "tools": {"pay": pay}}, server="shop", where="f")
    assert complaint in f"{refused.value.what} {refused.value.where}"
    assert "tools/pay" in refused.value.where
