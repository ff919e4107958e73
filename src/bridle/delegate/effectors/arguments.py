"""A tool's arguments, read by a delegate that does not take the gate's word for their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.dispatch.protocol import Task


def text_of(task: Task, name: str, default: str | None = None) -> str:
    """Return a string argument; raise InputError when it is missing without a default, or something else."""
    value = task.request.arguments.get(name, default)
    if not isinstance(value, str):
        raise _wrong(task, name, "a string")
    return value


def number_of(task: Task, name: str, default: int, *, least: int = 1) -> int:
    """Return an integer argument of at least `least`."""
    value = task.request.arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _wrong(task, name, f"an integer from {least}")
    return value


def pairs_of(task: Task, name: str) -> dict[str, str]:
    """Return an argument that maps names to strings; empty when it is missing."""
    value: Json = task.request.arguments.get(name, {})
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise _wrong(task, name, "a map of strings")
    return {key: str(item) for key, item in value.items()}


@dataclass(frozen=True)
class Branch:
    """A fork to be merged: its workspace, and its tree; an empty one is the folder as it stands."""

    name: str
    tree: str


def branches_of(task: Task) -> tuple[Branch, ...]:
    """Return the argument `branches` of a merge."""
    given: Json = task.request.arguments.get("branches")
    if not isinstance(given, (list, tuple)) or not given:
        raise _wrong(task, "branches", "a list of forks")
    return tuple(_branch(task, item) for item in given)


def _branch(task: Task, item: Json) -> Branch:
    name, tree = (item.get("name"), item.get("tree")) if isinstance(item, Mapping) else (None, None)
    if not isinstance(name, str) or not isinstance(tree, str | None):
        raise _wrong(task, "branches", "a list of {name, tree}")
    return Branch(name, tree or "")


def names_of(task: Task, name: str) -> tuple[str, ...]:
    """Return an argument that is a list of strings, not empty."""
    given: Json = task.request.arguments.get(name)
    if not isinstance(given, (list, tuple)) or not given or not all(isinstance(item, str) for item in given):
        raise _wrong(task, name, "a list of strings")
    return tuple(str(item) for item in given)


def boundary_of(task: Task) -> Boundary:
    """Return the task's boundary; one that is missing grants nothing."""
    return Boundary.from_json(task.boundary) if task.boundary else Boundary()


def _wrong(task: Task, name: str, wanted: str) -> InputError:
    return InputError(f"{task.request.tool}: `{name}` must be {wanted}", reason="bad-arguments")
