"""Evaluation of a syntax tree over a context: plain nested data in, plain data out, nothing executed.

Rules
  1. null stands for what is not known. A comparison with null, `!`, `&&` and `||` give null when the answer
     depends on it; only a literal `null` may be compared with (`x != null`). A condition wants true, so what
     is not known never lets anything pass.
  2. Beside a path that ends in `status`, the dialect's words for states are translated before they are compared.
  3. `&&`, `||` and `!` take true and false (or these words as text); anything else is an error, not a guess.
  4. Values that come out of the context are never read as expressions again.
  5. A secret is a placeholder, and so is a secret output. It can be passed on or set into text; comparing it or calling a
     function with it is refused, but for `output != null`; and a path that is made from data can't reach one.
  6. The same expression over the same context gives the same value. One evaluation looks at no more than `MOST_WORK`
     characters and makes no text longer than `LARGEST_RESULT`; what would exceed that is an error.
  7. A runtime input has no value here: it was given one before the run, or the run was never started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bridle.core.canonical import Json
from bridle.pipeline.functions import FUNCTIONS, LARGEST_RESULT, METHODS, ExpressionError, call
from bridle.pipeline.lookup import (
    MARKER,
    VETTED,
    Missing,
    SecretPlaceholder,
    canonical_path,
    find,
    is_secret_name,
)
from bridle.pipeline.statuses import translate_status
from bridle.pipeline.syntax import (
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
from bridle.pipeline.values import compare, decide, measure, refuse_secret, to_text

MOST_WORK = 32 * LARGEST_RESULT


@dataclass
class Evaluation:
    """One evaluation: the context, what the status words are worth (conditions only), and what was not found."""

    context: Mapping[str, Json]
    statuses: Mapping[str, bool] = field(default_factory=dict)
    unresolved: dict[str, None] = field(default_factory=dict)
    work: int = 0

    def run(self, node: Expression) -> Json:
        """Return the value of `node`."""
        return _EVALUATORS[type(node)](self, node)

    def literal(self, node: Literal) -> Json:
        return node.value

    def status(self, node: Status) -> Json:
        if node.word not in self.statuses:
            hint = "use it in an `if`, where it belongs"
            raise ExpressionError(f"{node.word} has no value here", offset=node.offset, hint=hint)
        return self.statuses[node.word]

    def lookup(self, node: Lookup) -> Json:
        path = tuple(self._name(segment, node.offset) for segment in node.path)
        is_fixed = all(isinstance(segment, str) for segment in node.path)
        return self._find(path, node.offset, may_be_secret=is_fixed)

    def access(self, node: Access) -> Json:
        target = self.run(node.target)
        path = tuple(self._name(segment, node.offset) for segment in node.path)
        if not path or target is None:
            return target
        if isinstance(target, str):
            refuse_secret(target)
            return self._find((*target.split("."), *path), node.offset, may_be_secret=False)
        return self._note_missing(find(target, path), "….".join(("", *path)))

    def call(self, node: Call) -> Json:
        operands = node.arguments if node.target is None else (node.target, *node.arguments)
        arguments = [self.run(operand) for operand in operands]
        for argument in arguments:
            refuse_secret(argument)
        table = FUNCTIONS if node.target is None else METHODS
        value = call(node.name, table[node.name], arguments=arguments)
        self._weigh(value)
        return value

    def negate(self, node: Not) -> Json:
        value = decide(self.run(node.operand))
        return None if value is None else not value

    def combine(self, node: Logical) -> Json:
        deciding = node.operator == "||"
        is_open = False
        for operand in node.operands:
            value = decide(self.run(operand))
            if value is deciding:
                return deciding
            is_open = is_open or value is None
        return None if is_open else not deciding

    def compare(self, node: Compare) -> Json:
        left, right = self.run(node.left), self.run(node.right)
        for_null = _is_null(node.left) or _is_null(node.right)
        for value in (left, right):
            refuse_secret(value, outputs=not for_null)  # whether a step wrote one is no secret
        if for_null:
            return _compare_null(node.operator, left is None and right is None)
        if left is None or right is None:
            return None
        if _ends_in_status(node.left) or _ends_in_status(node.right):
            left, right = _translate(left), _translate(right)
        return compare(node.operator, left, right)

    def choose(self, node: Choice) -> Json:
        return self.run(node.then if decide(self.run(node.test)) is True else node.other)

    def join(self, node: Template) -> Json:
        pieces: list[str] = []
        size = 0
        for part in node.parts:
            pieces.append(to_text(self.run(part)))
            size += len(pieces[-1])
            if size > LARGEST_RESULT:
                hint = "pass large values through a workspace file"
                raise ExpressionError("the text is too large", reason="result-too-large", hint=hint)
        self._charge(size)
        joined = "".join(pieces)
        if any(
            isinstance(part, Literal) and MARKER in str(part.value) for part in node.parts
        ) or joined.count(MARKER) > sum(piece.count(MARKER) for piece in pieces):
            hint = "write <+secrets.NAME>, with the name written out"
            what = "the placeholder of a secret can't be put together"
            raise ExpressionError(what, reason="forged-placeholder", hint=hint)
        return joined

    def ask(self, node: Asked) -> Json:
        hint = "give it when the execution is started"
        raise ExpressionError(
            "this runtime input was given no value",
            offset=node.offset,
            reason="missing-runtime-input",
            hint=hint,
        )

    def _weigh(self, value: Json) -> bool:
        """Charge for looking at `value`; True when it holds what looks like a secret's placeholder."""
        size, is_marked = measure(value, most=MOST_WORK)
        self._charge(size)
        return is_marked

    def _charge(self, size: int) -> None:
        self.work += size
        if self.work > MOST_WORK:
            hint = "look at smaller values, or do the work in a step"
            raise ExpressionError("the expression takes too much work", reason="too-much-work", hint=hint)

    def _find(self, path: tuple[str, ...], offset: int, *, may_be_secret: bool) -> Json:
        path = canonical_path(path)
        if path[0] == "secrets":
            return _make_placeholder(path, offset, is_fixed=may_be_secret)
        value = self._note_missing(find(self.context, path), ".".join(path))
        if self._weigh(value) and path[0] not in VETTED:
            hint = (
                "something wrote text that looks like the placeholder of a secret: look at the step's output"
            )
            what = f"{'.'.join(path)} holds a forged placeholder"
            raise ExpressionError(what, offset=offset, reason="forged-placeholder", hint=hint)
        return value

    def _note_missing(self, value: Json | Missing, name: str) -> Json:
        if isinstance(value, Missing):
            self.unresolved[name] = None
            return None
        return value

    def _name(self, segment: str | Expression, offset: int) -> str:
        if isinstance(segment, str):
            return segment
        value = self.run(segment)
        if isinstance(value, bool) or not isinstance(value, (str, int)) or MARKER in str(value):
            raise ExpressionError(
                "a path needs a name here", offset=offset, hint="use text or a number as the name"
            )
        return str(value)


_EVALUATORS: dict[type, Callable[..., Json]] = {
    Literal: Evaluation.literal,
    Status: Evaluation.status,
    Lookup: Evaluation.lookup,
    Access: Evaluation.access,
    Call: Evaluation.call,
    Not: Evaluation.negate,
    Logical: Evaluation.combine,
    Compare: Evaluation.compare,
    Choice: Evaluation.choose,
    Template: Evaluation.join,
    Asked: Evaluation.ask,
}


def _make_placeholder(path: tuple[str, ...], offset: int, *, is_fixed: bool) -> SecretPlaceholder:
    name = ".".join(path[1:])
    if not is_fixed or not is_secret_name(name):
        hint = "write <+secrets.NAME>: letters, digits and _ . -, nothing evaluated"
        raise ExpressionError("the name of a secret must be written out", offset=offset, hint=hint)
    return SecretPlaceholder.name(name)


def _is_null(node: Expression) -> bool:
    return isinstance(node, Literal) and node.value is None


def _compare_null(sign: str, both: bool) -> bool | None:
    return both if sign == "==" else not both if sign == "!=" else None


def _ends_in_status(node: Expression) -> bool:
    return isinstance(node, Lookup) and node.path[-1] in ("status", "currentStatus")


def _translate(value: Json) -> Json:
    return translate_status(value) if isinstance(value, str) else value
