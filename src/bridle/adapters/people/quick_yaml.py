"""Reads a large YAML file of ours quickly: with libyaml where every word in it is a text, else as any other file is read.

Rules
  1. Two readers must never see two files. What libyaml (YAML 1.1) could read otherwise than ruamel.yaml (1.2) it does not read:
     a scalar that either takes for more than text, a key that is there twice, a merge key, a tag, a directive, a rare line break.
  2. Then the slow reader reads the whole file, and its answer, or its complaint, is the one that counts.
"""

from __future__ import annotations

import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from bridle.core.yaml_text import load_yaml, refuse_bombs

DOUBTFUL = re.compile("[\x85\u2028\u2029\ufeff]|^%|!|\t", re.MULTILINE)
NUMBER = re.compile(r"[-+.0-9]")  # how a number of either version begins
NULL, TEXT = "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"


class _Doubt(Exception):
    """Something that only the slow reader decides."""


class _Texts(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Knows mappings, lists, texts and nothing."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.ScalarNode):
            if node.tag == NULL:
                return None
            if node.tag != TEXT or (not node.style and NUMBER.match(node.value)):
                raise _Doubt
            return node.value
        return super().construct_object(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in found or key == "<<":
                raise _Doubt
            found[key] = self.construct_object(value_node, deep=True)
        return found


def read_yaml(text: str, *, where: str) -> Any:
    """Return what the text says; raise InputError with the place when it is none."""
    if not DOUBTFUL.search(text):
        loader = _Texts(text)
        try:
            content = loader.get_single_data()
            refuse_bombs(content, text)
            return content
        except (_Doubt, yaml.YAMLError, RecursionError, ValueError):
            pass
        finally:
            loader.dispose()
    return load_yaml(text, where=where)
