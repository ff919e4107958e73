"""Text to a tree: what scalars mean, where nodes stand, and what is refused."""

from __future__ import annotations

import pytest

from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.document import DEEPEST, LARGEST_BYTES, read_documents
from bridle.pipeline.nodes import Mapping, Scalar, locate, to_json


def read_value(text: str | bytes) -> object:
    (root,) = read_documents(text, source="f.yaml")
    return to_json(root)


def refuse(text: str | bytes) -> str:
    with pytest.raises(PipelineError) as caught:
        read_documents(text, source="f.yaml")
    complaint = caught.value.complaints[0]
    assert complaint.hint
    return f"{complaint.place} {complaint.reason}"


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "1:30",
        "2024-01-31",
        "1.10",
        "1e3",
        ".5",
        ".inf",
        "12:30:45",
        "0b11",
        "1_000",
        "=",
        "y",
    ],
)
def test_scalar_outside_the_core_schema_stays_text(text: str) -> None:
    assert read_value(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_core_schema_decides_the_type(text: str, value: object) -> None:
    assert read_value(f"a: {text}") == {"a": value}


def test_key_named_on_stays_a_word() -> None:
    assert read_value("on: push") == {"on": "push"}


def test_every_node_knows_its_place() -> None:
    (root,) = read_documents("a:\n  - b: 'x'\n    c: y\n", source="f.yaml")
    assert isinstance(root, Mapping)
    item = root.entries[0][1].items[0]  # type: ignore[union-attr]
    assert [str(value.place) for _, value in item.entries] == ["f.yaml:2:8", "f.yaml:3:8"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: xyz", "f.yaml:1:6"),
        ("a: 'xyz'", "f.yaml:1:7"),
        ("a: |\n  o\n  xyz", "f.yaml:3:1"),
        ("a: >\n  o xyz", "f.yaml:1:4"),
    ],
)
def test_place_within_a_scalar_is_found(text: str, place: str) -> None:
    (root,) = read_documents(text, source="f.yaml")
    assert isinstance(root, Mapping)
    scalar = root.entries[0][1]
    assert isinstance(scalar, Scalar)
    assert str(locate(scalar, scalar.text.index("xyz") + (0 if "|" in text or ">" in text else 2))) == place


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1 duplicate-key"),
        ("a: {x: 1, x: 2}", "f.yaml:1:11 duplicate-key"),
        ("? [x]\n: 1", "f.yaml:1:3 bad-key"),
        ("<<: {a: 1}", "f.yaml:1:1 merge-key"),
        ("if: !f(x)", "f.yaml:1:5 tag"),
        ("a: !!python/object:os.system x", "f.yaml:1:4 tag"),
        ("a: *b", "f.yaml:1:4 bad-alias"),
        ("a: &a [*a]", "f.yaml:1:8 bad-alias"),
        ("b: &a 1\na: &a [*a]", "f.yaml:2:8 bad-alias"),
        ("%YAML 1.1\n---\na: yes", "f.yaml:2:1 unsupported-yaml-version"),
        ('a: "\\ud800"', "f.yaml:1:4 bad-text"),
        ("a:\n\t- b", "f.yaml:2:1 not-yaml"),
        ("a: [${{ x }}]", "f.yaml:1:6 not-yaml"),
        (b"a: 1\nb: \xff", "f.yaml:2:4 not-utf-8"),
        ("a: \x00", "f.yaml:1:1 not-yaml"),
        ("[" * (DEEPEST + 1), "f.yaml:1:65 too-deep"),
        ("x" * (LARGEST_BYTES + 1), "f.yaml:1:1 too-large"),
    ],
)
def test_refusal_names_its_place_and_reason(text: str | bytes, complaint: str) -> None:
    assert refuse(text) == complaint


def test_aliases_cannot_stand_for_more_than_the_limit_of_nodes() -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"k{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert refuse("\n".join(lines)).endswith("too-many-nodes")


def test_alias_gives_the_same_value_again() -> None:
    assert read_value("a: &x {k: 1}\nb: *x") == {"a": {"k": 1}, "b": {"k": 1}}


def test_a_colon_without_a_space_is_named_with_its_line() -> None:
    with pytest.raises(PipelineError) as caught:
        read_documents("run:\n  env:yam\n    A: b\n", source="f.yaml")
    assert (str(caught.value.complaints[0].place), "line 2: env:yam" in str(caught.value)) == (
        "f.yaml:3:6",
        True,
    )


def test_unquoted_expression_gets_the_hint_to_quote_it() -> None:
    with pytest.raises(PipelineError, match="quote this expression"):
        read_documents("a: <+x> == 'b': c", source="f.yaml")


def test_many_documents_are_all_returned() -> None:
    assert len(read_documents("a: 1\n---\nb: 2\n", source="f.yaml")) == 2
