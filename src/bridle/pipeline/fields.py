"""Typed access to the keys of one noun, with a complaint for whatever is not as its table says.

Rules
  1. Only keys marked *core* reach the reader; the others have become a complaint or a note before.
  2. A value of the wrong shape is a complaint and reads as absent: the reader goes on, to find the other faults.
  3. Where text is asked for, a number is taken as it was written: `1.10` stays `1.10`.
  4. A single value stands for a list of one where a list is asked for.
  5. A key that is misspelt is not missing as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar

from bridle.core.canonical import Json
from bridle.pipeline.complaint import Findings, Place, find_nearest, suggest
from bridle.pipeline.durations import LONGEST_S, parse_duration
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence, to_json
from bridle.pipeline.vocabulary import Mark, Noun, spell

_T = TypeVar("_T")
_SHAPES: dict[type, str] = {Mapping: "a mapping", Sequence: "a list", Scalar: "a single value"}
_FLAGS: dict[Json, bool] = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True)
class Fields:
    """The core keys of one mapping, by their kebab-case name. `meant` are those that misspelt ones are near to."""

    noun: Noun
    place: Place
    nodes: dict[str, Node]
    findings: Findings
    meant: set[str] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """True when the key is there and not null."""
        return self.get(key) is not None

    def get(self, key: str) -> Node | None:
        """Return the node under `key`; None when it is absent or null."""
        node = self.nodes.get(key)
        return None if isinstance(node, Scalar) and node.value is None else node

    def text(self, key: str, default: str = "") -> str:
        """Return a scalar as it was written."""
        node = self.get(key)
        if node is None:
            return default
        return node.text if isinstance(node, Scalar) else self._wrong(key, node, "text", default)

    def required_text(self, key: str) -> str:
        """Return a scalar as it was written; its absence is a complaint."""
        node = self.get(key)
        if node is None or (isinstance(node, Scalar) and not node.text):
            self.refuse(f"{self.noun.name} needs {key!r}", reason=f"missing-key:{key}", hint=f"add {key!r}")
        return self.text(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        node = self.get(key)
        if node is None:
            return default
        value = node.value if isinstance(node, Scalar) else None
        found = _FLAGS.get(value) if isinstance(value, (bool, str)) else None
        return self._wrong(key, node, "true or false", default) if found is None else found

    def count(self, key: str, *, default: int) -> int:
        """Return an integer of at least 1."""
        node = self.get(key)
        if node is None:
            return default
        text = node.text if isinstance(node, Scalar) else ""
        is_count = text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0
        return int(text) if is_count else self._wrong(key, node, "a number of at least 1", default)

    def duration_s(self, key: str, *, default: int | None = None) -> int | None:
        """Return a duration in seconds, written as `1h30m` or as a number of seconds."""
        node = self.get(key)
        if node is None:
            return default
        seconds = parse_duration(node.text) if isinstance(node, Scalar) else None
        if seconds is None:
            told = f"{node.text[:80]!r}" if isinstance(node, Scalar) else _SHAPES[type(node)]
            hint = f"write 30s, 10m, 1h30m, 1d or 2w: at least 1s, at most {LONGEST_S // 604_800}w"
            what = f"{key!r} is how long, and {told} is no duration"
            self.refuse(what, reason="bad-duration", hint=hint, at=node.place)
        return seconds

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; a single one is a list of one."""
        node = self.get(key)
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else (node,)
        found = tuple(item.text for item in items if isinstance(item, Scalar))
        return found if len(found) == len(items) else self._wrong(key, node, "text or a list of texts", ())

    def items(self, key: str) -> tuple[Node, ...]:
        """Return the nodes of a list; a mapping or a single value is a list of one."""
        node = self.get(key)
        if node is None:
            return ()
        return node.items if isinstance(node, Sequence) else (node,)

    def entries(self, key: str) -> tuple[tuple[Scalar, Node], ...]:
        """Return the entries of a mapping whose keys are the author's own."""
        node = self.get(key)
        if node is None:
            return ()
        return node.entries if isinstance(node, Mapping) else self._wrong(key, node, "a mapping", ())

    def values(self, key: str) -> dict[str, Json]:
        """Return a mapping whose keys are the author's own, as plain values."""
        return {name.text: to_json(node) for name, node in self.entries(key)}

    def variables(self, key: str) -> dict[str, str]:
        """Return a mapping of names to texts, as for an environment."""
        found = {}
        for name, node in self.entries(key):
            if isinstance(node, Scalar):
                found[name.text] = node.text if node.value is not None else ""
            else:
                self._wrong(f"{key}.{name.text}", node, "text", "")
        return found

    def refuse(self, what: str, *, reason: str, hint: str, at: Place | None = None) -> None:
        """Record a complaint at `at`, or at the mapping itself."""
        kind, _, key = reason.partition(":")
        if kind == "missing-key" and key in self.meant:
            return
        self.findings.refuse(at or self.place, what, reason=reason, hint=hint)

    def _wrong(self, key: str, node: Node, wanted: str, default: _T) -> _T:
        shape = _SHAPES[type(node)]
        what = f"{key!r} of {self.noun.name} must be {wanted}, not {shape}"
        self.refuse(what, reason="wrong-shape", hint=f"write {wanted}", at=node.place)
        return default


def open_fields(node: Node, noun: Noun, *, findings: Findings) -> Fields | None:
    """Sort the keys of `node` by the tables of `noun`; None, with a complaint, when it is no mapping."""
    if not isinstance(node, Mapping):
        findings.refuse(
            node.place,
            f"{noun.name} must be a mapping, not {_SHAPES[type(node)]}",
            reason="wrong-shape",
            hint=f"write keys such as {', '.join(list(noun.marks)[:4])}",
        )
        return None
    fields = Fields(noun, node.place, {}, findings)
    seen: dict[str, Scalar] = {}
    for key, value in node.entries:
        name = _name_key(key, noun)
        if name in seen:
            what = f"{key.text!r} and {seen[name].text!r} are the same key"
            findings.refuse(key.place, what, reason="duplicate-key", hint="keep one of them")
            continue
        seen[name] = key
        if _judge(key, name, fields):
            fields.nodes[name] = value
    return fields


def _name_key(key: Scalar, noun: Noun) -> str:
    word = spell(key.text)
    return noun.aliases.get(word, word)


def _judge(key: Scalar, name: str, fields: Fields) -> bool:
    """True when the reader of the noun is to see the key."""
    noun, findings = fields.noun, fields.findings
    mark: Mark | Literal["unknown"] = noun.marks.get(name, "unknown")
    if mark == Mark.NOTED:
        findings.note(key.place, f"{name!r} of {noun.name} is read and has no effect")
    elif mark == Mark.LATER:
        findings.refuse_later(key.place, name)
    elif mark == Mark.REFUSED:
        what = f"{name!r} of {noun.name} is not supported"
        findings.refuse(key.place, what, reason=noun.reasons[name], hint=f"remove {name!r}")
    elif mark == "unknown":
        known = [word for word, kind in noun.marks.items() if kind != Mark.REFUSED]
        hint = suggest(name, known, otherwise=f"known keys: {', '.join(known[:12])}")
        if name in noun.beside:
            hint = f"write {key.text}: beside {noun.name}:, not below it"
        else:
            fields.meant.add(find_nearest(name, known))
        findings.refuse(key.place, f"{noun.name} has no key {key.text!r}", reason="unknown-key", hint=hint)
    return mark == Mark.CORE


def refuse_foreign(fields: Fields, uses: str, *, at: Place | None = None) -> None:
    """Complain about an action of a forge; say what does the same where that is known."""
    name = uses.partition("@")[0]
    instead = "its commands as run:, or a template as uses: publisher.name@1.0.0 below template:"
    hint = f"write {'clone:' if name.endswith('/checkout') else instead}"
    fields.refuse(
        f"{uses!r} is an action of a forge, and those are not run", reason="foreign-action", hint=hint, at=at
    )
