"""Sources: what a value can come from, read from the person's request, the task's inputs and the results of earlier calls.

Rules
  1. The request and the inputs are the person's. An input vouches as a whole value; the request for what it names (`mentions`).
  2. A field of a result is a source if the tool's manifest says so: a register that the owner vouches for, or a record of a
     system of record. All of a result is anybody's text as well: that tells a reader where a value came from, and is no source.
  3. A result counts only as far as the look-up that reached it: when a value that decided the look-up has no trusted origin, all
     it returned is text. A register may be read without arguments, a record is reached by naming something.
  4. A field has as many alternatives as the result has different values of it. When an argument that nobody vouches for took
     part in a look-up (a filter, an order, a page), it may have picked them: their number is not known (0).
  5. The newest of two look-ups with the same arguments replaces what the other gave.

Which source vouches for which argument is `origins`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridle.core.canonical import Json, canonical
from bridle.gate.manifest import Field, Manifest
from bridle.gate.origins.mentions import Mention, own_words, read_mentions, read_quoted
from bridle.gate.origins.values import IBAN, ValueType, normal_form

MAX_DEPTH = 64  # what lies deeper is one text
PLAIN_NAME = re.compile(r"[A-Za-z_]{1,40}\d?", re.ASCII)
GENERIC = frozenset(
    {
        "id",
        "ids",
        "no",
        "nr",
        "number",
        "num",
        "key",
        "ref",
        "code",
        "value",
        "address",
        "email",
        "mail",
        "phone",
        "account",
        "iban",
        "url",
        "link",
        "name",
        "amount",
    }
)

CURRENCY_ROLE = frozenset({"currency"})
HINTS = (
    (
        frozenset(
            {"amount", "total", "sum", "price", "fee", "cap", "limit", "budget", "cost", "balance", "credit"}
        ),
        ValueType.AMOUNT,
    ),
    (frozenset({"iban", "account", "bank"}), ValueType.ACCOUNT),
    (frozenset({"email", "mail", "address", "phone", "recipient"}), ValueType.ADDRESS),
    (frozenset({"date", "day", "due", "until", "since"}), ValueType.DATE),
)
# What an input of one type may be taken for besides: a date is no id, an account no name.
PASSES_FOR: Mapping[ValueType, tuple[ValueType, ...]] = {
    ValueType.ID: (ValueType.ACCOUNT, ValueType.NAME, ValueType.TEXT, ValueType.AMOUNT),
    ValueType.ADDRESS: (ValueType.ID, ValueType.TEXT),
    ValueType.ACCOUNT: (ValueType.ID, ValueType.TEXT),
    ValueType.TEXT: (ValueType.NAME, ValueType.ADDRESS),
    ValueType.NAME: (ValueType.TEXT,),
    ValueType.AMOUNT: (ValueType.TEXT,),
    ValueType.URL: (ValueType.TEXT,),
    ValueType.DATE: (ValueType.TEXT,),
}


class SourceKind(StrEnum):
    REQUEST = "request"
    INPUT = "input"
    REGISTER = "register"
    RECORD = "record"


@dataclass(frozen=True)
class Source:
    """Where a value can have come from.

    `value` is its normal form by `type`, `where` what people read. `role` are the words that say what
    the value is of (`order` for `order.id`), `name` the last of its path, `clause` where in the request it stands. An input may
    pass for values of several types and is `meant` as one. For fields: `one_of` alternatives, the `purposes` for which each of
    many may be picked, `result` the look-up it came from, `keys` what that was looked up by.
    """

    kind: SourceKind
    where: str
    type: ValueType
    value: str
    role: frozenset[str] = frozenset()
    clause: int = -1
    meant: bool = True
    one_of: int = 1
    purposes: frozenset[str] = frozenset()
    result: str = ""
    keys: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return "" if self.kind is SourceKind.REQUEST else last_name(self.where.rpartition(" ")[2])

    @property
    def is_own_word(self) -> bool:
        """True for what the person said themselves."""
        return self.kind in (SourceKind.REQUEST, SourceKind.INPUT)


@dataclass(frozen=True)
class Text:
    """What anybody may have written, and where it stands. It vouches for nothing."""

    where: str
    text: str


@dataclass(frozen=True)
class Reach:
    """How a result was reached: whether every value that decided the look-up is vouched for, whether all its arguments are, and
    the normal forms of those that named something."""

    vouched: bool
    whole: bool
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Request:
    """What the person said: the sentences they speak for, the values named there, and those they only quote from others."""

    sentences: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    quoted: tuple[Source, ...] = ()


def read_request(text: str) -> Request:
    """Read the words of the person for whom this is done."""
    named, quoted = (
        tuple(dict.fromkeys(map(_named, found))) for found in (read_mentions(text), read_quoted(text))
    )
    return Request(tuple(own_words(text)), named, quoted)


def read_inputs(inputs: Json) -> list[Source]:
    """Return the task's inputs as sources: each whole value, by every type it has a form of."""
    found: list[Source] = []
    for path, value in leaves(inputs):
        if isinstance(value, bool):
            found.append(
                Source(SourceKind.INPUT, f"input {path}", ValueType.TEXT, str(value).lower(), role_of(path))
            )
            continue
        meant = _meant(path, value)
        for kind in (meant, *PASSES_FOR[meant]):
            form = normal_form(value, kind)
            if form:
                found.append(
                    Source(SourceKind.INPUT, f"input {path}", kind, form, role_of(path), meant=kind is meant)
                )
        currency = normal_form(value, ValueType.AMOUNT).partition(" ")[2] if meant is ValueType.AMOUNT else ""
        if currency:
            found.append(
                Source(SourceKind.INPUT, f"input {path}", ValueType.ID, currency, CURRENCY_ROLE, meant=False)
            )
    return found


def read_result(value: Json, manifest: Manifest, *, result: str, reach: Reach) -> list[Source]:
    """Return the manifest's fields of what a call returned, as far as it was reached; `result` names the look-up."""
    if not reach.vouched:
        return []
    found: list[Source] = []
    for kind, fields in ((SourceKind.REGISTER, manifest.registers), (SourceKind.RECORD, manifest.records)):
        if kind is SourceKind.RECORD and not reach.keys:
            continue
        for path, field in fields.items():
            found += _read_field(value, kind, (path, field), manifest.tool, result=result, reach=reach)
    return found


def read_text(value: Json, manifest: Manifest) -> list[Text]:
    """Return everything in a value as text that anybody may have written."""
    return [Text(f"{manifest.tool}: {path}", str(leaf)) for path, leaf in leaves(value)]


def leaves(value: Json, path: str = "", depth: int = 0) -> Iterator[tuple[str, Json]]:
    """Yield every value that has no parts, and every name in it that is no plain word, with its path."""
    if depth > MAX_DEPTH:
        yield path, str(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if not PLAIN_NAME.fullmatch(name):
                yield f"{path}{{}}", name
            yield from leaves(item, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]", depth + 1)
    elif value is not None:
        yield path, value


def role_of(path: str) -> frozenset[str]:
    """Return the words that say what a value is of: those of its name, or of what it belongs to when its name says only `id`."""
    for name in reversed(re.sub(r"\[\d*\]", "", path).split(".")):
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)} - GENERIC
        if words:
            return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in words)
    return frozenset()


def last_name(path: str) -> str:
    """Return the last name of a path, in lower case."""
    return re.sub(r"\[\d*\]|\{\}", "", path).rpartition(".")[2].lower()


def _named(found: Mention) -> Source:
    return Source(SourceKind.REQUEST, "request", found.type, found.form, role_of(found.role), found.clause)


def _meant(path: str, value: Json) -> ValueType:
    """Return the type that an input is meant as: what its value shows, else what its name says."""
    text = str(value)
    for kind in (ValueType.URL, ValueType.DATE):
        if normal_form(text, kind):
            return kind
    if "@" in normal_form(text, ValueType.ADDRESS):
        return ValueType.ADDRESS
    hinted = [kind for words, kind in HINTS if words & set(re.split(r"[^a-z]+", path.lower()))]
    if hinted and normal_form(text, hinted[0]):
        return hinted[0]
    if re.fullmatch(IBAN, text):
        return ValueType.ACCOUNT
    if normal_form(text, ValueType.AMOUNT) and not text.isdigit():
        return ValueType.AMOUNT
    return ValueType.ID if normal_form(text, ValueType.ID) else ValueType.TEXT


def _read_field(
    value: Json, kind: SourceKind, field: tuple[str, Field], tool: str, *, result: str, reach: Reach
) -> list[Source]:
    path, said = field
    found = list(_at(value, path.split(".")))
    alternatives = len({canonical(item) for item in found})
    return [
        Source(
            kind,
            f"{tool}: {path}",
            ValueType(said.type),
            form,
            role_of(path),
            one_of=alternatives if reach.whole else 0,
            purposes=said.purposes,
            result=result,
            keys=reach.keys,
        )
        for form in dict.fromkeys(normal_form(item, ValueType(said.type)) for item in found)
        if form
    ]


def _at(value: Json, path: Sequence[str]) -> Iterator[Json]:
    """Yield what lies at a manifest's path: `orders[].email`. A list where none is declared is not looked into."""
    if not path:
        if isinstance(value, (str, int, float)):
            yield value
        return
    name, each = path[0].removesuffix("[]"), path[0].endswith("[]")
    if not isinstance(value, Mapping) or name not in value:
        return
    item = value[name]
    if not each:
        yield from _at(item, path[1:])
    elif isinstance(item, (list, tuple)):
        for part in item:
            yield from _at(part, path[1:])
