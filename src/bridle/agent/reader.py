"""Reads the YAML of an agent's file node by node, so that every complaint has file, line and column.

Rules
  1. A scalar is its source text until somebody asks for a kind: `1.10` stays `1.10`, `off` stays `off`.
  2. Keys come in kebab, snake and camel case; twice the same key is an error, an unknown one names its nearest.
  3. Aliases are refused (a file of a few lines could mean gigabytes), and so are files beyond SIZE_LIMIT and DEPTH_LIMIT.

It knows YAML, not agents.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridle.agent.faults import Faults
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.yaml_text import advise, find_repeated, repeated

SIZE_LIMIT = 256 * 1024  # a prompt of fifty thousand words still fits
DEPTH_LIMIT = 30


@dataclass(frozen=True)
class Spot:
    """A node and where it stands. Keys that nobody knows are kept in `faults`, so that reading goes on."""

    node: Node
    file: str
    faults: Faults = field(default_factory=Faults, compare=False, repr=False)

    @property
    def where(self) -> str:
        mark = self.node.start_mark
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}"

    def wrong(self, what: str, *, hint: str = "", reason: str = "") -> InputError:
        """Return the complaint about this place; the caller raises it."""
        return InputError(what, where=self.where, hint=hint, reason=reason)

    def expected(self, wanted: str, *, found: str = "") -> InputError:
        """Return the complaint about a value of another kind; the caller raises it."""
        what = f"expected {wanted}, found {found!r}" if found else f"expected {wanted}"
        return self.wrong(what, hint=f"write {wanted}", reason="wrong-shape")

    def text(self) -> str:
        """Return a scalar's source text."""
        if not isinstance(self.node, ScalarNode) or self.node.tag == "tag:yaml.org,2002:null":
            raise self.expected("a text")
        return str(self.node.value)

    def is_text(self) -> bool:
        """True for a scalar."""
        return isinstance(self.node, ScalarNode)

    def integer(self, *, least: int = 1) -> int:
        """Return a whole number of at least `least`; it may be quoted."""
        text = self.text()
        if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) < least:
            raise self.expected(f"a whole number of at least {least}", found=text)
        return int(text)

    def decimal(self) -> Decimal:
        """Return an amount of money, not negative."""
        text = self.text()
        try:
            amount = Decimal(text)
        except InvalidOperation as exc:
            raise self.expected("an amount such as 2.50", found=text) from exc
        if not amount.is_finite() or amount < 0:
            raise self.expected("an amount of at least 0", found=text)
        return amount

    def flag(self) -> bool:
        """Return true or false."""
        text = self.text()
        if text not in ("true", "false"):
            raise self.expected("true or false", found=text)
        return text == "true"

    def items(self) -> list[Spot]:
        """Return the items of a list."""
        if not isinstance(self.node, SequenceNode):
            raise self.expected("a list")
        return [self.below(item) for item in self.node.value]

    def below(self, node: Node) -> Spot:
        """Return another node of the same file."""
        return Spot(node, self.file, self.faults)

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts; one text with commas is a list too."""
        if isinstance(self.node, ScalarNode):
            return tuple(part for part in (piece.strip() for piece in self.text().split(",")) if part)
        return tuple(item.text() for item in self.items())

    def pairs(self) -> list[tuple[Spot, Spot]]:
        """Return keys and values of a mapping as they are written."""
        if not isinstance(self.node, MappingNode):
            raise self.expected("a mapping")
        return [(self.below(key), self.below(value)) for key, value in self.node.value]

    def mapping(self, known: Collection[str]) -> dict[str, Spot]:
        """Return the values by key in snake case. A key that is not `known` or comes twice is a fault and left out."""
        found: dict[str, Spot] = {}
        spelled: dict[str, str] = {}
        for key, value in self.pairs():
            name = snake(key.text())
            if name not in known:
                what = f"unknown key {key.text()!r}"
                self.faults.found.append(key.wrong(what, hint=nearest(name, known), reason="unknown-key"))
            elif name not in found:
                found[name], spelled[name] = value, key.text()
            elif spelled[name] != key.text():  # else it is known already
                first = f"first, as {spelled[name]!r}, at {found[name].where}"
                self.faults.found.append(key.wrong(f"{key.text()!r} is given twice", hint=first))
        return found

    def json(self, *, depth: int = 0) -> Json:
        """Return the value as JSON; fractions become their text, because JSON of ours has no floats."""
        if depth > DEPTH_LIMIT:
            raise self.wrong("nested too deeply", hint="flatten it", reason="too-deep")
        if isinstance(self.node, SequenceNode):
            return [item.json(depth=depth + 1) for item in self.items()]
        if isinstance(self.node, MappingNode):
            return {key.text(): value.json(depth=depth + 1) for key, value in self.pairs()}
        value, kind = str(self.node.value), str(self.node.tag).rpartition(":")[2]
        if kind == "null":
            return None
        if kind == "bool":
            return value.lower() == "true"
        return int(value, 0) if kind == "int" else value


def snake(name: str) -> str:
    """Return a key in snake case: `max-turns` and `maxTurns` are `max_turns`."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).replace("-", "_").lower()


def nearest(name: str, known: Collection[str]) -> str:
    """Return the hint that names the nearest known word, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known)) or 'none'}"


def read_yaml(text: str, *, file: str, faults: Faults) -> Spot:
    """Read one YAML document; raise InputError with the place for anything that is none. What is wrong in it goes to `faults`."""
    if len(text) > SIZE_LIMIT:
        raise InputError(
            f"larger than {SIZE_LIMIT} characters", where=file, hint="an agent is one short file"
        )
    try:
        depth = 0
        for event in _yaml().parse(text):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > DEPTH_LIMIT:  # stops the scanner, whose work grows with the depth of what is open
                mark = event.start_mark
                place = f"{file}:{mark.line + 1}:{mark.column + 1}"
                raise InputError(f"nested deeper than {DEPTH_LIMIT} levels", where=place, hint="flatten it")
            if isinstance(event, AliasEvent):
                mark = event.start_mark
                raise InputError(
                    "aliases are not read",
                    where=f"{file}:{mark.line + 1}:{mark.column + 1}",
                    hint="write it out",
                )
        node = _yaml().compose(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        what, hint = f"not YAML: {exc.problem or exc.context}", advise(text, mark.line + 1 if mark else 1)
        raise InputError(what, where=where, hint=hint, reason="not-yaml") from exc
    except (YAMLError, RecursionError, ValueError) as exc:
        what, hint = f"not YAML: {type(exc).__name__} {exc}", "check the indent and the quotes"
        raise InputError(what, where=file, hint=hint, reason="not-yaml") from exc
    if node is None:
        raise InputError("empty", where=f"{file}:1:1", hint="write agent: into it", reason="empty-file")
    faults.found += (repeated(first, second, file) for first, second in find_repeated(node))
    return Spot(node, file, faults)


def _yaml() -> Any:
    reader = YAML(typ="rt", pure=True)
    reader.version = (1, 2)
    return reader
