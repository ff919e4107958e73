"""The account's own rules of redaction, from `redaction.yaml` in the configuration folder: nobody else may write to it."""

from __future__ import annotations

from pathlib import Path

from bridle.adapters.people.own_file import read_own_text
from bridle.core.yaml_text import load_yaml
from bridle.trust.redaction.rules import read_rules
from bridle.trust.redaction.token_format import TokenFormat


def load_redaction_rules(config_dir: Path) -> tuple[TokenFormat, ...]:
    """Return the rules of the account, none where there is no file; raise InputError when one cannot be used."""
    path = config_dir / "redaction.yaml"
    return parse_redaction_rules(read_own_text(path), where=str(path))


def parse_redaction_rules(text: str, *, where: str) -> tuple[TokenFormat, ...]:
    """Return the rules that a text holds in YAML."""
    return read_rules(load_yaml(text, where=where), where=where)
