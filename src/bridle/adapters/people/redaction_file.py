"""The account's own rules of redaction, from `redaction.yaml` in the configuration folder: nobody else may write to it."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bridle.adapters.people.own_file import read_own_text
from bridle.core.errors import InputError
from bridle.trust.redaction.rules import read_rules
from bridle.trust.redaction.token_format import TokenFormat


def load_redaction_rules(config_dir: Path) -> tuple[TokenFormat, ...]:
    """Return the rules of the account, none where there is no file; raise InputError when one cannot be used."""
    path = config_dir / "redaction.yaml"
    return parse_redaction_rules(read_own_text(path), where=str(path))


def parse_redaction_rules(text: str, *, where: str) -> tuple[TokenFormat, ...]:
    """Return the rules that a text holds in YAML."""
    try:
        content = YAML(typ="safe").load(text) if text.strip() else None
    except YAMLError as error:
        raise InputError("not YAML", where=where, hint="repair the file by hand") from error
    return read_rules(content, where=where)
