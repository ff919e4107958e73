"""Runtime inputs: `<+input>`, a value that whoever starts the pipeline gives at that place of it.

    <+input>.default("main").allowedValues("main", "next")      one of these, or nothing for the default
    <+input>.selectOneFrom(a, b)    <+input>.selectManyFrom(a, b)    a list of some of these
    <+input>.regex(^v[0-9]+$)       <+input>.executionInput()   asked for when the step is reached

Rules
  1. A runtime input is the whole of its text; the modifiers stand behind the wrapper or inside it, in either wrapper.
  2. An argument is quoted text, a number, true, false, null, or bare text up to the next comma. The argument of `regex`
     is everything up to the parenthesis that closes it.
  3. A pattern is matched against the whole value by an engine that is linear in time; what it can't do (look-around,
     back references) is refused when the file is read.
  4. A path is the keys and positions that lead to the text, joined by dots: it names the input when values are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bridle.core.canonical import Json
from bridle.core.patterns import compile_pattern, matches_whole
from bridle.pipeline.functions import ExpressionError, find_function, read_json

RUNTIME_INPUT = re.compile(r"\s*(?:<\+\s*input\s*(?:>|\.)|\$\{\{\s*input\s*(?:\}\}|\.))", re.ASCII)
_MODIFIERS = ("default", "allowedValues", "selectOneFrom", "selectManyFrom", "regex", "executionInput")
_MODIFIER = re.compile(r"\s*\.\s*([A-Za-z_]+)\s*\(", re.ASCII)
_PLAIN = re.compile(r"-?\d{1,15}|true|false|null", re.ASCII)
# what opens a stretch in which parentheses mean nothing, and what closes it: in arguments, in a pattern
_QUOTES: dict[bool, dict[str, str]] = {False: {'"': '"', "'": "'"}, True: {"[": "]"}}
_QUOTED = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')\s*", re.DOTALL)


@dataclass(frozen=True)
class RuntimeInput:
    """One place that is filled when the pipeline is started. `allowed` empty means any; `several` means a list of them;
    `is_asked_late` means when the step is reached. `pattern` empty means any text."""

    path: str = ""
    has_default: bool = False
    default: Json = None
    allowed: tuple[Json, ...] = ()
    several: bool = False
    pattern: str = ""
    is_asked_late: bool = False


def read_runtime_input(text: str, *, path: str = "") -> RuntimeInput | None:
    """Return what `text` asks for, None when it is no runtime input; raise ExpressionError when it can't be read."""
    opening = RUNTIME_INPUT.match(text)
    if opening is None:
        return None
    found = RuntimeInput(path=path)
    at = opening.end() - (text[opening.end() - 1] == ".")
    while modifier := _MODIFIER.match(text, at):
        name, _ = find_function(modifier[1], {})
        body, at = _take_arguments(text, modifier.end(), is_raw=name == "regex")
        found = _apply(found, name, body, offset=modifier.start(1))
    is_open = text[opening.end() - 1] == "."
    rest = text[at:].strip()
    closing = "}}" if text.lstrip().startswith("$") else ">"
    if rest != (closing if is_open else ""):
        hint = "make <+input> the whole value, with modifiers such as .default('x')"
        raise ExpressionError(
            "a runtime input can't be a part of a text", offset=at, reason="runtime-input-inside", hint=hint
        )
    return found


def bind_runtime_inputs(value: Json, given: Mapping[str, Json], *, path: str = "") -> Json:
    """Return `value` with every runtime input replaced by what `given` has for its path, or by its default.

    Those that are asked for late stay as they are when nothing is given. Raise ExpressionError for a missing or
    refused value.
    """
    if isinstance(value, str):
        found = read_runtime_input(value, path=path) if RUNTIME_INPUT.match(value) else None
        return value if found is None else _bind(found, value, given)
    if isinstance(value, Mapping):
        return {key: bind_runtime_inputs(item, given, path=_extend(path, key)) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [
            bind_runtime_inputs(item, given, path=_extend(path, str(place)))
            for place, item in enumerate(value)
        ]
    return value


def check_runtime_value(asked: RuntimeInput, value: Json) -> Json:
    """Return `value` when `asked` allows it; raise ExpressionError."""
    items = list(value) if asked.several and isinstance(value, (list, tuple)) else [value]
    if asked.several and not isinstance(value, (list, tuple)):
        raise _refuse(asked, "must be a list")
    for item in items:
        if asked.allowed and str(item) not in {str(allowed) for allowed in asked.allowed}:
            raise _refuse(
                asked, f"must be {'of' if asked.several else 'one of'} {', '.join(map(str, asked.allowed))}"
            )
        if asked.pattern and not _matches(asked.pattern, item):
            raise _refuse(asked, f"must match {asked.pattern}")
    return value


def _matches(pattern: str, item: Json) -> bool:
    return isinstance(item, (str, int)) and matches_whole(pattern, str(item))


def _bind(asked: RuntimeInput, text: str, given: Mapping[str, Json]) -> Json:
    if given.get(asked.path) is not None:
        return check_runtime_value(asked, given[asked.path])
    if asked.has_default:
        return asked.default
    if asked.is_asked_late:
        return text
    raise ExpressionError(
        f"{asked.path or 'a runtime input'} needs a value",
        reason="missing-runtime-input",
        hint="give it when the pipeline is started, or add .default(…)",
    )


def _extend(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _take_arguments(text: str, start: int, *, is_raw: bool) -> tuple[str, int]:
    """Return what stands between the parenthesis before `start` and the one that closes it, and where that ends."""
    depth, quote, at = 1, "", start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES[is_raw]:
            quote = _QUOTES[is_raw][char]
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return text[start:at], at + 1
        at += 1
    raise ExpressionError("( is never closed", offset=start - 1, reason="unclosed", hint="close it with )")


def _apply(found: RuntimeInput, name: str, body: str, *, offset: int) -> RuntimeInput:
    if name not in _MODIFIERS:
        hint = f"use one of {', '.join(_MODIFIERS)}"
        raise ExpressionError(f"{name}() is not known", offset=offset, reason="unknown-function", hint=hint)
    if name == "regex":
        pattern = _unquote(body)
        _compile(pattern, offset=offset)
        return replace(found, pattern=pattern)
    arguments = tuple(_split(body))
    if name == "executionInput":
        return replace(found, is_asked_late=True)
    if not arguments or (name == "default" and len(arguments) != 1):
        hint = "name the value" if name == "default" else "name the values"
        raise ExpressionError(f"{name}() has the wrong number of arguments", offset=offset, hint=hint)
    if name == "default":
        return replace(found, has_default=True, default=arguments[0])
    return replace(found, allowed=arguments, several=found.several or name == "selectManyFrom")


def _split(body: str) -> Iterator[Json]:
    at = 0
    while at < len(body) and body.strip():
        quoted = _QUOTED.match(body, at)
        end = quoted.end() if quoted else _find_comma(body, at)
        if quoted and body[end : end + 1] in ("", ","):
            yield _unquote(quoted.group())
        else:
            end = _find_comma(body, at)
            word = body[at:end].strip()
            yield read_json(word) if _PLAIN.fullmatch(word) else word
        at = end + 1


def _find_comma(body: str, at: int) -> int:
    found = body.find(",", at)
    return len(body) if found < 0 else found


def _unquote(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        return text.strip()
    return re.sub(r"\\([\"'\\])", r"\1", quoted[1] if quoted[1] is not None else quoted[2])


def _compile(pattern: str, *, offset: int = 0) -> Any:
    """Return the compiled pattern (rule 3); raise ExpressionError."""
    try:
        return compile_pattern(pattern)
    except ValueError as exc:
        hint = "use a pattern without look-around and back references"
        raise ExpressionError(
            f"the pattern can't be used: {exc}", offset=offset, reason="bad-pattern", hint=hint
        ) from exc


def _refuse(asked: RuntimeInput, what: str) -> ExpressionError:
    return ExpressionError(
        f"{asked.path or 'the value'} {what}", reason="bad-input-value", hint="give another value"
    )
