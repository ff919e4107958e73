"""Reading YAML 1.2 that people write for Bridle: files of servers, people, roles, rules and bindings.

Rules
  1. Only what stands in the text: no tag makes an object, nothing is fetched.
  2. A key that is given twice is refused with both places: the last one winning silently is how a limit gets lost.
  3. Whatever cannot be read is an InputError with its line and column.
  4. An alias stands for all that it names: what holds itself, or comes to more than MOST_VALUES values, is refused before
     anybody walks through it.

Pipelines and case types have their own reader, which keeps the place of every node (`pipeline.document`), as have agents
and limits (`agent.reader`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridle.core.errors import InputError

_LIKELY = (
    (re.compile(r"\$\{\{|<\+"), "quote this expression: put the whole value between single quotes"),
    (re.compile(r"^\s*\t"), "indent with spaces, not with tabs"),
    (re.compile(r":\S"), "put a space after the colon, and give lines of one mapping the same indent"),
)
_NO_SPACE = re.compile(r"\s*(?:- )?[\w-]+:(?!//)\S+\s*")


MOST_VALUES = 200_000


def advise(text: str, line: int) -> str:
    """Return what most likely has to be mended where a text is no YAML; `line` counts from 1."""
    lines = text.splitlines()[:line]
    here = lines[-1] if len(lines) == line else ""
    before = next((number for number in range(line - 1, 0, -1) if lines[number - 1].strip()), 0)
    if before and _NO_SPACE.fullmatch(lines[before - 1]):
        return f"put a space after the colon in line {before}: {lines[before - 1].strip()[:40]}"
    found = (hint for pattern, hint in _LIKELY if pattern.search(here))
    return next(found, "check the indent and the quotes here")


def load_yaml(text: str, *, where: str) -> Any:
    """Return what `text` says, None for nothing; `where` is the name used in complaints."""
    if not text:  # most of an installation's files are not there
        return None
    try:
        content = YAML(typ="safe", pure=True).load(text)
        refuse_bombs(content, text)
        return content
    except DuplicateKeyError as error:
        raise _repeated(text, where) or InputError(
            f"not YAML: {error.problem}", where=where, hint=advise(text, 1)
        ) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = advise(text, mark.line + 1 if mark else 1)
        what = f"not YAML: {error.problem or error.context}"
        raise InputError(what, where=_place(error, where), hint=hint) from error
    except (YAMLError, RecursionError, ValueError, OverflowError) as error:
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"not YAML: {what}", where=where, hint="write plain YAML") from error


def refuse_bombs(content: Any, text: str) -> None:
    """Raise ValueError for what an alias in the text makes endless or giant; what is reached twice is counted from memory."""
    if "*" not in text:
        return
    sizes: dict[int, int] = {}

    def measure(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = MOST_VALUES + 1  # until it is known: what is met again meanwhile holds itself
            parts = value.values() if isinstance(value, dict) else value
            sizes[id(value)] = 1 + sum(map(measure, parts))
        return sizes[id(value)]

    if measure(content) > MOST_VALUES:
        raise ValueError(f"its aliases make it endless, or more than {MOST_VALUES} values")


def find_repeated(node: Node) -> Iterator[tuple[ScalarNode, ScalarNode]]:
    """Yield each key that a mapping has already, behind the first one; keys count as they are written."""
    ahead, seen = [node], set[int]()
    while ahead:
        here = ahead.pop()
        if id(here) in seen:  # an alias
            continue
        seen.add(id(here))
        if isinstance(here, SequenceNode):
            ahead += reversed(here.value)
        elif isinstance(here, MappingNode):
            yield from _repeated_keys(here)
            ahead += (value for _, value in reversed(here.value))


def _repeated_keys(node: MappingNode) -> Iterator[tuple[ScalarNode, ScalarNode]]:
    first: dict[str, ScalarNode] = {}
    for key, _ in node.value:
        if isinstance(key, ScalarNode) and first.setdefault(str(key.value), key) is not key:
            yield first[str(key.value)], key


def place_of(node: Node, where: str) -> str:
    """Return the place at which a node begins."""
    return f"{where}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def repeated(first: ScalarNode, second: ScalarNode, where: str) -> InputError:
    """Return the complaint about a key that is given twice; the caller raises it."""
    return InputError(
        f"{str(second.value)!r} is given twice",
        where=place_of(second, where),
        hint=f"first at {place_of(first, where)}; keep one of the two",
        reason="duplicate-key",
    )


def _repeated(text: str, where: str) -> InputError | None:
    for first, second in find_repeated(YAML(typ="safe", pure=True).compose(text)):
        return repeated(first, second, where)
    return None


def _place(error: MarkedYAMLError, where: str) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
