"""What a rerun has from the executions that it runs again, read from the records alone.

Rules
  1. An execution runs again what its first record names, and no other.
  2. A stage is taken over when this execution's record of its end repeats (`reused`) the one in that execution. Where that one
     repeats another, it goes on there, so that one comes to the execution which did the work.
  3. What was done in a stage before the end that is repeated counts in the rerun: its clone, its commits, its reports. What
     was done elsewhere, or later, does not.
  4. The cells of a stage stay apart: what was committed in one is in no workspace that a rerun begins with.

Whether a stage may be taken over is decided when the rerun is begun (engine.rerun).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json, as_mapping
from bridle.trust.journal import Journal, Kind, Record


@dataclass(frozen=True)
class Source:
    """An execution that stages were taken over from: its records, and by stage the record of the end that is repeated."""

    execution: str
    records: Sequence[Record]
    ends: Mapping[str, Record]

    @property
    def held(self) -> list[Record]:
        """Return the records of what was done in these stages before they ended."""
        return [record for record in self.records if self._holds(record)]

    def has_had(self, tree: str) -> bool:
        """True when the delegate has reported this tree in the execution."""
        outcomes = (record for record in self.records if record.kind is Kind.OUTCOME)
        return any(tree == as_mapping(record.body["facts"]).get("tree") for record in outcomes)

    def _holds(self, record: Record) -> bool:
        return any(
            record.subject.startswith(f"{self.execution}/{stage}/") and record.seq < end.seq
            for stage, end in self.ends.items()
        )


async def read_counted(journal: Journal, execution: str) -> list[Record]:
    """Return the records of an execution, after those of what it has from others."""
    own = await journal.read(execution=execution)
    sources = await _find_sources(journal, execution, own)
    return [*_held(sources), *own]


async def describe_restore(journal: Journal, execution: str) -> dict[str, Json] | None:
    """Return the arguments of the workspace.restore that a rerun from a stage begins with; None when it begins with none.

    `source` is the execution whose workspace had the tree last. Where that was cloned into, `clone` says what, and `branches`
    are the newest commits that the stages taken over have made, by branch.
    """
    tree = (await options_of(journal, execution)).get("tree")
    ended = await journal.read(execution=execution, kinds=(Kind.BLOCK_ENDED,))
    sources = await _find_sources(journal, execution, ended) if isinstance(tree, str) and tree else []
    had = [source.execution for source in sources if source.has_had(str(tree))]
    if not had:
        return None
    held = _held(sources)
    clones = whole_clones(held)
    if not clones:
        return {"tree": tree}
    clone = {"commit": _value(clones[-1])["commit"], "tree": as_mapping(clones[-1].body["facts"])["tree"]}
    made = [_value(record) for record in held if did(record, "git.commit")]
    branches = {str(value["branch"]): value["commit"] for value in made}
    return {"tree": tree, "source": had[0], "clone": clone, "branches": branches}


async def options_of(journal: Journal, execution: str) -> Mapping[str, Json]:
    """Return what an execution was started with, as its first record has it."""
    started = await journal.last(execution, execution, (Kind.EXECUTION_STARTED,))
    options = started.body.get("options") if started else None
    return options if isinstance(options, Mapping) else {}


def did(record: Record, tool: str) -> bool:
    """True for the outcome of a tool that succeeded."""
    body = record.body
    return record.kind is Kind.OUTCOME and (body.get("tool"), body.get("status")) == (tool, "succeeded")


def whole_clones(records: Sequence[Record]) -> list[Record]:
    """Return the outcomes of clones that made a workspace what was cloned; one put into a folder is none."""
    decided = {record.subject: record for record in records if record.kind is Kind.DECIDED}
    clones = [record for record in records if did(record, "git.clone") and record.subject in decided]
    return [record for record in clones if "path" not in arguments_of(decided[record.subject])]


def arguments_of(decided: Record) -> Mapping[str, Json]:
    """Return the arguments that were decided about."""
    return as_mapping(as_mapping(decided.body["request"])["arguments"])


async def _find_sources(journal: Journal, execution: str, records: Sequence[Record]) -> list[Source]:
    """Return the executions that stages were taken over from, the nearest first. `records` are those of `execution`."""
    sources: list[Source] = []
    while wanted := _repeated(records):
        execution = str((await options_of(journal, execution)).get("rerun_of", ""))
        if not execution or execution in [source.execution for source in sources]:
            break
        found = await journal.read(execution=execution)
        by_id = {record.id: record for record in found if record.kind is Kind.BLOCK_ENDED}
        ends = {stage: by_id[end] for stage, end in wanted.items() if end in by_id}
        records = [end for stage, end in ends.items() if end.subject == stage]
        sources.append(Source(execution, found, {end.subject: end for end in records}))
    return sources


def _repeated(records: Sequence[Record]) -> dict[str, str]:
    """Return, by stage, the id of the record that the newest record of its end repeats."""
    ends = [record for record in records if record.kind is Kind.BLOCK_ENDED and "/" not in record.subject]
    newest = {record.subject: record.body.get("reused") for record in ends}
    return {stage: end for stage, end in newest.items() if isinstance(end, str)}


def _held(sources: Sequence[Source]) -> list[Record]:
    return sorted((record for source in sources for record in source.held), key=lambda record: record.seq)


def _value(record: Record) -> Mapping[str, Json]:
    return as_mapping(record.body["value"])
