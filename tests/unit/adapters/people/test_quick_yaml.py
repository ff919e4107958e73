"""Two readers never see two files: what the quick one returns is what the other returns, whatever is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridle.adapters.people import quick_yaml
from bridle.adapters.people.quick_yaml import read_yaml
from bridle.core.errors import InputError
from bridle.core.yaml_text import load_yaml

ROLES = """
roles: {deployer: [command:run, "mcp:k8s.*"]}
groups: {release: [user:ana, 'user:ben']}
boundaries:
bindings:
  - {principal: user:ana, role: deployer, project: shop}   # a comment
  - &one {group: release, role: deployer}
  - *one
"""
SCALARS = [
    *(
        "yes",
        "on",
        "NO",
        "true",
        "~",
        "null",
        "",
        "12",
        "012",
        "0o14",
        "0x1f",
        "1_000",
        "12:30",
        "1e3",
        ".5",
        "+1",
    ),
    *(
        "2026-01-01",
        "=",
        "<<",
        "user:ana",
        "a b",
        "'12'",
        '"yes"',
        "- a",
        "a: b",
        "[x, y]",
        "{k: v}",
        "!!int 3",
    ),
    *("|\n  text\n", "a\u2028b", "a\u0085b", "%x", "é", "\tx", "{a: 1, a: 2}", "{a: b, a: c}", "&x y", "*x"),
]


def said(read, text):
    try:
        return read(text, where="roles.yaml")
    except InputError as error:
        return str(error)


def test_a_file_of_texts_is_read_by_the_quick_reader(monkeypatch):
    expected = load_yaml(ROLES, where="roles.yaml")
    monkeypatch.setattr(quick_yaml, "load_yaml", None)
    assert read_yaml(ROLES, where="roles.yaml") == expected


@pytest.mark.parametrize("scalar", SCALARS)
def test_whatever_stands_there_both_say_the_same(scalar):
    for text in (f"a: {scalar}\n", f"- {scalar}\n", f"{scalar}: a\n", f"a: [{scalar}]\n"):
        assert said(read_yaml, text) == said(load_yaml, text), text


@given(
    some.lists(
        some.tuples(
            some.sampled_from("abc<"), some.sampled_from([one for one in SCALARS if one[0:1] not in "&*"])
        ),
        max_size=4,
    )
)
def test_whatever_mapping_stands_there_both_say_the_same(pairs):
    text = "".join(f"{key}: {value}\n" for key, value in pairs)
    assert said(read_yaml, text) == said(load_yaml, text)
