"""Tool manifests: what a tool is, stated outside the tool, one documented YAML file per family.

    effect     read | reversible | consequential | destructive
    recovery   what to do after a crash between intent and outcome:
               read (do it again), workspace (put the tree back, do it again), lookup (ask the target),
               keyed (send again with the same key), none (unknown, to a person)
    needs      the permission a token must hold
    paths      arguments that are paths in the workspace; `writes` those that are written
    requires   actions the gate performs first; their outcomes are facts of the decision
    arguments  a JSON Schema (draft 2020-12), closed: an argument that is not declared is refused
    agents     whether an agent may be offered it at all
    target     of a consequential or destructive tool: what names the place that it changes, arguments or what is recorded of
               the commit it moves. What was done to one place is one history (gate.loops)
    inside     true for what is changed in Bridle's own store, with the decision about it (gate.inside); no delegate is told
    compensation  {tool, arguments}: what undoes it; arguments are expressions over what was asked and what came of it

What follows is said of external tools (gate.external):
    control    arguments that decide what becomes of whom, by the kind of their values: id, amount, address, account, url, name,
               date or text. Without any, a call is judged on all its arguments
    registers  fields of a structured result that its owner vouches for: by dotted path, with `[]` for each item of a list
    records    the same for fields of a system of record. All else that it returns is text that anybody may have written
    datasets   what data it reads or changes, as its owner calls it; rules read it
    purposes   what it may be called for without a person; for any when none is named
    declared   whether its owner has said anything of it
    risk       low | medium | high: how people are asked
    key        the argument that carries the action's key to a tool whose recovery is keyed; nobody else fills it
    once       arguments that make a call one piece of business: tried by one at a time, done once (gate.attempts)
    business   the name of what several tools do with the same `once`, so that one of them does it
    substitute the tool that is called where this one is known not to have done it (gate.rerouting)
    lookup     how its server is asked what became of a call (gate.lookups)
    obliges    what other call it makes due (gate.obligations)
    domains    what hosts an address or a url in an argument may have: `example.com`, or `*.example.com` for what is below it
    spend      what the tool may pay out (gate.spending)
    stopped    why it is not to be used now, or empty: what its server says of it has changed, or it is gone

A tool without a manifest does not exist: the gate denies it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any, Protocol

import jsonschema
import yaml  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError
from bridle.core.patterns import found_in
from bridle.gate.spending import SpendRule
from bridle.trust.quorum import Terms

LOADER = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # each process reads them: ruamel.yaml takes twenty times as long
LISTS = ("paths", "writes", "requires", "target")
FAMILIES = (
    "file",
    "command",
    "git",
    "workspace",
    "artifact",
    "evidence",
    "model",
    "pipeline",
    "server",
    "case",
    "session",
)

EXTERNAL = re.compile(r"mcp\.[a-z0-9][a-z0-9-]{0,31}\.[A-Za-z0-9_.-]{1,64}", re.ASCII)
LONGEST_COMPLAINT = 400
MOST_CHECKED = 50_000  # keywords in the check of one call's arguments, which have 64 KiB
_CHECKED: ContextVar[list[int]] = ContextVar("checked")


def _check_pattern(
    validator: Any, pattern: str, instance: Any, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    try:
        fits = not validator.is_type(instance, "string") or found_in(instance, pattern)
    except ValueError as error:
        yield jsonschema.ValidationError(f"its pattern {pattern[:80]!r} can't be used: {error}")
        return
    if not fits:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _count(check: Any) -> Any:
    """Return how a keyword is checked, as often as MOST_CHECKED for one value: each could lead to two others."""

    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        checked = _CHECKED.get()
        checked[0] += 1
        if checked[0] > MOST_CHECKED:
            raise RecursionError
        yield from check(validator, value, instance, schema) or ()

    return counted


_KEYWORDS = {**jsonschema.Draft202012Validator.VALIDATORS, "pattern": _check_pattern}
Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {name: _count(check) for name, check in _KEYWORDS.items()}
)


class Effect(StrEnum):
    READ = "read"
    REVERSIBLE = "reversible"
    CONSEQUENTIAL = "consequential"
    DESTRUCTIVE = "destructive"

    @property
    def lasts(self) -> bool:
        """True when it changes what lies outside, and nothing here can take it back."""
        return self in (Effect.CONSEQUENTIAL, Effect.DESTRUCTIVE)


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Recovery(StrEnum):
    READ = "read"
    WORKSPACE = "workspace"
    LOOKUP = "lookup"
    KEYED = "keyed"
    NONE = "none"


@dataclass(frozen=True)
class Compensation:
    """What undoes a tool's effect: another tool, with arguments that may look at `inputs.arguments`, `inputs.value` and
    `inputs.key` of the deed."""

    tool: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True)
class LookUp:
    """How a server is asked what became of a call (gate.lookups). `tool` is the name its server has for the tool that is asked;
    `arguments` names, for each of its arguments, the argument of the call."""

    tool: str
    arguments: Mapping[str, str]
    found: str
    after_s: int = 30


@dataclass(frozen=True)
class Substitute:
    """The tool that does the same (gate.rerouting); `arguments` names, for each of its arguments, the argument of this one.
    `refused`: also when the target said no, and does not know the call."""

    tool: str
    arguments: Mapping[str, str]
    refused: bool = False


@dataclass(frozen=True)
class Duty:
    """What a call makes due: a call of `tool` within a time, with the same values of the arguments in `matching`."""

    tool: str
    within_s: int
    matching: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """A field of a structured result: the kind of its values, and the purposes for which each of many may be picked."""

    type: str
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Manifest:
    """What is known about one tool. `described` is the digest of what its server said of it when that was approved."""

    tool: str
    description: str
    effect: Effect
    recovery: Recovery
    needs: str
    arguments: Mapping[str, Json]
    paths: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    agents: bool = True
    target: tuple[str, ...] = ()
    compensation: Compensation | None = None
    control: Mapping[str, str] = field(default_factory=dict)
    registers: Mapping[str, Field] = field(default_factory=dict)
    records: Mapping[str, Field] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    purposes: frozenset[str] = frozenset()
    declared: bool = True
    risk: Risk = Risk.HIGH
    key: str = ""
    once: tuple[str, ...] = ()
    business: str = ""
    substitute: Substitute | None = None
    lookup: LookUp | None = None
    obliges: Duty | None = None
    domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spend: SpendRule | None = None
    described: str = ""
    stopped: str = ""
    approvers: Terms | None = None
    inside: bool = False

    @property
    def external(self) -> bool:
        """True for a tool of somebody's MCP server."""
        return is_external(self.tool)

    @cached_property
    def digest(self) -> str:
        """The digest of everything that is said here of the tool."""
        return digest(_plain(asdict(self)))

    @cached_property
    def _validator(self) -> Any:
        return Validator(self.arguments, registry=Registry())  # fetches nothing

    def complaint(self, arguments: Mapping[str, Json]) -> str:
        """Return what is wrong with `arguments`, or an empty string."""
        _CHECKED.set([0])
        try:
            error = jsonschema.exceptions.best_match(self._validator.iter_errors(_plain(arguments)))
        except Unresolvable as missing:
            return f"its schema refers to {missing.ref!r}, which is not there"
        except RecursionError:
            return "its schema, or what is given, never ends"
        if error is None:
            return ""
        place = "/".join(str(part) for part in error.absolute_path)
        said = str(error.message)
        if len(said) > LONGEST_COMPLAINT:  # the value stands in it, and a person reads it
            said = f"{said[: LONGEST_COMPLAINT // 2]}…{said[-LONGEST_COMPLAINT // 2 :]}"
        return f"{place}: {said}" if place else said


class Manifests(Protocol):
    """Finds what is known of a tool, as it stands now."""

    def get(self, tool: str) -> Manifest | None:
        """Return a tool's manifest, or None when nothing is known of it."""
        ...

    def external(self) -> Mapping[str, Manifest]:
        """Return what is known of external tools, by name."""
        ...


def is_external(tool: str) -> bool:
    """True for the name of a tool of an MCP server: `mcp.<server>.<tool>`."""
    return EXTERNAL.fullmatch(tool) is not None


def needs_of(tool: str) -> str:
    """Return the permission that a tool needs; raise InputError for one that is neither built in nor external."""
    return f"mcp:{tool.removeprefix('mcp.')}" if is_external(tool) else find_manifest(tool).needs


@cache
def builtin_manifests() -> Mapping[str, Manifest]:
    """Return the manifests that ship, by tool name. That they are sound is for the tests: they are the same in every process."""
    manifests: dict[str, Manifest] = {}
    for family in FAMILIES:
        text = (resources.files("bridle.gate") / "manifests" / f"{family}.yaml").read_text("utf-8")
        for name, content in yaml.load(text, LOADER).items():  # noqa: S506 - it is a safe one
            manifests[f"{family}.{name}"] = _manifest(f"{family}.{name}", content)
    return manifests


def find_manifest(tool: str) -> Manifest:
    """Return a tool's manifest; raise InputError that names the tools there are."""
    manifests = builtin_manifests()
    if tool not in manifests:
        raise InputError(
            f"there is no tool {tool!r}",
            hint="the tools are " + ", ".join(sorted(manifests)),
            reason="unknown-tool",
        )
    return manifests[tool]


def _manifest(tool: str, content: dict[str, Any]) -> Manifest:
    schema = {"type": "object", "additionalProperties": False, **content.pop("arguments")}
    undo = content.pop("compensation", None)
    lists: dict[str, Any] = {name: tuple(content.pop(name, ())) for name in LISTS}
    return Manifest(
        tool=tool,
        effect=Effect(content.pop("effect")),
        recovery=Recovery(content.pop("recovery")),
        description=" ".join(content.pop("description").split()),
        arguments=schema,
        compensation=Compensation(**undo) if undo else None,
        **lists,
        **content,  # needs and agents; a key that is not known is an error of the constructor
    )


def _plain(value: Json) -> Any:
    """Tuples become lists: the validator knows JSON's types only."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
