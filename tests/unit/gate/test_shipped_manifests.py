"""What ships is read quickly and believed, so its soundness is proved here."""

from importlib import resources

import jsonschema
import pytest
import yaml
from ruamel.yaml import YAML

from bridle.gate.manifest import FAMILIES, LOADER, builtin_manifests


@pytest.mark.parametrize("family", FAMILIES)
def test_both_readers_of_yaml_see_the_same_family(family: str) -> None:
    text = (resources.files("bridle.gate") / "manifests" / f"{family}.yaml").read_text("utf-8")
    assert yaml.load(text, LOADER) == YAML(typ="safe").load(text)  # noqa: S506 - it is a safe one


def test_the_arguments_of_a_tool_that_ships_are_a_sound_schema() -> None:
    for manifest in builtin_manifests().values():
        jsonschema.Draft202012Validator.check_schema(manifest.arguments)
