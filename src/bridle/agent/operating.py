"""How an agent takes part in the organisation's work, as its file states it, and what the file leaves unsaid.

    operating:
      unit_of_work: one failing build of one repository
      human_relationship: a person approves each push; nobody is asked in between
      runtime_environment: a sandbox without a network, as a user of its own
      context_sources: [the JUnit report, the files of the repository]
      conversation_model: none; one task in, one summary out
      discoverability: the catalog, and its card
      observability: every turn and action is in the journal
      verification: the harness recomputes the difference and runs the suite before a commit
      explainability: the summary, with each refusal and its rule

Rules
  1. All of it is words for people, and for the agent's card. None of it grants anything; what is granted stands in tools,
     boundary and limits, and what is not stated there is not granted.
  2. It is part of the definition: who changes a word of it makes another version, to be approved like any other.
  3. A gap is no fault. `bridle validate` names them in one line; with --strict it refuses each, with what holds instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ruamel.yaml.nodes import SequenceNode

from bridle.agent.reader import Spot
from bridle.core.canonical import Json
from bridle.core.errors import InputError

OPERATING: Mapping[str, str] = {
    "unit_of_work": "what one piece of its work is",
    "human_relationship": "who asks whom, and who answers for the result",
    "runtime_environment": "where it runs, and with what around it",
    "context_sources": "what it reads to know what to do",
    "conversation_model": "whether and how one talks with it",
    "discoverability": "how people and other agents find it",
    "observability": "how one sees what it is doing",
    "verification": "how its work is checked, and by whom",
    "explainability": "how it says why it did what it did",
}
_STATED: Mapping[str, tuple[str, str]] = {
    "description": ("description", "nobody is told what it does"),
    "owner": ("owner", "its publisher answers for it"),
    "purpose": ("purpose", "it is taken for build"),
    "write": ("boundary.write", "it may write nothing"),
    "protect": ("boundary.protect", "nothing in what it may write is kept from it"),
    "push": ("boundary.push", "it may push no branch"),
    "network": ("boundary.network", "it has none"),
    "max_turns": ("limits.max_turns", "it ends after 150"),
    "max_tokens": ("limits.max_tokens", "it has no ceiling of its own"),
    "max_cost_usd": ("limits.max_cost_usd", "it has no ceiling of its own"),
    "timeout": ("limits.timeout", "it ends after an hour at work"),
}


def read_operating(fields: Mapping[str, Spot]) -> dict[str, Json]:
    """Return what is stated, by name; raise InputError for what is no text and no list of texts."""
    return {name: _read(fields[name]) for name in OPERATING if name in fields}


def _read(spot: Spot) -> Json:
    stated: list[str] = (
        [item.text() for item in spot.items()] if isinstance(spot.node, SequenceNode) else [spot.text()]
    )
    if not stated or not all(text.strip() for text in stated):
        raise spot.wrong("it states nothing", hint="say it in a few words, or leave the key out")
    return stated if isinstance(spot.node, SequenceNode) else stated[0].strip()


def list_gaps(declared: Mapping[str, Spot], *, file: str) -> Iterator[InputError]:
    """Yield what an agent's file does not say, each as an error that whoever is strict can raise."""
    for field, (name, otherwise) in _STATED.items():
        if field not in declared:
            yield _gap(f"{name} is not declared: {otherwise}", name, file)
    for name, meaning in OPERATING.items():
        if name not in declared:
            yield _gap(f"operating.{name} is not stated: {meaning}", f"operating.{name}", file)


def summarise_gaps(gaps: Sequence[InputError]) -> list[str]:
    """Return one line that names all gaps, or none where there are none."""
    names = [gap.hint.removeprefix("add ") for gap in gaps]
    told = (
        f"not stated: {', '.join(names)}. What is not stated is not granted; --strict says what holds instead"
    )
    return [told] if names else []


def _gap(what: str, name: str, file: str) -> InputError:
    return InputError(what, where=file, hint=f"add {name}", reason="agent-gap")
