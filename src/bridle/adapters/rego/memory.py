"""What a policy set has answered, by what of the facts it reads.

Rules
  1. A set can be asked only about the facts that its modules name (`reads`): of a document those alone are the question. What is
     named up to a variable is part of it whole.
  2. The question's bytes are what the worker is sent and what its answer is kept under. No rule can see anything else, and none
     can look at a clock, roll dice or read the world (`lint`): the same bytes have the same answer.
  3. An answer alone is kept, never a failure, and no more than MOST of them, about questions of at most LONGEST bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bridle.adapters.rego.reads import ANY_INDEX
from bridle.core.canonical import Json
from bridle.trust.policy import PolicyAnswer

MOST = 1000
LONGEST = 1 << 14

Tree = dict[str, "Tree | None"]
"""Names below a place, and what is read below each: None for all of it."""


class Memory:
    """The answers of one set. `paths` are those that its modules name below `input`."""

    def __init__(self, paths: Iterable[Sequence[str]]) -> None:
        self._reads: Tree | None = {}
        for path in paths:
            self._reads = _add(self._reads, path)
        self._answers: dict[bytes, PolicyAnswer] = {}

    def part(self, document: Json) -> Json:
        """Return what of a document the set reads."""
        return _part(document, self._reads)

    def find(self, question: bytes) -> PolicyAnswer | None:
        """Return the answer to the question, if it was given before."""
        return self._answers.get(question)

    def keep(self, question: bytes, answer: PolicyAnswer) -> None:
        """Remember an answer."""
        if len(question) > LONGEST:
            return
        if len(self._answers) >= MOST:
            self._answers.clear()
        self._answers[question] = answer


def _add(tree: Tree | None, path: Sequence[str]) -> Tree | None:
    if tree is None or not path or path[0] == ANY_INDEX:
        return None
    return {**tree, path[0]: _add(tree.get(path[0], {}), path[1:])}


def _part(value: Json, reads: Tree | None) -> Json:
    if reads is None or not isinstance(value, Mapping):
        return value
    return {name: _part(value[name], below) for name, below in reads.items() if name in value}
