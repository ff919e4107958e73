"""What approvers fill in: checked when the verdict is given, before anything is recorded.

    {name: {"description", "required", "default", "enum": […], "pattern": text or null, "multi_select"}}

Rules
  1. A value that is not declared is refused; what is required must be there; a default stands when nothing is given.
  2. With `enum` a value is one of it, with `pattern` it matches as a whole, in time that grows with its length alone.
     `multi_select` takes a list, written a,b,c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.patterns import matches_whole

LONGEST = 1000  # characters of one value: a form's field, not a document


def fill_inputs(declared: Mapping[str, Json], given: Mapping[str, str]) -> dict[str, Json]:
    """Return a value for every declared input; raise InputError that names the first fault."""
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise InputError(
                f"the approval has no input {name!r}", hint=f"declared: {known}", reason="unknown-input"
            )
    return {name: _fill(name, spec, given.get(name)) for name, spec in declared.items()}


def _fill(name: str, spec: Json, given: str | None) -> Json:
    assert isinstance(spec, Mapping)
    value = spec.get("default") if given is None else given
    if value is None or value == "":
        if spec.get("required"):
            raise InputError(
                f"the approver's input {name!r} is required",
                where=f"inputs.{name}",
                hint=f"add --input {name}=VALUE{_about(spec)}",
                reason="missing-input",
            )
        return [] if spec.get("multi_select") else None
    if not spec.get("multi_select"):
        return _check(name, spec, str(value))
    parts = [part.strip() for part in str(value).split(",")]
    return list(dict.fromkeys(_check(name, spec, part) for part in parts))


def _check(name: str, spec: Mapping[str, Json], value: str) -> str:
    allowed, pattern = spec.get("enum") or (), spec.get("pattern")
    assert isinstance(allowed, Sequence)
    if len(value) > LONGEST:
        raise _bad(name, f"it is longer than {LONGEST} characters", "make it shorter")
    if allowed and value not in allowed:
        raise _bad(name, f"{value[:80]!r} is none of the choices", f"use {', '.join(map(str, allowed))}")
    if isinstance(pattern, str) and not _matches(name, pattern, value):
        raise _bad(name, f"{value[:80]!r} does not match {pattern}", "give a value of that form")
    return value


def _matches(name: str, pattern: str, value: str) -> bool:
    try:
        return matches_whole(pattern, value)
    except ValueError as exc:  # of a plan that was begun when other patterns were allowed
        raise _bad(name, f"its pattern {pattern[:80]} can't be used: {exc}", "mend the pipeline") from exc


def _bad(name: str, what: str, hint: str) -> InputError:
    return InputError(what, where=f"inputs.{name}", hint=hint, reason="bad-input-value")


def _about(spec: Mapping[str, Json]) -> str:
    return f" ({spec['description']})" if spec.get("description") else ""
