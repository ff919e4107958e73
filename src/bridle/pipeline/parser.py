"""Text to a syntax tree, for the two wrappers `${{ … }}` and `<+ … >`, which nest in each other.

Rules
  1. `parse_template` reads text with wrappers in it; text that is one whole wrapper keeps the type of its value.
     `parse_condition` reads an expression whose operators may stand outside the wrappers.
  2. Inside `<+ … >` a `>` closes the wrapper, unless it stands between blanks before an operand
     (`<+<+a> > 3>`), or between parentheses. A mistake here nearly always ends as an unclosed wrapper.
  3. Quoted text may hold wrappers; they are evaluated. `-` belongs to a name when letters follow: there is no minus.
  4. Functions, methods and the number of their arguments are checked here, against closed tables.
  5. At most `DEEPEST` levels and `MOST_TOKENS` tokens in one text. Every error has the offset of its cause.
  6. Text without a wrapper is itself, at no cost. A runtime input is the whole of its text, never a part of another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn

from bridle.pipeline.complaint import suggest
from bridle.pipeline.cursor import Cursor
from bridle.pipeline.functions import FUNCTIONS, METHODS, UNAVAILABLE, Table, find_function
from bridle.pipeline.lookup import MARKER
from bridle.pipeline.runtime_inputs import read_runtime_input
from bridle.pipeline.syntax import (
    STATUS_CALLS,
    STATUS_WORDS,
    Access,
    Asked,
    Call,
    Choice,
    Compare,
    Expression,
    Literal,
    Logical,
    Lookup,
    Not,
    Status,
    Template,
)

DEEPEST = 32

_OPENING = re.compile(r"\$\{\{|<\+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?![A-Za-z0-9_.])", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-+[A-Za-z0-9_]+)*", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9_]+(?:-+[A-Za-z0-9_]+)*", re.ASCII)
_OPERATOR = re.compile(r"==|!=|<=|>=|<(?!\+)|>")
_OPERAND_AHEAD = re.compile(r"[ \t\r\n]+(?:[A-Za-z0-9_\"'(-]|!(?!=)|<\+|\$\{\{)")
_PLAIN_ENDS = {"": re.compile(r"[$<]"), "'": re.compile(r"[$<'\\]"), '"': re.compile(r'[$<"\\]')}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_GETTERS = ("secrets", "secret", "exportedVariables", "exported_variables")
_CONSTANTS: dict[str, None | bool] = {"null": None, "true": True, "false": False}


def parse_template(text: str) -> Expression:
    """Return the tree of text with wrappers in it; raise ExpressionError."""
    if "<+" in text or "${{" in text:
        return _parse_wrapped(text)
    return Literal(text) if MARKER not in text else _Parser(text).parse_text()


@lru_cache(maxsize=512)
def _parse_wrapped(text: str) -> Expression:
    return _Parser(text).parse_text() if read_runtime_input(text) is None else Asked()


@lru_cache(maxsize=512)
def parse_condition(text: str) -> Expression:
    """Return the tree of a condition; raise ExpressionError."""
    return _Parser(text).parse_whole()


class _Parser(Cursor):
    """Recursive descent; `_closers` holds what closes each wrapper or bracket that is open here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._closers: list[str] = []

    def parse_text(self) -> Expression:
        return self._join(self._read_parts(quote=""))

    def parse_whole(self) -> Expression:
        tree = self._choice()
        self.skip()
        if self.at < len(self.text):
            self.fail(
                "something follows the expression",
                hint="join the parts with && or ||, or put blanks around >",
            )
        return tree

    def _read_parts(self, *, quote: str) -> list[Expression]:
        """Read text with wrappers up to the closing quote, or to the end when there is none."""
        parts: list[Expression] = []
        pending: list[str] = []
        start = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if quote and char == quote:
                break
            opening = _OPENING.match(self.text, self.at)
            if opening:
                self._flush(pending, parts)
                parts.append(self._wrapper(opening.group()))
            elif quote and char == "\\" and self.at + 1 < len(self.text):
                escaped = self.text[self.at + 1]
                pending.append(_ESCAPES.get(escaped, escaped))
                self.at += 2
            else:
                pending.append(self._read_plain(quote))
        if quote and self.at >= len(self.text):
            self.fail("the quote is never closed", at=start - 1, hint=f"close it with {quote}")
        self._flush(pending, parts)
        return parts

    def _read_plain(self, quote: str) -> str:
        """Read at least one character, up to whatever could mean something else."""
        match = _PLAIN_ENDS[quote].search(self.text, self.at + 1)
        end = match.start() if match else len(self.text)
        piece, self.at = self.text[self.at : end], end
        return piece

    def _flush(self, pending: list[str], parts: list[Expression]) -> None:
        text = "".join(pending)
        pending.clear()
        if MARKER in text:
            hint = "name a secret with <+secrets.NAME>"
            self.fail("text looks like a secret's placeholder", reason="forged-placeholder", hint=hint)
        if text:
            parts.append(Literal(text))

    def _join(self, parts: list[Expression]) -> Expression:
        if not parts:
            return Literal("")
        return parts[0] if len(parts) == 1 else Template(tuple(parts))

    def _wrapper(self, opening: str) -> Expression:
        start = self.at
        closer = "}}" if opening == "${{" else ">"
        self.at += len(opening)
        tree = self._enclosed(closer, start, f"{opening} is never closed", self._choice)
        if isinstance(tree, Lookup) and tree.path == ("input",):
            self._refuse_part(start)
        return tree

    def _refuse_part(self, start: int) -> NoReturn:
        hint = "make <+input> the whole value, or declare an input"
        self.fail(
            "a runtime input can't be a part of a text", at=start, reason="runtime-input-inside", hint=hint
        )

    def _enclosed(self, closer: str, start: int, what: str, read: Callable[[], Expression]) -> Expression:
        self._closers.append(closer)
        tree = read()
        self.skip()
        if not self.text.startswith(closer, self.at):
            rest = self.text[self.at : self.at + 12]
            wrong = f"{what}: {rest!r} is in the way" if rest else what
            self.fail(
                wrong, at=start, reason="unclosed", hint=f"close it with {closer!r}; quote the YAML value"
            )
        self.at += len(closer)
        self._closers.pop()
        return tree

    def _choice(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            self.fail(f"nested deeper than {DEEPEST} levels", reason="too-deep", hint="split the expression")
        test = self._logical("||", lambda: self._logical("&&", self._comparison))
        if self.take("?"):
            then = self._choice()
            if not self.take(":"):
                self.fail("':' is missing after '?'", hint="write test ? a : b")
            test = Choice(test, then, self._choice())
        self._depth -= 1
        return test

    def _logical(self, operator: str, read: Callable[[], Expression]) -> Expression:
        operands = [read()]
        while self.take(operator):
            operands.append(read())
        return operands[0] if len(operands) == 1 else Logical(operator, tuple(operands))

    def _comparison(self) -> Expression:
        left = self._unary()
        operator = self._take_operator()
        if not operator:
            return left
        compared = Compare(operator, left, self._unary())
        if self._take_operator():
            self.fail("comparisons don't chain", hint="join two comparisons with &&")
        return compared

    def _take_operator(self) -> str:
        before = self.at
        self.skip()
        match = _OPERATOR.match(self.text, self.at)
        if not match or (match.group()[0] == ">" and self._closes(match, before)):
            return ""
        self.count()
        self.at = match.end()
        return match.group()

    def _closes(self, match: re.Match[str], before: int) -> bool:
        """True when this `>` closes the wrapper that is open here (rule 2)."""
        if not self._closers or self._closers[-1] != ">":
            return False
        return before == match.start() or not _OPERAND_AHEAD.match(self.text, match.end())

    def _unary(self) -> Expression:
        count = 0
        while self._peek_not() and self.take("!"):
            count += 1
        tree = self._postfix()
        return tree if not count else Not(tree) if count % 2 else Not(Not(tree))

    def _peek_not(self) -> bool:
        self.skip()
        return not self.text.startswith("!=", self.at)

    def _postfix(self) -> Expression:
        self.skip()
        start = self.at
        tree = self._primary()
        if self.text[start] in "$<" and self.text.startswith((".", "["), self.at):
            tree = Access(tree, (), start)  # a path that follows a wrapper continues from its value
        length = 0
        while self.text.startswith((".", "["), self.at):
            length += 1
            if length > DEEPEST:
                self.fail("the path is too long", reason="too-deep", hint="use a shorter path")
            if self.text[self.at] == "[":
                start = self.at
                self.at += 1
                tree = _extend(tree, self._enclosed("]", start, "[ is never closed", self._choice), start)
            else:
                tree = self._member(tree)
        return tree

    def _member(self, tree: Expression) -> Expression:
        self.at += 1
        start = self.at
        opening = _OPENING.match(self.text, start)
        if opening:
            return _extend(tree, self._wrapper(opening.group()), start)
        name = self.match(_SEGMENT)
        if not name:
            self.fail("a name is missing after '.'", hint="write a name after the dot, or remove it")
        if self.text.startswith("(", self.at):
            return self._method(tree, name, start)
        return _extend(tree, name, start)

    def _method(self, target: Expression, name: str, start: int) -> Expression:
        arguments = self._arguments()
        root = target.path[0] if isinstance(target, Lookup) and len(target.path) == 1 else None
        if isinstance(target, Lookup) and root == "input":
            self._refuse_part(target.offset)
        if isinstance(target, Lookup) and root in _GETTERS and name in ("getValue", "get_value"):
            return self._get_value(str(root), target.offset, arguments)
        if root in ("connectorInputs", "connector_inputs"):
            name = self._check_call(f"connectorInputs.{name}", FUNCTIONS, count=len(arguments), at=start)
            return Call(name, None, arguments)
        name = self._check_call(name, METHODS, count=len(arguments) + 1, at=start)
        return Call(name, target, arguments)

    def _get_value(self, root: str, offset: int, arguments: tuple[Expression, ...]) -> Expression:
        """Return the lookup that `secrets.getValue("x")` and `exportedVariables.getValue("pipeline.x.y")` stand for."""
        name = arguments[0] if len(arguments) == 1 else None
        what = "a secret" if root.startswith("secret") else "an exported variable"
        if not isinstance(name, Literal) or not isinstance(name.value, str):
            self.fail(f"the name of {what} must be written out", at=offset, hint="quote one name")
        if root.startswith("secret"):
            return Lookup(("secrets", name.value), offset)
        return Lookup(("exported_variables", *name.value.split(".")[:DEEPEST]), offset)

    def _primary(self) -> Expression:
        self.skip()
        self.count()
        start = self.at
        opening = _OPENING.match(self.text, start)
        if opening:
            return self._wrapper(opening.group())
        char = self.text[start : start + 1]
        if char in ("'", '"') and char:
            self.at += 1
            parts = self._read_parts(quote=char)
            self.at += 1
            return self._join(parts)
        if char == "(":
            self.at += 1
            return self._enclosed(")", start, "( is never closed", self._choice)
        number = self.match(_NUMBER)
        if number:
            return Literal(int(number) if "." not in number and len(number) < 16 else number)
        return self._named(start)

    def _named(self, start: int) -> Expression:
        name = self.match(_NAME)
        if not name:
            rest = self.text[start : start + 12]
            hint = "write a path, a number, quoted text or a function here"
            self.fail(f"a value is missing before {rest!r}" if rest else "a value is missing", hint=hint)
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        if self.text.startswith("(", self.at):
            arguments = self._arguments()
            if name in STATUS_CALLS and not arguments:
                return Status(name, start)
            name = self._check_call(name, FUNCTIONS, count=len(arguments), at=start)
            return Call(name, None, arguments)
        return Status(name, start) if name in STATUS_WORDS else Lookup((name,), start)

    def _arguments(self) -> tuple[Expression, ...]:
        start = self.at
        self.at += 1
        self._closers.append(")")
        found: list[Expression] = []
        while not self.take(")"):
            if found and not self.take(","):
                self.fail(
                    "( is never closed", at=start, reason="unclosed", hint="close it, or separate by commas"
                )
            found.append(self._choice())
        self._closers.pop()
        return tuple(found)

    def _check_call(self, name: str, table: Table, *, count: int, at: int) -> str:
        name, function = find_function(name, table)
        if name in UNAVAILABLE:
            hint = "compute it in a step, and read the step's output"
            self.fail(
                f"{name}() reads files, and no expression does",
                at=at,
                reason=f"no-function:{name}",
                hint=hint,
            )
        if function is None:
            hint = suggest(name, table, otherwise=f"known: {', '.join(sorted(table))}")
            self.fail(f"{name}() is not known", at=at, reason="unknown-function", hint=hint)
        if not function.least <= count <= function.most:
            wanted = function.least if table is FUNCTIONS else function.least - 1
            self.fail(f"{name}() has the wrong number of arguments", at=at, hint=f"pass {wanted}")
        return name


def _extend(tree: Expression, segment: str | Expression, offset: int) -> Expression:
    if (
        isinstance(segment, Literal)
        and isinstance(segment.value, (str, int))
        and not isinstance(segment.value, bool)
    ):
        segment = str(segment.value)
    if isinstance(tree, Lookup):
        return Lookup((*tree.path, segment), tree.offset)
    if isinstance(tree, Access):
        return Access(tree.target, (*tree.path, segment), tree.offset)
    return Access(tree, (segment,), offset)
