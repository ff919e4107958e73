"""The syntax tree of an expression. It holds what was written; nothing here looks anything up.

Two trees are equal that say the same, wherever they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

STATUS_WORDS = ("Always", "OnPipelineSuccess", "OnPipelineFailure", "OnStageSuccess", "OnStageFailure")
STATUS_CALLS = ("always", "success", "failure")


@dataclass(frozen=True, slots=True)
class Literal:
    """null, true, false, an integer, or text; a number with a fraction stays text."""

    value: None | bool | int | str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A path from the root of the context; a segment is a name, or an expression that gives one."""

    path: tuple[str | Expression, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Access:
    """A path below the value of another expression."""

    target: Expression
    path: tuple[str | Expression, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or a method when `target` is there."""

    name: str
    target: Expression | None
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class Logical:
    """`&&` or `||` over two or more operands."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """One of == != < <= > >=; comparisons don't chain."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? then : other`."""

    test: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Template:
    """Text with expressions in it, in order."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """A status word such as `OnStageSuccess`, or the name of a status call such as `success`."""

    word: str
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A runtime input: the whole of a text such as `<+input>.default('x')`; `runtime_inputs` reads what it says."""

    offset: int = field(default=0, compare=False)


Expression: TypeAlias = (
    Literal | Lookup | Access | Call | Not | Logical | Compare | Choice | Template | Status | Asked
)


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield `expression` and everything below it, in the order it was written."""
    yield expression
    for child in _list_children(expression):
        yield from walk(child)


def _list_children(node: Expression) -> tuple[Expression, ...]:
    if isinstance(node, Lookup):
        return tuple(segment for segment in node.path if not isinstance(segment, str))
    if isinstance(node, Access):
        return (node.target, *(segment for segment in node.path if not isinstance(segment, str)))
    if isinstance(node, Call):
        return node.arguments if node.target is None else (node.target, *node.arguments)
    if isinstance(node, Template):
        return node.parts
    return _list_operands(node)


def _list_operands(node: Expression) -> tuple[Expression, ...]:
    if isinstance(node, Not):
        return (node.operand,)
    if isinstance(node, Logical):
        return node.operands
    if isinstance(node, Compare):
        return (node.left, node.right)
    return (node.test, node.then, node.other) if isinstance(node, Choice) else ()
