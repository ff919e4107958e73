"""Inputs as they are given on the command line: `name=value`, over the values of input sets, for what a pipeline declares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.input_sets import read_input_set
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan
from bridle.pipeline.unfolding import foresee_inputs
from bridle.surfaces.cli.files import read_text


def split_runtime(given: Sequence[str]) -> dict[str, str]:
    """Return what is given for runtime inputs, by their place."""
    return {name: text for name, text in read_pairs(given).items() if _is_path(name)}


def parse_inputs(plan: Plan, given: Sequence[str], *, sets: Sequence[Path] = ()) -> dict[str, Json]:
    """Read `name=value` pairs as the plan declares them, over the values of input sets; the last one of a name counts.

    Values of runtime inputs are in the plan already. Raise InputError.
    """
    values: dict[str, Json] = {}
    for path in sets:
        values |= read_input_set(read_text(path), source=str(path), find=partial(_find_set, path.parent))
    values |= {name: text for name, text in read_pairs(given).items() if not _is_path(name)}
    return dict(resolve_inputs(plan, values))


def check_inputs(plan: Plan, given: Sequence[str], *, sets: Sequence[Path] = ()) -> dict[str, Json]:
    """Raise InputError unless the plan could be run with these inputs; where none is given for a declared one, all is well.

    Return the values that are known.
    """
    if sets or any(not _is_path(name) for name in read_pairs(given)):
        return parse_inputs(plan, given, sets=sets)
    return foresee_inputs(plan, {})


def _find_set(folder: Path, name: str) -> str:
    """Return the text of the input set that an overlay names: a file beside it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        hint = "name a file beside it, without .yaml"
        raise InputError(f"{name[:80]!r} names no input set", reason="bad-input-set-name", hint=hint)
    return read_text(folder / f"{name}.yaml")


def read_pairs(given: Sequence[str]) -> dict[str, str]:
    """Read `name=value` pairs, the last one of a name counts; raise InputError."""
    pairs = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"{pair!r} is not NAME=VALUE", hint="write --input branch=main", reason="usage")
        pairs[name] = text
    return pairs


def _is_path(name: str) -> bool:
    """True for the place of a runtime input; what a pipeline declares has no dot in its name."""
    return "." in name
