"""Origins: where each value of a call comes from, judged as if the model obeyed an attacker completely.

Rules
  1. Judged are the control arguments that the manifest declares, each of their values, and what free text holds that counts as
     an argument (`mentions.find_embedded`). A call whose manifest declares none is judged on all: texts, numbers, true and false.
     What is left out or null is not judged; a control argument that holds nothing (`[]`) is vouched for by nobody, and so is one
     thing that it names twice.
  2. A value is vouched for by a source that has it as a value of the same type (`values`): the person's request, an input, a
     register, a record. The manifest vouches for a constant and for a default: leaving it out would do the same. True and false
     are vouched for by an input of that name. Text vouches for nothing, whatever it says and however often.
  3. An amount that is left out while the person named one is judged too, as unvouched. So is what names the object of a call
     (an id, an address, an account, a url, a name) where all of those that the manifest declares are left out and none has a
     default: what the server takes in their place is nobody's word.
  4. Which tool is called is a choice as well: one whose manifest names purposes is for no task of another, and one whose owner
     has said nothing of it is for none.
  5. What a call of the task may have written without a trusted origin vouches for nothing when a register or a record gives it
     back.

Which of several sources speaks for a value is `vouching`. What is unvouched is the policy's to ask about
(policies/base/origins.rego). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from bridle.core.canonical import Json, as_mapping, canonical, digest
from bridle.gate.manifest import Effect, Manifest
from bridle.gate.origins.mentions import LONGEST_TEXT, find_embedded, fold
from bridle.gate.origins.sources import (
    Reach,
    Source,
    leaves,
    read_inputs,
    read_request,
    read_result,
    read_text,
)
from bridle.gate.origins.values import NAMING, ValueType, infer_types, normal_form, traces
from bridle.gate.origins.vouching import Background, Call, Value, find_sources, object_to

MOST_VALUES = 500  # of a call; one that has more is judged unvouched as a whole
MOST_PAIRS = (
    300_000  # of a value and a source: so many are compared in a second, and nobody waits longer for one call
)
MOST_STEPS = 3_000_000  # of comparing where the request names the values with what it names besides
MOST_TRACES = 1_000_000  # of a value and a text that it may stand in: more are not looked through to tell people where it stands
LONGEST_SHOWN = 200
ANYTHING = "*"  # what a call wrote that holds more than is looked through


class OriginKind(StrEnum):
    """What a value comes from. Of the last three nobody vouches for it."""

    REQUEST = "request"
    INPUT = "input"
    MANIFEST = "manifest"
    REGISTER = "register"
    RECORD = "record"
    CHOICE = "choice"
    TEXT = "text"
    NONE = "none"


VOUCHED = frozenset(
    {OriginKind.REQUEST, OriginKind.INPUT, OriginKind.MANIFEST, OriginKind.REGISTER, OriginKind.RECORD}
)


@dataclass(frozen=True)
class Origin:
    """Where one value of a call comes from. `note` says to people why it is not vouched for."""

    argument: str
    value: str
    type: str
    kind: OriginKind
    where: str = ""
    note: str = ""
    form: str = ""

    @property
    def vouched(self) -> bool:
        return self.kind in VOUCHED

    def to_json(self) -> dict[str, Json]:
        return {
            "argument": self.argument,
            "value": self.value,
            "type": self.type,
            "kind": str(self.kind),
            "where": self.where,
            "note": self.note,
        }


def begin(text: str, inputs: Json, *, purpose: str) -> Background:
    """Return the background of a task before its first call: the person's words and inputs, and what it is for."""
    request = read_request(text)
    return Background(request, (*request.sources, *read_inputs(inputs)), purpose)


def take_result(
    background: Background,
    manifest: Manifest,
    arguments: Mapping[str, Json],
    value: Json,
    *,
    beside: Json = None,
) -> Background:
    """Return the background once a call has returned `value`, which its manifest speaks of; `beside` is what else it said."""
    result = f"{manifest.tool} {digest(arguments)}"
    read = read_result(value, manifest, result=result, reach=_reach(arguments, manifest, background))
    found = (one for one in read if not is_written(one, background.written))
    kept = (one for one in background.sources if one.result != result)
    texts = (*background.texts, *read_text(value, manifest), *read_text(beside, manifest))
    return replace(background, sources=(*kept, *found), texts=texts)


def take_write(background: Background, manifest: Manifest, arguments: Mapping[str, Json]) -> Background:
    """Return the background once a call may have been carried out: what it wrote with no trusted origin is no register's word
    when it is read back."""
    if manifest.effect is Effect.READ:
        return background
    given = [leaf for _, leaf in leaves(arguments)]
    if sum(len(str(leaf)) for leaf in given) > LONGEST_TEXT:
        return replace(background, written=background.written | {ANYTHING})
    named = [one.form for one in judge(arguments, manifest, background) if one.vouched]
    vouched = {trace for form in named for kind in ValueType for trace in traces(form, kind)}
    shown = {*given, *(fold(leaf) for leaf in given if isinstance(leaf, str))}
    parts = {part for leaf in shown for part in (leaf, *_words(leaf))}
    forms = {trace for part in parts for kind in ValueType for trace in traces(normal_form(part, kind), kind)}
    return replace(background, written=background.written | (forms - vouched))


def is_written(source: Source, written: frozenset[str]) -> bool:
    """True when what a field gives was written by calls that hold `written`, however a system spells it."""
    return bool(written & {*traces(source.value, source.type), ANYTHING})


def leave_out(background: Background, written: frozenset[str]) -> Background:
    """Return the background without what registers and records give of values that others have written."""
    if not written:
        return background
    kept = (one for one in background.sources if one.is_own_word or not is_written(one, written))
    return replace(background, sources=tuple(kept))


def judge(arguments: Mapping[str, Json], manifest: Manifest, background: Background) -> list[Origin]:
    """Return the origin of every judged value of a call."""
    values = list(islice(_judged(arguments, manifest), MOST_VALUES + 1))
    if len(values) > MOST_VALUES:
        note = f"more than {MOST_VALUES} values are more than anybody can judge"
        return [Origin("", "", "", OriginKind.NONE, note=note)]
    call, known = Call(tuple(values), background), len(background.sources)
    if len(values) * known > MOST_PAIRS or call.named_times * max(call.named_times, known) > MOST_STEPS:
        note = f"{len(values)} values and {known} that they may come from are more than can be compared"
        return [Origin("", "", "", OriginKind.NONE, note=note)]
    origins = list(_once_each([_judge(value, manifest, call) for value in values]))
    unsaid = _left_out(arguments, manifest, call) + _unnamed(arguments, manifest)
    return _tool(manifest, background) + origins + unsaid


def _once_each(origins: Sequence[Origin]) -> Iterator[Origin]:
    """Yield the origins, without a source for a thing that the same argument has named before: one wish is not two."""
    named: set[tuple[str, str]] = set()
    for one in origins:
        this = (_top(one.argument), one.form)
        again = one.vouched and this in named and one.type in NAMING
        yield replace(one, kind=OriginKind.NONE, note="it stands there twice") if again else one
        if one.vouched:
            named.add(this)


def _reach(arguments: Mapping[str, Json], manifest: Manifest, background: Background) -> Reach:
    origins = judge(arguments, manifest, background)
    named = frozenset(one.form for one in origins if one.form and one.kind is not OriginKind.MANIFEST)
    whole = True
    if manifest.effect is Effect.READ and manifest.control:
        rest = judge(arguments, replace(manifest, control={}), background)
        whole = all(one.vouched for one in rest if _top(one.argument) not in manifest.control)
    return Reach(all(one.vouched for one in origins), whole, named)


def _tool(manifest: Manifest, background: Background) -> list[Origin]:
    if not manifest.declared:
        note = "nobody has said what it does"
        return [Origin("", manifest.tool, "tool", OriginKind.NONE, note=note)]
    if not manifest.purposes or background.purpose in manifest.purposes:
        return []
    note = f"it is for {', '.join(sorted(manifest.purposes))}, and the task for {background.purpose or 'nothing'}"
    return [Origin("", manifest.tool, "tool", OriginKind.NONE, note=note)]


def _judged(arguments: Mapping[str, Json], manifest: Manifest) -> Iterator[Value]:
    for name, argument in arguments.items():
        if name == manifest.key:
            continue
        declared = manifest.control.get(name)
        if declared and isinstance(argument, (Mapping, list, tuple)) and not any(leaves(argument)):
            yield Value(name, canonical(argument).decode(), (ValueType(declared),))
        for path, leaf in leaves({name: argument}):
            if declared:
                yield from _split(path, leaf, ValueType(declared))
            elif not manifest.control:
                yield Value(path, leaf, infer_types(leaf))
            elif isinstance(leaf, str):
                yield from (Value(path, found.text, found.types) for found in find_embedded(leaf))


def _split(path: str, leaf: Json, kind: ValueType) -> Iterator[Value]:
    """Several addresses in one text are several values."""
    parts: Sequence[Json] = [leaf]
    if kind is ValueType.ADDRESS and isinstance(leaf, str) and leaf.count("@") > 1:
        parts = leaf.replace(";", ",").split(",")
    for part in parts:
        yield Value(path, part.strip() if isinstance(part, str) and len(parts) > 1 else part, (kind,))


def _judge(value: Value, manifest: Manifest, call: Call) -> Origin:
    shown = str(value.raw)[:LONGEST_SHOWN]
    unvouched = Origin(value.path, shown, str(value.types[0]) if value.types else "", OriginKind.NONE)
    if _is_stated(value, manifest):
        return replace(unvouched, kind=OriginKind.MANIFEST, where=manifest.tool)
    objected: Origin | None = None
    for source in find_sources(value, call.background):
        note = object_to(source, value, call)
        if not note:
            kind = OriginKind(str(source.kind))
            return replace(unvouched, kind=kind, where=source.where, type=str(source.type), form=source.value)
        objected = objected or replace(
            unvouched, kind=OriginKind.CHOICE, where=source.where, type=str(source.type), note=note
        )
    traced = len(call.values) * len(call.background.texts) <= MOST_TRACES
    return objected or (_trace(unvouched, call.background) if traced else unvouched)


def _is_stated(value: Value, manifest: Manifest) -> bool:
    """True for what the manifest itself states of an argument: its only value, or its default."""
    properties = manifest.arguments.get("properties")
    schema = properties.get(value.path) if isinstance(properties, Mapping) else None
    if not isinstance(schema, Mapping):
        return False
    return any(
        word in schema and type(schema[word]) is type(value.raw) and schema[word] == value.raw
        for word in ("const", "default")
    )


def _left_out(arguments: Mapping[str, Json], manifest: Manifest, call: Call) -> list[Origin]:
    wanted = [name for name, kind in manifest.control.items() if kind == ValueType.AMOUNT]
    missing = [name for name in wanted if arguments.get(name) is None and name != manifest.key]
    named = [
        one
        for one in (*call.background.sources, *call.background.request.quoted)
        if one.is_own_word and one.type is ValueType.AMOUNT and one.meant
    ]
    forms = {form for value in call.values for form in value.forms}
    unused = [one for one in named if one.value not in forms and one.value.split()[0] not in forms]
    if not unused:
        return []
    note = "left out, and the person named an amount"
    return [
        Origin(name, "", str(ValueType.AMOUNT), OriginKind.NONE, unused[0].where, note) for name in missing
    ]


def _unnamed(arguments: Mapping[str, Json], manifest: Manifest) -> list[Origin]:
    naming = [
        (name, kind)
        for name, kind in manifest.control.items()
        if ValueType(kind) in NAMING and name != manifest.key
    ]
    if (
        not naming
        or manifest.effect is Effect.READ
        or any(arguments.get(name) is not None for name, _ in naming)
    ):
        return []
    properties = as_mapping(manifest.arguments.get("properties") or {})
    schemas = [properties.get(name) for name, _ in naming]
    if any(isinstance(schema, Mapping) and {"const", "default"} & set(schema) for schema in schemas):
        return []
    name, kind = naming[0]
    note = "left out, and nothing else says what it is done to"
    return [Origin(name, "", kind, OriginKind.NONE, note=note)]


def _words(leaf: Json) -> list[str]:
    return [word.strip(".,;:!?()<>[]\"'") for word in leaf.split()] if isinstance(leaf, str) else []


def _trace(unvouched: Origin, background: Background) -> Origin:
    """Say in which text an unvouched value stands, if it does."""
    if len(unvouched.value) >= 3:
        for text in background.texts:
            if unvouched.value in text.text:
                return replace(unvouched, kind=OriginKind.TEXT, where=text.where)
    return unvouched


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0].partition("{")[0]
