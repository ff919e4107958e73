"""The variables of the account, the organisation and the project: `variables.yaml` in the configuration folder."""

from __future__ import annotations

from pathlib import Path

from bridle.adapters.people.own_file import read_own_text
from bridle.core.yaml_text import load_yaml
from bridle.pipeline.variables import Shared, read_shared

FILE = "variables.yaml"


def load_variables(config_dir: Path) -> Shared:
    """Return them, none where there is no file; raise InputError for one that cannot be used."""
    path = config_dir / FILE
    return read_shared(load_yaml(read_own_text(path), where=str(path)), where=str(path))
