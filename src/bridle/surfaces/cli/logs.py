"""An execution told from its journal records, in lines for a person: each step, what it did and printed, and how it ended.

Rules
  1. The order is the journal's, but for steps that run beside each other: what a step did stands under its own heading. What
     is begun and has no outcome is said at the end.
  2. What programs and models printed stands behind a bar, so that it cannot pass for a line of ours; of much of it the end is
     shown, and how much is left out is said.

The records as they are: `--json`. What may not be shown as it is, is written out where it is printed (surfaces.cli.options).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bridle.core.canonical import as_mapping
from bridle.core.notes import split_note
from bridle.core.states import State
from bridle.engine.wording import describe_target
from bridle.surfaces.cli.progress import MARKS
from bridle.trust.journal import Kind, Record
from bridle.trust.verdicts import name_voter

SHOWN_LINES = 60  # of what one action printed; a screen or two
SHOWN_FAILURES = 10


def tell(records: Iterable[Record]) -> Iterator[str]:
    """Give the lines of an execution's records, or of some of them."""
    begun: dict[str, str] = {}
    actions: dict[str, str] = {}
    for record in _gather(records):
        if record.kind is Kind.DECIDED:
            actions[record.subject] = _action(record)
        if record.kind is Kind.INTENDED:
            begun[record.subject] = actions.get(record.subject, str(record.body["tool"]))
        if record.kind is Kind.OUTCOME:
            yield f"  {begun.pop(record.subject, record.subject)}"
        yield from TELLERS.get(record.kind, _named)(record)
    for action in begun.values():
        yield f"  {action}"
        yield "    begun, and no outcome is recorded"


def select(records: Iterable[Record], *, step: str) -> list[Record]:
    """Return the records that speak of the step at this path, the verdict on what it asked included; all when none is named."""
    chosen, asked = [], set()
    for record in records:
        subject = _step(record)
        if record.kind is Kind.APPROVAL_REQUESTED and record.body["topic"] == step:
            asked.add(subject)
        if not step or subject == step or subject in asked:
            chosen.append(record)
    return chosen


def _gather(records: Iterable[Record]) -> Iterator[Record]:
    """Put the records of each step together, where it began; what names no step stays with what was told before it."""
    sections: list[list[Record]] = [[]]
    running: dict[str, list[Record]] = {}
    last = sections[0]
    for record in records:
        step = _step(record)
        if record.kind is Kind.APPROVAL_REQUESTED and str(record.body["topic"]) in running:
            running[step] = running[str(record.body["topic"])]  # the verdict names what was asked
        if record.kind in HEADINGS or (record.kind in PLACED and step not in running):
            last = []
            sections.append(last)
        else:
            last = running.get(step, last)
        last.append(record)
        if record.kind is Kind.STEP_STARTED:
            running[step] = last
        if record.kind is Kind.STEP_ENDED:
            running.pop(step, None)
    for section in sections:
        yield from section


HEADINGS = frozenset({Kind.EXECUTION_STARTED, Kind.EXECUTION_ENDED, Kind.STEP_STARTED})
PLACED = frozenset(
    {Kind.STEP_ENDED, Kind.BLOCK_ENDED, Kind.INTERVENTION_REQUESTED, Kind.INTERVENTION_ANSWERED}
)


def _step(record: Record) -> str:
    """Return the path of the step whose action, beginning or end this is; the subject itself for anything else."""
    return record.subject.removeprefix(f"{record.execution}/").partition("#")[0]


def _action(record: Record) -> str:
    request = as_mapping(record.body["request"])
    target = describe_target(as_mapping(request["arguments"]))
    by = str(request["principal"])
    return f"{request['tool']} {target}".rstrip() + (f"  ({by})" if by.startswith("agent:") else "")


def _nothing(record: Record) -> Iterator[str]:
    yield from ()


def _named(record: Record) -> Iterator[str]:
    """A kind that has no words of its own here is told by its name."""
    yield f"{_time(record)} {record.kind} {record.subject}"


def _execution_started(record: Record) -> Iterator[str]:
    yield f"{_time(record)} started {record.subject}"


def _execution_ended(record: Record) -> Iterator[str]:
    yield ""
    yield f"{_time(record)} {_ending(record)}"


def _step_started(record: Record) -> Iterator[str]:
    yield ""
    yield f"{_time(record)} {record.subject}"


def _step_ended(record: Record) -> Iterator[str]:
    yield f"{_time(record)} {record.subject} {_ending(record)}"


def _block_ended(record: Record) -> Iterator[str]:
    """What ran inside a block has told of itself; a block that was left out has nothing else to be told by."""
    if not record.body.get("left_out"):
        return
    yield ""
    yield f"{_time(record)} {record.subject} {_ending(record)}"


def _decided(record: Record) -> Iterator[str]:
    effect = record.body["effect"]
    beside = list(_beside(record))
    if effect != "allow" or beside:  # else the outcome tells the action
        yield f"  {_action(record)}"
    yield from beside
    if effect == "allow":
        return
    said = {"deny": "refused by", "ask": "asks a person by"}[str(effect)]
    rules = record.body["rules"]
    assert isinstance(rules, list)
    yield from (f"    {said} {rule['rule']}: {' '.join(str(rule['reason']).split())}" for rule in rules)


def _beside(record: Record) -> Iterator[str]:
    """What rules said that decided nothing."""
    for name, said in (("warnings", "warning by"), ("would", "on trial, would {effect} by")):
        rules = record.body.get(name) or []
        assert isinstance(rules, list)
        for rule in rules:
            yield f"    {said.format(**rule)} {rule['rule']}: {' '.join(str(rule['reason']).split())}"


def _outcome(record: Record) -> Iterator[str]:
    value = record.body["value"]
    printed = list(_printed(value))
    left_out = len(printed) - SHOWN_LINES
    if left_out > 0:
        yield f"    … {left_out} lines before these; --json has them all"
    yield from (f"    | {line}" for line in printed[-SHOWN_LINES:])
    yield f"    {', '.join([str(record.body['status']), *_results(value)])}"


def _requested(record: Record) -> Iterator[str]:
    message = " ".join(str(record.body["message"]).split())
    yield f"  waits for a person: {message}  ({record.subject}, until {record.body['expires_at']})"


def _intervention(record: Record) -> Iterator[str]:
    if record.kind is Kind.INTERVENTION_ANSWERED:
        yield f"{_time(record)} {record.subject}: {record.body['by']} decided {record.body['answer']}"
        return
    offers = record.body["offers"]
    assert isinstance(offers, list)
    yield f"  waits for a person to decide about {record.subject}: {', '.join(map(str, offers))}"


def _parked(record: Record) -> Iterator[str]:
    yield f"  parked as {record.subject}: {record.body['reason']}"


def _work_looked(record: Record) -> Iterator[str]:
    said = record.body["why"] or record.body["answer"]
    yield f"  {record.subject}: its target was asked again ({record.body['number']} of {record.body['of']}): {said}"


def _work_settled(record: Record) -> Iterator[str]:
    yield f"{_time(record)} {record.subject} settled as {record.body['answer']} by {record.body['by']}"


def _verdict(record: Record) -> Iterator[str]:
    comment = " ".join(str(record.body.get("comment", "")).split())
    yield f"{_time(record)} {record.body['verdict']} by {name_voter(record.body)}{f': {comment}' if comment else ''}"


def _exhibit(record: Record) -> Iterator[str]:
    exhibit = as_mapping(record.body["exhibit"])
    counts = as_mapping(as_mapping(exhibit["summary"])["counts"])
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing counted"
    yield f"  evidence {exhibit['type']} about {record.subject}: {said}"


TELLERS = {
    Kind.PRINCIPAL_REGISTERED: _nothing,
    Kind.PRINCIPAL_CHANGED: _nothing,
    Kind.DEPUTY_NAMED: _nothing,
    Kind.DEPUTY_DISMISSED: _nothing,
    Kind.OVERRIDE_OPENED: _nothing,
    Kind.OVERRIDE_CLOSED: _nothing,
    Kind.TOKEN_MINTED: _nothing,
    Kind.TOKEN_DELETED: _nothing,
    Kind.INTENDED: _nothing,
    Kind.WORK_PARKED: _parked,
    Kind.WORK_LOOKED: _work_looked,
    Kind.WORK_SETTLED: _work_settled,
    Kind.EVIDENCE_ISSUED: _nothing,
    Kind.EVIDENCE_ADDED: _exhibit,
    Kind.CONTROLS_ATTESTED: _nothing,
    Kind.EXECUTION_STARTED: _execution_started,
    Kind.EXECUTION_ENDED: _execution_ended,
    Kind.BLOCK_STARTED: _nothing,
    Kind.BLOCK_ENDED: _block_ended,
    Kind.BRANCH_STOPPED: _nothing,
    Kind.INTERVENTION_REQUESTED: _intervention,
    Kind.INTERVENTION_ANSWERED: _intervention,
    Kind.STEP_STARTED: _step_started,
    Kind.STEP_ENDED: _step_ended,
    Kind.DECIDED: _decided,
    Kind.OUTCOME: _outcome,
    Kind.APPROVAL_REQUESTED: _requested,
    Kind.APPROVAL_VERDICT: _verdict,
}


def _printed(value: Any) -> Iterator[str]:
    """What a program printed, a model said or a search found, line by line, and the tests that failed."""
    if not isinstance(value, Mapping):
        return
    for name in ("stdout", "stderr", "text"):
        text = value.get(name)
        if (
            isinstance(text, str) and text and "total_lines" not in value
        ):  # a file that was read is not printed again
            yield from text.removesuffix("\n").split("\n")
    for match in value.get("matches") or ():
        yield f"{match['path']}:{match['line']}: {match['text']}"
    for report in _reports(value):
        failing = [
            " ".join(f"{case['name']}: {case['message']}".split()) for case in report.get("failing") or ()
        ]
        yield from dict.fromkeys(failing[:SHOWN_FAILURES])


def _results(value: Any) -> Iterator[str]:
    """How it came out, beside what it printed, in words."""
    if not isinstance(value, Mapping):
        return
    for name, words in RESULTS.items():
        if value.get(name) is not None and (said := words(value[name])):
            yield " ".join(said.split())
    for report in _reports(value):
        yield " ".join(f"{report[name]} {name}" for name in COUNTS if name in report)


NO_EXIT = -1  # what was stopped has none; `why` says by what
RESULTS: Mapping[str, Callable[[Any], str]] = {
    "error": str,
    "next": str,
    "exit_code": lambda code: "" if code == NO_EXIT else f"exit code {code}",
    "why": lambda why: "" if why == "exit" else f"stopped: {why}",
    "commit": lambda commit: f"commit {commit}",
    "branch": lambda branch: f"branch {branch}",
    "total_lines": lambda count: f"a file of {count} lines",
    "entries": lambda entries: f"{len(entries)} entries",
    "calls": lambda calls: f"calls {', '.join(str(call['tool']) for call in calls)}" if calls else "",
    "outputs": lambda outputs: f"outputs {', '.join(outputs)}" if outputs else "",
}
COUNTS = ("tests", "failures", "errors", "skipped")


def _reports(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (part for part in (value.get("report"), value.get("suite")) if isinstance(part, Mapping))


def _ending(record: Record) -> str:
    state = State(str(record.body["state"]))
    note, hint = split_note(str(record.body.get("note") or ""))
    return f"{MARKS[state][0]} {state}{f': {note}' if note else ''}{f' (next: {hint})' if hint else ''}"


def _time(record: Record) -> str:
    return record.at[11:19]
