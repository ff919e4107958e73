"""`<+input>.executionInput()`: a value that a person gives when its step is reached. An approval before the step asks for it.

Rules
  1. The approval is called after its step (`deploy_input`) and stands before it, under the same `if` and `needs`. Everything that
     holds for an approval holds for it: who may answer, the day that it waits, `input-timeout`, the record.
  2. All that a step asks for is asked at once, each value under the last key of its place. A default is what holds where a person
     fills nothing in; the other modifiers are checked when they answer.
  3. Steps beside it have to have an id or a name: where ids are positions, one step more would change what they mean.
  4. Only a step in a list of steps is reached and can ask. A value that is given when the pipeline is started is not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridle.pipeline.complaint import Findings, Place
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.runtime_inputs import RuntimeInput
from bridle.pipeline.values import to_text
from bridle.pipeline.vocabulary import STEP, spell

_BLOCKS: Final = ("parallel", "group")
_KEPT: Final = ("if", "needs", "disabled")


@dataclass(frozen=True)
class Late:
    """One value that is asked for when its step is reached: which, and the expression's text in its place."""

    asked: RuntimeInput
    stand_in: Scalar


def holds_steps(path: str) -> bool:
    """True for the place of a list of steps that run in the order of the plan."""
    *around, key = (spell(word) for word in path.split("."))
    return "rollback" not in around and (key == "steps" or (key in _BLOCKS and "steps" in around))


def stand_in_for(asked: RuntimeInput, place: Place) -> Late:
    """Return what a value is until its step is known: its text is completed by `ask_before`."""
    return Late(asked, Scalar(place, f"late:{asked.path}", f"late:{asked.path}", ""))


def ask_before(step: Node, late: list[Late]) -> tuple[Node, ...]:
    """Return the step with an approval before it that asks for its values; alone, where it has no name and is refused."""
    id_ = name_of(step)
    if not id_ or not isinstance(step, Mapping):
        return (step,)
    names = _name_values(late)
    asking = f"{id_}_input"
    texts = {
        one.stand_in.text: f"${{{{ steps.{asking}.output.approverInputs.{name} }}}}"
        for name, one in zip(names, late, strict=True)
    }
    own = [
        (key, value) for key, value in step.entries if spell(key.text) in _KEPT and not _holds(value, texts)
    ]
    place = late[0].stand_in.place
    inputs = {name: _describe(one.asked, place) for name, one in zip(names, late, strict=True)}
    message = _text(f"Values for {id_}", place)
    details = _mapping(place, {"message": message, "inputs": _mapping(place, inputs)})
    approval = _mapping(place, {"uses": _text("harness", place), "with": details})
    head = _mapping(place, {"id": _text(asking, place), "approval": approval})
    return Mapping(place, (*head.entries, *own)), _put(step, texts)


def name_of(step: Node) -> str:
    """Return the id of a step, or else its name as an id; empty where only its position names it."""
    found = {}
    for key, value in step.entries if isinstance(step, Mapping) else ():
        word = STEP.aliases.get(spell(key.text), spell(key.text))
        if word in ("id", "name") and isinstance(value, Scalar):
            found[word] = value.text
    folded = "".join(char for char in found.get("name", "").lower() if char.isalnum())
    return found.get("id") or folded


def refuse_unnamed(step: Node, findings: Findings) -> None:
    """Complain about a step that only its position names (rule 3)."""
    what = "the steps of a list in which one asks for a value need an id"
    findings.refuse(step.place, what, reason="unnamed-beside-input", hint="give it an id: or a name:")


def refuse_elsewhere(late: list[Late], findings: Findings) -> None:
    """Complain about values that no step asks for (rule 4)."""
    for one in late:
        hint = "write it in a step, or give the value when the pipeline is started"
        what = "a value is asked for by a step when it is reached, and this is none"
        findings.refuse(one.stand_in.place, what, reason="misplaced-executionInput", hint=hint)


def _name_values(late: list[Late]) -> list[str]:
    """Return a name for each value, the last key of its place that is no position; counted where two are equal."""
    names: list[str] = []
    for one in late:
        words = [word for word in one.asked.path.split(".") if not word.isdigit()]
        name = "".join(char if char.isalnum() and char.isascii() else "_" for char in words[-1])
        base, number = name, 1
        while name in names:
            number += 1
            name = f"{base}_{number}"
        names.append(name)
    return names


def _describe(asked: RuntimeInput, place: Place) -> Node:
    found: dict[str, Node] = {"required": Scalar(place, "true", value=not asked.has_default, style="")}
    if asked.has_default:
        found["default"] = _text(to_text(asked.default), place)
    if asked.allowed:
        found["enum"] = Sequence(place, tuple(_text(to_text(value), place) for value in asked.allowed))
    if asked.pattern:
        found["pattern"] = _text(asked.pattern, place)
    if asked.several:
        found["multi-select"] = Scalar(place, "true", value=True, style="")
    return _mapping(place, found)


def _put(node: Node, texts: dict[str, str]) -> Node:
    if isinstance(node, Scalar):
        text = texts.get(node.text)
        return (
            node if text is None else Scalar(node.place, text, text, ">")
        )  # its own text is not in the file
    if isinstance(node, Sequence):
        return Sequence(node.place, tuple(_put(item, texts) for item in node.items))
    return Mapping(node.place, tuple((key, _put(value, texts)) for key, value in node.entries))


def _holds(node: Node, texts: dict[str, str]) -> bool:
    return isinstance(node, Scalar) and node.text in texts


def _text(text: str, place: Place) -> Scalar:
    return Scalar(place, text, text, "")


def _mapping(place: Place, entries: dict[str, Node]) -> Mapping:
    return Mapping(place, tuple((_text(key, place), value) for key, value in entries.items()))
