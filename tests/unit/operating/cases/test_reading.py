"""The reader of case types: whatever is not as it should be is named with its line, and what ships is sound."""

import json
from pathlib import Path

import jsonschema
import pytest

from bridle.operating.cases.case_type import CaseType
from bridle.operating.cases.reading import read_case_type
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.document import read_documents
from bridle.pipeline.nodes import to_json
from bridle.pipeline.schema import make_case_type_schema

ROOT = Path(__file__).parents[4]
SHIPPED = sorted(
    [
        *ROOT.glob("samples/cases/case-types/*.yaml"),
        *ROOT.glob("src/bridle/operating/cases/types/*.yaml"),
    ]
)
SOUND = """\
case-type:
  name: ticket
  version: 1.0.0
  owner: acme
  initial: new
  decisions:
    fit: {values: [good, bad], by: [group:ops]}
  states:
    new: {purposes: [support], tools: [mcp.shop.*], due: {after: 2d, escalate: [group:ops]}}
    busy: {purposes: [support], effects: [read], otherwise: deny}
    done: {final: true}
  transitions:
    - {from: new, to: busy, by: [anyone]}
    - {from: busy, to: done, by: [group:ops], if: {fit: good}, approval: {four-eyes: true}}
"""


def complain(old, new):
    """Return the complaints about the sound type with one change, as `line reason`."""
    assert old in SOUND
    with pytest.raises(PipelineError) as caught:
        read_case_type(SOUND.replace(old, new), source="t.yaml")
    return [f"{item.place.line} {item.reason}" for item in caught.value.complaints]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_sound_and_is_its_name(path):
    found = read_case_type(path.read_text("utf-8"), source=path.name)
    assert found.name == path.stem
    jsonschema.validate(
        to_json(read_documents(path.read_text("utf-8"), source="t")[0]), make_case_type_schema()
    )


def test_a_type_survives_its_normal_form():
    found = read_case_type(SOUND, source="t.yaml")
    again = CaseType.from_json(json.loads(json.dumps(found.to_json())))
    assert (again, again.digest) == (found, found.digest)


def test_a_changed_word_is_another_type():
    other = SOUND.replace("otherwise: deny", "otherwise: ask")
    assert read_case_type(SOUND, source="t").digest != read_case_type(other, source="t").digest


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("initial: new", "initial: mew", "5 unknown-state"),
        ("initial: new", "purpose: x", "5 unknown-key"),
        ("to: busy", "to: bussy", "13 unknown-state"),
        ("by: [anyone]", "by: []", "13 nobody-may"),
        ("by: [anyone]", "by: [ops]", "13 bad-who"),
        ("if: {fit: good}", "if: {fits: good}", "14 unknown-decision"),
        ("if: {fit: good}", "if: {fit: fine}", "14 impossible-condition"),
        ("purposes: [support], tools", "purposes: [helping], tools", "9 unknown-purpose"),
        ("purposes: [support], tools", "tools", "9 missing-key:purposes"),
        ("effects: [read]", "effects: [look]", "10 unknown-effect"),
        ("tools: [mcp.shop.*]", "tools: ['*.pay']", "9 bad-tool"),
        ("otherwise: deny", "otherwise: allow", "10 bad-otherwise"),
        (", escalate: [group:ops]", "", "9 missing-key:escalate"),
        ("after: 2d", "after: soon", "9 bad-duration"),
        ("done: {final: true}", "done: {final: true, due: {after: 1d, escalate: [anyone]}}", "11 due-in-final-state"),
        ("version: 1.0.0", "version: one", "3 bad-version"),
        ("by: [anyone]}", "by: [anyone]}\n    - {from: new, to: busy, by: [anyone]}", "14 duplicate-transition"),
        ("by: [anyone]}", "by: [anyone]}\n    - {from: new, to: new, by: [anyone]}", "14 no-move"),
        ("by: [anyone]}", "by: [anyone]}\n    - {from: done, to: new, by: [anyone]}", "14 leaves-final-state"),
        ("    done:", "    lost: {final: true}\n    done:", "11 unreachable-state"),
        ("    done:", "    stuck:\n    done:", "11 dead-end"),
        ("from: busy, to: done", "from: new, to: done", "10 dead-end"),
        ("from: busy, to: done", "from: busy, to: new", "10 no-way-out"),
        ("done: {final: true}", "done:", "9 no-final-state"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(old, new, complaint):
    assert complaint in complain(old, new)


def test_a_mistyped_key_is_told_the_nearest():
    with pytest.raises(PipelineError, match="did you mean 'escalate'"):
        read_case_type(SOUND.replace("escalate:", "escalat:"), source="t.yaml")


@pytest.mark.parametrize(
    "text", ["", "pipeline: {}", "- a", "case-type:", "case-type: []", "a: 1\n---\nb: 2"]
)
def test_what_is_no_case_type_is_refused(text):
    with pytest.raises(PipelineError):
        read_case_type(text, source="t.yaml")


HELD = {"mcp.shop.pay": "consequential", "mcp.shop.find": "read"}


def test_the_target_widens_by_what_only_it_covers():
    found = read_case_type(SOUND.replace(", otherwise: deny", ""), source="t.yaml")
    assert found.widens("busy", "new", HELD) == ("mcp.shop.pay",)
    assert found.widens("new", "busy", HELD) == ()


def test_to_be_asked_about_is_wider_than_to_be_denied():
    found = read_case_type(SOUND, source="t.yaml")
    assert found.widens("busy", "done", {"mcp.mail.send": "consequential"}) == ("mcp.mail.send",)
    assert found.widens("new", "busy", {"mcp.mail.send": "consequential"}) == ()


def test_the_published_schema_is_up_to_date():
    published = json.loads((ROOT / "docs" / "schema" / "case-type.json").read_text("utf-8"))
    assert published == make_case_type_schema(), "run: bridle schema case-type > docs/schema/case-type.json"
