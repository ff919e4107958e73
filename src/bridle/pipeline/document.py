"""YAML 1.2 text to a tree in which every node knows its line and column.

Rules
  1. Plain scalars follow the core schema, less its floats: null, true/false and integers; everything else
     (yes, off, 1:30, dates, 1.10) stays the text that was written. A node keeps that text beside its value.
  2. Refused: a key used twice in one mapping, keys that aren't scalars, tags other than `!!str`, merge keys,
     YAML versions other than 1.2, an alias to a node that holds it.
  3. Limits: `LARGEST_BYTES` of text, `DEEPEST` levels, `MOST_NODES` nodes. A node that is reached through an
     alias counts again with everything below it, so a small file can't stand for a huge one.
  4. Whatever is wrong is a PipelineError with line and column.

It does not know what any key means.
"""

from __future__ import annotations

import re
from typing import NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from bridle.core.canonical import LARGEST_INTEGER
from bridle.core.decoding import place_of
from bridle.core.yaml_text import advise
from bridle.pipeline.complaint import Complaint, PipelineError, Place
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence

LARGEST_BYTES = 1 << 20  # generous for text that people write; parsing is linear, at about 2 s per MiB
DEEPEST = 64
MOST_NODES = 200_000

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_HALVES = re.compile("[\ud800-\udfff]")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,16}")
_BASED = re.compile(r"0o[0-7]{1,17}|0x[0-9a-fA-F]{1,13}")


def read_documents(text: str | bytes, *, source: str) -> tuple[Node, ...]:
    """Return the root node of every document in `text`; `source` is the name used in complaints."""
    decoded = decode(text, source)
    composer = _Composer(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(decoded):
            composer.take(event)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise _not_yaml(decoded, Place(source, line + 1, column + 1), exc.problem or exc.context) from exc
    except (
        YAMLError,
        ValueError,
        OverflowError,
    ) as exc:  # escapes that name no character end as the latter two
        raise _not_yaml(decoded, composer.last, str(exc).splitlines()[0]) from exc
    return tuple(composer.roots)


class _Composer:
    """Builds the tree from parser events; an open collection is a frame on `_stack`, so depth costs no recursion."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0
        self.roots: list[Node] = []
        self.last = Place(source, 1, 1)

    def take(self, event: Event) -> None:
        """Advance by one event."""
        self.last = Place(self._source, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, NodeEvent):
            self._take_node(event)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        elif isinstance(event, DocumentStartEvent):
            self._anchors.clear()
            if event.version not in (None, (1, 2)):
                self._fail(
                    "only YAML 1.2 is read", reason="unsupported-yaml-version", hint="remove the %YAML line"
                )

    def _take_node(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent):
            node, size = self._follow(str(event.anchor))
            self._add_count(size)
            self._place_node(node)
            return
        self._add_count(1)
        self._check_tag(event)
        if isinstance(event, ScalarEvent):
            self._keep(_make_scalar(event, self.last), event.anchor, size=1)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            if len(self._stack) >= DEEPEST:
                self._fail(
                    f"nested deeper than {DEEPEST} levels", reason="too-deep", hint="flatten the document"
                )
            is_map = isinstance(event, MappingStartEvent)
            self._stack.append(_Frame(self.last, is_map, event.anchor, self._count))

    def _close(self) -> None:
        frame = self._stack.pop()
        node: Node
        if frame.is_map:
            keys = frame.keys
            node = Mapping(frame.place, tuple(zip(keys, frame.values, strict=True)))
        else:
            node = Sequence(frame.place, tuple(frame.values))
        self._keep(node, frame.anchor, size=self._count - frame.count_before + 1)

    def _keep(self, node: Node, anchor: str | None, *, size: int) -> None:
        if anchor:
            self._anchors[anchor] = (node, size)
        self._place_node(node)

    def _place_node(self, node: Node) -> None:
        if not self._stack:
            self.roots.append(node)
            return
        frame = self._stack[-1]
        if frame.is_map and len(frame.keys) == len(frame.values):
            frame.keys.append(self._check_key(node, frame.seen))
        else:
            frame.values.append(node)

    def _check_key(self, node: Node, seen: dict[str, Place]) -> Scalar:
        self.last = node.place
        if not isinstance(node, Scalar) or not node.text:
            self._fail(
                "a key must be a word", reason="bad-key", hint="quote this key, or the expression that it is"
            )
        if node.text == "<<" and not node.style:
            self._fail("merge keys are not YAML 1.2", reason="merge-key", hint="write the keys out")
        if node.text in seen:
            first = f"line {seen[node.text].line}"
            self._fail(
                f"{node.text!r} is already set in {first}", reason="duplicate-key", hint="remove one of them"
            )
        seen[node.text] = node.place
        return node

    def _check_tag(self, event: NodeEvent) -> None:
        tag = getattr(event, "ctag", None)
        if tag is not None and str(tag) not in ("tag:yaml.org,2002:str", "!"):
            hint = "quote the value when it starts with '!'"
            self._fail(f"the tag {str(tag)[:40]!r} is not read", reason="tag", hint=hint)

    def _follow(self, anchor: str) -> tuple[Node, int]:
        if any(frame.anchor == anchor for frame in self._stack) or anchor not in self._anchors:
            self._fail(f"*{anchor} has no finished node", reason="bad-alias", hint=f"set &{anchor} earlier")
        return self._anchors[anchor]

    def _add_count(self, size: int) -> None:
        self._count += size
        if self._count > MOST_NODES:
            self._fail(f"more than {MOST_NODES} nodes", reason="too-many-nodes", hint="split the file")

    def _fail(self, what: str, *, reason: str, hint: str) -> NoReturn:
        raise PipelineError([Complaint(self.last, what, reason, hint)])


class _Frame:
    __slots__ = ("anchor", "count_before", "is_map", "keys", "place", "seen", "values")

    def __init__(self, place: Place, is_map: bool, anchor: str | None, count_before: int) -> None:
        self.place = place
        self.is_map = is_map
        self.anchor = anchor
        self.count_before = count_before
        self.keys: list[Scalar] = []
        self.values: list[Node] = []
        self.seen: dict[str, Place] = {}


def _make_scalar(event: ScalarEvent, place: Place) -> Scalar:
    text = str(event.value)
    if _HALVES.search(text):
        raise PipelineError(
            [Complaint(place, "half a surrogate pair", "bad-text", "write the whole character")]
        )
    is_plain = not event.style and getattr(event, "ctag", None) is None
    return Scalar(place, text, _resolve(text) if is_plain else text, event.style or "")


def _resolve(text: str) -> None | bool | int | str:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _DECIMAL.fullmatch(text):
        number = int(text)
    elif _BASED.fullmatch(text):
        number = int(text, 0)
    else:
        return text
    return number if abs(number) <= LARGEST_INTEGER else text


def decode(text: str | bytes, source: str) -> str:
    """Return the text of a file; raise PipelineError for one that is too large or not UTF-8."""
    size_bytes = len(text)
    if size_bytes > LARGEST_BYTES:
        what = f"larger than {LARGEST_BYTES} bytes"
        raise PipelineError([Complaint(Place(source, 1, 1), what, "too-large", "split the file")])
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        complaint = Complaint(
            Place(source, *place_of(exc)), "not UTF-8", "not-utf-8", "save the file as UTF-8"
        )
        raise PipelineError([complaint]) from exc


def _not_yaml(text: str, place: Place, problem: str | None) -> PipelineError:
    what = f"not YAML: {problem or 'unreadable'}"
    return PipelineError([Complaint(place, what, "not-yaml", advise(text, place.line))])
