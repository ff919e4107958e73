"""Vouching: which source speaks for a value of a call, and why another one that has the value does not.

Rules
  1. One of several is vouched for by nobody, unless something that the model does not write tells which: the argument has the
     name of the field, the call names what the value was looked up by, or the field's manifest names the task's purpose. A
     purpose says whom or what a task is about, never how much, when or to which account.
  2. Several amounts or dates of a request: the one that stands in a clause with another value of the call. Two values of
     two clauses do not go together when each stands beside another one of the other's type.
  3. What the person named comes first: a register's or record's amount, date, account or id does not replace another one of the
     kind, whatever the purpose. What they named to look something up by, or for another argument of the call, is no such value;
     an id of the same kind always is.
     What they only quote from others counts as named here too, and no register or record vouches for it. Nor does either for an
     amount below zero, which would make a charge of a refund.
  4. An id or a name is of what it is called. What the person calls an order is no customer, a field that is
     called something else than the argument does not vouch for it, and nothing else does where something has its name.

What is judged of a call is `origins`. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bridle.core.canonical import Json
from bridle.gate.origins.mentions import is_naming, names_phrase
from bridle.gate.origins.sources import Request, Source, SourceKind, Text, last_name, role_of
from bridle.gate.origins.values import ValueType, id_shape, is_vouched_by, normal_form

PHRASES = frozenset({ValueType.NAME, ValueType.TEXT, ValueType.ADDRESS})
MEASURES = frozenset({ValueType.AMOUNT, ValueType.DATE, ValueType.ACCOUNT})


@dataclass(frozen=True)
class Background:
    """What is known when a call is judged: the person's request and inputs, the task's purpose, what earlier calls returned, and
    the values, in every form they have, that calls of the task may have written without a trusted origin."""

    request: Request
    sources: tuple[Source, ...]
    purpose: str
    texts: tuple[Text, ...] = ()
    written: frozenset[str] = frozenset()

    @cached_property
    def clauses(self) -> Mapping[int, frozenset[ValueType]]:
        """The types of what each clause of the request names."""
        found: dict[int, set[ValueType]] = {}
        for one in self.sources:
            if one.clause >= 0 and not _is_address_as_id(one):
                found.setdefault(one.clause, set()).add(one.type)
        return {clause: frozenset(types) for clause, types in found.items()}


@dataclass(frozen=True)
class Value:
    """A value to be judged: the argument it is part of, and the types it may be of."""

    path: str
    raw: Json
    types: tuple[ValueType, ...]

    @cached_property
    def by_type(self) -> Mapping[ValueType, str]:
        return {kind: normal_form(self.raw, kind) for kind in self.types}

    @property
    def forms(self) -> frozenset[str]:
        return frozenset(filter(None, self.by_type.values()))


@dataclass(frozen=True)
class Call:
    """A call that is judged."""

    values: tuple[Value, ...]
    background: Background

    def named_beside(self, value: Value) -> list[Sequence[Source]]:
        """Return where the request names the other values of the call, of each that it names."""
        return [
            named for one, named in zip(self.values, self._named, strict=True) if named and one is not value
        ]

    @property
    def named_times(self) -> int:
        """How often the request names any of the values."""
        return sum(map(len, self._named))

    def has_beside(self, value: Value, forms: frozenset[str]) -> bool:
        """True when other values of the call have all of these forms."""
        return all(self._holders.get(form, 0) > (form in value.forms) for form in forms)

    @cached_property
    def _named(self) -> tuple[Sequence[Source], ...]:
        return tuple(_named_as(one, self.background) for one in self.values)

    @cached_property
    def _holders(self) -> Counter[str]:
        """How many values of the call have each form."""
        return Counter(form for one in self.values for form in one.forms)


def find_sources(value: Value, background: Background) -> Iterator[Source]:
    """Yield every source that has the value, the person's own words first."""
    if isinstance(value.raw, bool):
        truth = str(value.raw).lower()
        found = (one for one in background.sources if one.kind is SourceKind.INPUT and one.value == truth)
        yield from (one for one in found if one.name == last_name(value.path))
        return
    forms = value.by_type
    held = [one for one in background.sources if is_vouched_by(forms.get(one.type, ""), one.value, one.type)]
    yield from (one for one in held if one.is_own_word)
    for kind in value.types:
        if kind in PHRASES and _phrased(forms[kind], kind, value, background):
            yield Source(SourceKind.REQUEST, "request", kind, forms[kind])
    yield from (one for one in held if not one.is_own_word)


def _phrased(form: str, kind: ValueType, value: Value, background: Background) -> bool:
    if not form or (kind is ValueType.ADDRESS and not form.startswith("post:")):
        return False
    return names_phrase(background.request.sentences, str(value.raw))


def object_to(source: Source, value: Value, call: Call) -> str:
    """Return why a source that has the value does not vouch for it here, or an empty string."""
    if _is_another_things(source, value, call.background):
        return "it is the id of another thing"
    if source.kind is SourceKind.INPUT:
        return _input_objection(source, value, call)
    if source.kind is SourceKind.REQUEST:
        return _request_objection(source, value, call)
    return _field_objection(source, value, call)


def _is_another_things(source: Source, value: Value, background: Background) -> bool:
    """True when what is known of an id or a name says that the argument is about something else: rule 4."""
    if source.type not in (ValueType.ID, ValueType.NAME) or background.purpose in source.purposes:
        return False
    name, role = last_name(value.path), role_of(value.path)
    alike = [one for one in background.sources if one.type is source.type]
    same = [one for one in alike if one.value == source.value]
    if any(one.name == name or one.role & role for one in same):
        return False
    firm = bool(source.result) or id_shape(source.value) == "0" or any(map(is_naming, role))
    if role and firm and any(one.role for one in same):
        return True
    called = any(one.role or one.name for one in same)
    return called and any(one.name == name or one.role & role for one in alike)


def _input_objection(source: Source, value: Value, call: Call) -> str:
    rivals = [one for one in call.background.sources if one.kind is SourceKind.INPUT and _rivals(one, source)]
    if all(_told_by_name(source, rival, value) for rival in rivals):
        return ""
    return f"the inputs hold {len({one.value for one in rivals}) + 1} such values"


def _request_objection(source: Source, value: Value, call: Call) -> str:
    if source.clause < 0:
        return ""
    rivals = [one for one in call.background.sources if one.clause >= 0 and _rivals(one, source)]
    partners = call.named_beside(value)
    if rivals and source.type in (ValueType.AMOUNT, ValueType.DATE):
        alone = all(rival.clause != source.clause for rival in rivals)
        told = alone and any(one.clause == source.clause for partner in partners for one in partner)
        return "" if told else f"the request names {len({one.value for one in rivals}) + 1} such values"
    if any(_is_paired_otherwise(source, partner, call.background.clauses) for partner in partners):
        return "the request does not name these values together"
    return ""


def _is_paired_otherwise(
    source: Source, partner: Sequence[Source], clauses: Mapping[int, frozenset[ValueType]]
) -> bool:
    """True when a value and its partner stand in two clauses, each with another one of the other's type."""
    if any(one.clause == source.clause or one.type is source.type for one in partner):
        return False
    mine = clauses.get(source.clause, frozenset())
    return any(one.type in mine and source.type in clauses.get(one.clause, ()) for one in partner)


def _is_address_as_id(source: Source) -> bool:
    return source.type is ValueType.ID and "@" in source.value


def _named_as(value: Value, background: Background) -> list[Source]:
    """Return where the request names a value."""
    forms = value.by_type
    named = [one for one in background.sources if one.clause >= 0]
    return [one for one in named if is_vouched_by(forms.get(one.type, ""), one.value, one.type)]


def _field_objection(source: Source, value: Value, call: Call) -> str:
    quoted = call.background.request.quoted
    if any(is_vouched_by(source.value, one.value, one.type) for one in quoted if one.type is source.type):
        return "the request only quotes it from others"
    own = [*(one for one in call.background.sources if one.is_own_word), *quoted]
    if source.type is ValueType.AMOUNT and source.value.startswith("-"):
        return "below zero it goes the other way"
    picked = call.background.purpose in source.purposes and source.type not in MEASURES
    if (source.type is ValueType.ID or not picked) and any(
        _contradicts(one, source, value, call) for one in own
    ):
        return "the person named another one"
    if picked:
        return ""
    if source.one_of != 1:
        return f"one of {source.one_of}" if source.one_of else "an argument that nobody vouches for picked it"
    rivals = [one for one in call.background.sources if one.result and _rivals(one, source)]
    if all(_told_apart(source, rival, value, call) for rival in rivals):
        return ""
    return f"one of {len({one.value for one in rivals}) + 1} that were looked up"


def _rivals(one: Source, source: Source) -> bool:
    """True when both are values of one kind, and not the same one."""
    if one.type is not source.type or one.value == source.value or not one.meant:
        return False
    if source.type is ValueType.ID:
        return id_shape(one.value) == id_shape(source.value)
    return source.type is not ValueType.AMOUNT or one.value.split()[0] != source.value.split()[0]


def _told_by_name(source: Source, rival: Source, value: Value) -> bool:
    name, role = last_name(value.path), role_of(value.path)
    if source.name == name and rival.name != name:
        return True
    return bool(role) and source.role == role and rival.role != role


def _told_apart(source: Source, rival: Source, value: Value, call: Call) -> bool:
    if _told_by_name(source, rival, value):
        return True
    if source.result == rival.result or not source.keys:
        return False
    return call.has_beside(value, source.keys) and not call.has_beside(value, rival.keys)


def _contradicts(own: Source, source: Source, value: Value, call: Call) -> bool:
    """True when the person named another value of that kind, other than to look something up by it."""
    if not _rivals(own, source):
        return False
    shared = bool(own.role & source.role)
    if source.type is ValueType.ID:
        return shared or (bool(id_shape(own.value)) and not (own.role and source.role))
    return not call.has_beside(value, frozenset({own.value})) and not any(
        own.value in one.keys for one in call.background.sources
    )
