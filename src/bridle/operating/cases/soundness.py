"""Whether the states of a case type hang together: what nobody could reach, leave or end is named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridle.operating.cases.case_type import StateRule, Transition
from bridle.pipeline.complaint import Findings, Place, suggest


@dataclass(frozen=True)
class Located:
    """States and transitions with the places where they stand in their file."""

    states: Mapping[str, StateRule]
    ways: Sequence[tuple[Transition, Place]]
    places: Mapping[str, Place]
    initial: str
    initial_at: Place


def check_ways(found: Located, findings: Findings) -> None:
    """Complain about ways that lead nowhere, states that cannot be reached or left, and cases that cannot end."""
    if found.initial and found.initial not in found.states:
        _refuse_unknown(found.initial_at, found.initial, found.states, findings)
        return
    known = [way for way, at in found.ways if _check_way(way, at, found, findings)]
    _check_twins(found, findings)
    if found.states and not any(state.final for state in found.states.values()):
        at = next(iter(found.places.values()))
        findings.refuse(
            at, "no state is final", reason="no-final-state", hint="mark the last with final: true"
        )
        return
    _check_states(found, known, findings)


def _check_way(way: Transition, at: Place, found: Located, findings: Findings) -> bool:
    unknown = [name for name in (way.source, way.target) if name and name not in found.states]
    for name in unknown:
        _refuse_unknown(at, name, found.states, findings)
    if unknown or not way.target:
        return False
    if way.source == way.target:
        findings.refuse(
            at, f"it leads from {way.source!r} to itself", reason="no-move", hint="name another target"
        )
    if found.states[way.source].final:
        what = f"{way.source!r} is final, and nothing leads out of it"
        findings.refuse(at, what, reason="leaves-final-state", hint="take the transition out, or final: true")
    return True


def _check_twins(found: Located, findings: Findings) -> None:
    seen: dict[tuple[str, str], Place] = {}
    for way, at in found.ways:
        ends = (way.source, way.target)
        if ends in seen:
            what = f"a transition from {way.source!r} to {way.target!r} stands in line {seen[ends].line}"
            findings.refuse(at, what, reason="duplicate-transition", hint="make one of the two")
        seen.setdefault(ends, at)


def _check_states(found: Located, ways: Sequence[Transition], findings: Findings) -> None:
    forth = {name: [way.target for way in ways if way.source == name] for name in found.states}
    back = {name: [way.source for way in ways if way.target == name] for name in found.states}
    reached = _walk([found.initial], forth)
    ending = _walk([name for name, state in found.states.items() if state.final], back)
    for name, state in found.states.items():
        at = found.places[name]
        if found.initial and name not in reached:
            hint = f"add a transition to it, or take {name!r} out"
            findings.refuse(at, f"no case ever comes to {name!r}", reason="unreachable-state", hint=hint)
        if not state.final and not forth[name]:
            hint = "add a transition from it, or mark it with final: true"
            findings.refuse(at, f"{name!r} is a dead end", reason="dead-end", hint=hint)
        elif name not in ending:
            hint = "add a way to a final state"
            findings.refuse(at, f"no case in {name!r} can ever end", reason="no-way-out", hint=hint)


def _walk(starts: Iterable[str], ways: Mapping[str, Sequence[str]]) -> set[str]:
    seen: set[str] = set()
    wanted = list(starts)
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            wanted += ways.get(name, ())
    return seen


def _refuse_unknown(at: Place, name: str, states: Mapping[str, StateRule], findings: Findings) -> None:
    hint = suggest(name, states, otherwise=f"the states are {', '.join(list(states)[:12])}")
    findings.refuse(at, f"there is no state {name[:80]!r}", reason="unknown-state", hint=hint)
