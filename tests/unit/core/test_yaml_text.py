"""YAML that people write: what cannot be read, and a key that is given twice, is refused with its place."""

from __future__ import annotations

from importlib import resources
from itertools import pairwise

import pytest
from ruamel.yaml import YAML

from bridle.core.errors import InputError
from bridle.core.yaml_text import find_repeated, load_yaml


def test_a_text_is_read_as_yaml_1_2() -> None:
    assert load_yaml("a: yes\nb: [1, 0o17]\n", where="f") == {"a": "yes", "b": [1, 15]}
    assert load_yaml("", where="f") is None


@pytest.mark.parametrize(
    ("text", "where", "first"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1", "f:1:1"),
        ("all:\n  - {max: 1,\n     'max': 100}\n", "f:3:6", "f:2:6"),
        ("a: 1\nb: &x {c: 1, c: 2}\nd: *x\n", "f:2:14", "f:2:8"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_both_places(text, where, first) -> None:
    with pytest.raises(InputError) as refused:
        load_yaml(text, where="f")
    assert (refused.value.where, refused.value.reason) == (where, "duplicate-key")
    assert f"first at {first}" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [1", "f:1:6"),
        ("a: *x", "f:1:4"),
        ("a: !!python/object b", "f:1:4"),
        ("\x01", "f"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, where) -> None:
    with pytest.raises(InputError, match="not YAML") as refused:
        load_yaml(text, where="f")
    assert refused.value.where == where


@pytest.mark.parametrize("path", sorted((resources.files("bridle.gate") / "manifests").iterdir()), ids=str)
def test_no_key_stands_twice_in_the_manifests_that_ship_which_are_read_by_a_faster_reader(path) -> None:
    assert not list(find_repeated(YAML(typ="safe", pure=True).compose(path.read_text("utf-8"))))


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefgh")
)


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [*a]", "&a [[*a]]", LAUGHS])
def test_an_alias_that_makes_a_file_endless_or_giant_is_refused(text) -> None:
    with pytest.raises(InputError, match="its aliases make it endless"):
        load_yaml(text, where="house.yaml")


def test_an_alias_stands_for_what_it_names() -> None:
    assert load_yaml("a: &a [1]\nb: *a\nc: {<<: {d: *a}}", where="x")["c"] == {"d": [1]}
