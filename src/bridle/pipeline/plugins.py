"""The `with` of a run step as the environment of its container: `max_turns: 40` becomes `PLUGIN_MAX_TURNS=40`.

Rules
  1. Upper case, with `-` and `.` as `_`. A name in camelCase is set both ways: `fooBar` is PLUGIN_FOOBAR and PLUGIN_FOO_BAR.
  2. Lists of plain values are joined by commas; mappings, and lists that hold any, become JSON. null sets nothing.
  3. Two names that come to the same variable with different values are refused. A variable of the step's own `env` wins, so the
     caller puts that over this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.values import to_text

_WORD = re.compile(r"\w+", re.ASCII)


def plugin_environment(with_: Mapping[str, Json]) -> dict[str, str]:
    """Return the PLUGIN_* variables of `with_`, sorted; raise InputError for a name that can't be one."""
    found: dict[str, str] = {}
    for name, value in with_.items():
        for variable in _name_variables(name) if value is not None else ():
            text = _write(value)
            if found.setdefault(variable, text) != text:
                hint = "keep one of the two spellings"
                raise InputError(
                    f"{variable} would be set twice", where=name, hint=hint, reason="plugin-name-clash"
                )
    return dict(sorted(found.items()))


def _name_variables(name: str) -> list[str]:
    plain = name.replace("-", "_").replace(".", "_")
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    if not _WORD.fullmatch(plain):
        hint = "use letters, digits and - . _"
        raise InputError(
            f"{name[:80]!r} can't be the name of a variable", hint=hint, reason="bad-plugin-name"
        )
    return list(dict.fromkeys(f"PLUGIN_{word.upper()}" for word in (plain, snake)))


def _write(value: Json) -> str:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if (
        is_list
        and isinstance(value, Sequence)
        and not any(isinstance(item, (Mapping, list, tuple)) for item in value)
    ):
        return ",".join(to_text(item) for item in value)
    return to_text(value)
