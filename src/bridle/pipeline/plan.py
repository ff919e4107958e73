"""The plan: a pipeline as a frozen graph, complete enough to run and to judge without its file.

Rules
  1. Only what is executed is in it; whatever the dialect can say beyond that was refused or noted before.
  2. Expressions stay source text; they are evaluated during the run, each time over what is known then.
  3. It is JSON both ways, so that it can be the argument of a durable workflow.
  4. Its digest is over what runs: places and notes stay out, so that moving the file or a comment changes nothing.

Kinds of step and their `with_`
    run       {"script", "shell": sh|bash|python, "report": null|{"type": "junit", "path": glob}, "env": {},
              "output": [{"name", "alias", "mask"}]}
    clone     {"repo", "ref": null|{"type": "branch", "name"}}
    agent     {"uses", "with": {}, "model": null|text}
    approval  {"uses": "harness", "with": {"message", "for": null|"stage.step", "groups": [], "users": [],
              "timeout_s", "min_count", "block_executor"}}
    tool      {"uses": "family.verb", "with": {}}
    wait      {"duration_s"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError

FORMAT = 1
_Scalar = TypeVar("_Scalar", str, int, bool)


@dataclass(frozen=True)
class InputSpec:
    """A value that a run takes: string, number (an integer), boolean, array, object or secret (a secret's name).

    `enum` lists the values that are allowed; empty means any.
    """

    type: str
    required: bool = False
    default: Json = None
    description: str = ""
    enum: tuple[Json, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "type": self.type,
            "required": self.required,
            "default": self.default,
            "description": self.description,
            "enum": list(self.enum),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> InputSpec:
        return cls(
            type=_take(data, "type", str),
            required=_take(data, "required", bool),
            default=data["default"],
            description=_take(data, "description", str),
            enum=tuple(_take_list(data, "enum")),
        )


@dataclass(frozen=True)
class FailureRule:
    """What happens after a failure of one of `errors` ("all", or kebab-case names): ignore, abort or fail."""

    errors: tuple[str, ...]
    action: str

    def to_json(self) -> dict[str, Json]:
        return {"errors": list(self.errors), "action": self.action}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> FailureRule:
        return cls(tuple(str(item) for item in _take_list(data, "errors")), _take(data, "action", str))


@dataclass(frozen=True)
class Step:
    """One step. An empty `condition` is the default one; `env` holds what stage and step declare, the step's first."""

    id: str
    name: str
    kind: str
    condition: str = ""
    with_: Mapping[str, Json] = field(default_factory=dict)
    on_failure: tuple[FailureRule, ...] = ()
    timeout_s: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    place: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "condition": self.condition,
            "with": self.with_,
            "on_failure": [rule.to_json() for rule in self.on_failure],
            "timeout_s": self.timeout_s,
            "env": dict(self.env),
            "place": self.place,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Step:
        return cls(
            id=_take(data, "id", str),
            name=_take(data, "name", str),
            kind=_take(data, "kind", str),
            condition=_take(data, "condition", str),
            with_=_take_map(data, "with"),
            on_failure=_take_rules(data),
            timeout_s=None if data["timeout_s"] is None else _take(data, "timeout_s", int),
            env=_take_env(data),
            place=_take(data, "place", str),
        )


@dataclass(frozen=True)
class Stage:
    """Steps that run one after the other. An empty `condition` is the default one."""

    id: str
    name: str
    condition: str = ""
    steps: tuple[Step, ...] = ()
    on_failure: tuple[FailureRule, ...] = ()
    place: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "name": self.name,
            "condition": self.condition,
            "steps": [step.to_json() for step in self.steps],
            "on_failure": [rule.to_json() for rule in self.on_failure],
            "place": self.place,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Stage:
        return cls(
            id=_take(data, "id", str),
            name=_take(data, "name", str),
            condition=_take(data, "condition", str),
            steps=tuple(Step.from_json(_need_map(item)) for item in _take_list(data, "steps")),
            on_failure=_take_rules(data),
            place=_take(data, "place", str),
        )


@dataclass(frozen=True)
class Plan:
    """A pipeline ready to run. `notes` are for the reader: what was read and has no effect, what looks risky."""

    id: str
    name: str
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the plan as plain data; `from_json` gives back an equal plan."""
        return {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "inputs": {name: spec.to_json() for name, spec in self.inputs.items()},
            "stages": [stage.to_json() for stage in self.stages],
            "env": dict(self.env),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        """Read what `to_json` wrote; raise InputError for anything else."""
        try:
            if data["format"] != FORMAT:
                raise InputError(
                    f"a plan of format {data['format']!r}", hint=f"plan again: format {FORMAT} is read"
                )
            return cls(
                id=_take(data, "id", str),
                name=_take(data, "name", str),
                inputs={
                    name: InputSpec.from_json(_need_map(item))
                    for name, item in _take_map(data, "inputs").items()
                },
                stages=tuple(Stage.from_json(_need_map(item)) for item in _take_list(data, "stages")),
                env=_take_env(data),
                notes=tuple(str(item) for item in _take_list(data, "notes")),
            )
        except KeyError as exc:
            raise InputError(f"not a plan: {exc} is missing", hint="plan the pipeline again") from exc

    def digest(self) -> str:
        """Return `sha256:<hex>` over everything that runs (rule 4)."""
        data = self.to_json()
        del data["notes"]
        data["stages"] = [_without_places(stage.to_json()) for stage in self.stages]
        return digest(data)


def _without_places(stage: Mapping[str, Json]) -> dict[str, Json]:
    steps = [_drop_place(_need_map(step)) for step in _take_list(stage, "steps")]
    return {**_drop_place(stage), "steps": steps}


def _drop_place(data: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in data.items() if key != "place"}


def _take(data: Mapping[str, Json], key: str, kind: type[_Scalar]) -> _Scalar:
    value = data[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"not a plan: {key!r} is {type(value).__name__}", hint="plan the pipeline again")
    return value


def _take_list(data: Mapping[str, Json], key: str) -> Sequence[Json]:
    value = data[key]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InputError(f"not a plan: {key!r} is no list", hint="plan the pipeline again")
    return value


def _take_map(data: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    return _need_map(data[key])


def _need_map(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise InputError("not a plan: a mapping is missing", hint="plan the pipeline again")
    return value


def _take_env(data: Mapping[str, Json]) -> dict[str, str]:
    found = _take_map(data, "env")
    return {name: _take(found, name, str) for name in found}


def _take_rules(data: Mapping[str, Json]) -> tuple[FailureRule, ...]:
    return tuple(FailureRule.from_json(_need_map(item)) for item in _take_list(data, "on_failure"))
