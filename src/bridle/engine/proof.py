"""Issues evidence of what an execution shipped, from the journal alone.

The statement binds commit, test reports before and after, agent version, policy, approval and cost, and names the records
that bear it out. It is signed once the push has succeeded; the bundle with its inclusion proofs is written when a checkpoint
covers those records. An execution that pushed nothing has nothing to prove here; its journal still verifies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from bridle.core.canonical import Json, as_mapping, digest
from bridle.engine.execution import Execution
from bridle.engine.finish import Attestor
from bridle.gate.reruns import read_counted
from bridle.trust.evidence.bundle import bundle, issue_statement
from bridle.trust.evidence.change import CHANGE_V1, collect_records, name_records
from bridle.trust.evidence.deployment import (
    DEPLOYMENT_V1,
    describe_deployment,
    find_deployment,
    name_digests,
    subjects_of,
)
from bridle.trust.journal import Entry, Journal, Kind, Record
from bridle.trust.keys import Signer, Verifier


class SignedJournal(Journal, Protocol):
    """A journal that can sign its head and list its leaves."""

    async def checkpoint(self) -> str:
        """Sign the journal as it stands and return the checkpoint's text."""
        ...

    async def leaves(self, size: int) -> list[bytes]:
        """Return the leaf hashes of the first `size` records."""
        ...


@dataclass(frozen=True)
class Shipment:
    """The outcomes that a statement rests on."""

    push: Record
    commit: Record
    before: Record | None
    after: Record


@dataclass(kw_only=True)
class Proof(Attestor):
    """Implements `engine.finish.Attestor`; bundles lie in `folder` as `<execution>.json`."""

    journal: SignedJournal
    signer: Signer
    delegate_key: Verifier
    folder: Path

    def path(self, execution_id: str) -> Path:
        """Return where the bundle of an execution lies, or would lie."""
        return self.folder / f"{execution_id}.json"

    async def issue(self, execution: Execution) -> str:
        known = await self.journal.last(execution.id, execution.id, (Kind.EVIDENCE_ISSUED,))
        if known is not None:
            return known.id
        shipment = find_shipment(await read_counted(self.journal, execution.id), execution.id)
        if shipment is None:
            return ""
        predicate, _ = describe(execution, shipment, await self.journal.read())
        body: dict[str, Json] = {"predicate_type": CHANGE_V1, "predicate": digest(predicate)}
        entry = Entry(Kind.EVIDENCE_ISSUED, execution.id, execution.id, body)
        return (await self.journal.append([entry]))[0].id

    async def publish(self, execution: Execution) -> None:
        text = await self.journal.checkpoint()
        issued = await self.journal.last(execution.id, execution.id, (Kind.EVIDENCE_ISSUED,))
        if issued is None or self.path(execution.id).exists():
            return
        _write_whole(self.path(execution.id), await self.build(execution, text))

    async def build(self, execution: Execution, checkpoint: str) -> bytes:
        """Return the bundle of an execution under a checkpoint that covers it."""
        records = await self.journal.read()
        shipment = find_shipment(await read_counted(self.journal, execution.id), execution.id)
        assert shipment is not None
        predicate, carried = describe(execution, shipment, records)
        envelope = issue_statement(
            self.signer,
            subjects={"commit": {"gitCommit": str(predicate["commit"])}},
            predicate_type=CHANGE_V1,
            predicate=predicate,
        )
        size = int(checkpoint.splitlines()[1])
        return bundle(
            envelope=envelope,
            records=list(carried.values()),
            leaves=await self.journal.leaves(size),
            checkpoint=checkpoint,
            control_plane=self.signer.verifier,
            delegate=self.delegate_key,
        )


async def prove_deployment(
    journal: SignedJournal, signer: Signer, target: str, requires: Sequence[str]
) -> bytes:
    """Return a bundle that proves which evidence was there when `target` (an execution or a subject) was deployed.

    Raise InputError when nothing was, or when required evidence was not there before it was decided, or did not pass.
    """
    text = await journal.checkpoint()
    size = int(text.splitlines()[1])
    records = [record for record in await journal.read() if record.seq < size]
    outcome = find_deployment(records, target)
    predicate, carried = describe_deployment(records, outcome, requires)
    about = subjects_of(carried["deployment.decision"])
    envelope = issue_statement(
        signer, subjects=name_digests(about), predicate_type=DEPLOYMENT_V1, predicate=predicate
    )
    delegate = str(as_mapping(outcome.body["report"])["delegate"])
    return bundle(
        envelope=envelope,
        records=list({record.seq: record for record in carried.values()}.values()),
        leaves=await journal.leaves(size),
        checkpoint=text,
        control_plane=signer.verifier,
        delegate=Verifier.from_hex(str(carried[delegate].body["public_key"])),
    )


def find_shipment(records: Sequence[Record], execution: str) -> Shipment | None:
    """Return the push of an execution that succeeded and what it rests on, or None when it pushed nothing.

    `records` are its own, and of a rerun those of the stages it took over: the commit may have been made there.
    """
    outcomes = [record for record in records if record.kind is Kind.OUTCOME]
    pushes = [
        record
        for record in outcomes
        if _is(record, "git.push") and record.body["status"] == "succeeded" and record.execution == execution
    ]
    if not pushes:
        return None
    value = as_mapping(pushes[-1].body["value"])
    commit = next(
        record
        for record in outcomes
        if _is(record, "git.commit") and as_mapping(record.body["value"]).get("commit") == value["commit"]
    )
    after = next(record for record in outcomes if record.subject == f"{commit.subject}/verify")
    before = next((record for record in outcomes if _is_builds(record) and _report(record)), None)
    return Shipment(pushes[-1], commit, before, after)


def describe(
    execution: Execution, shipment: Shipment, records: Sequence[Record]
) -> tuple[dict[str, Json], dict[str, Record]]:
    """Return the predicate and, by name, the records that it rests on."""
    outcomes = {"push": shipment.push.id, "commit": shipment.commit.id, "after": shipment.after.id}
    if shipment.before is not None:
        outcomes["before"] = shipment.before.id
    carried = collect_records(records, outcomes)
    decided, committed = carried["push.decision"].body, carried["commit.decision"].body
    agent = as_mapping(as_mapping(committed["facts"])["principal"])
    value = as_mapping(shipment.push.body["value"])
    predicate: dict[str, Json] = {
        "execution": execution.id,
        "commit": value["commit"],
        "branch": value["branch"],
        "repository": as_mapping(as_mapping(decided["facts"])["provenance"])["repository"],
        "agent": {name: agent[name] for name in ("name", "version", "digest")},
        "policy": decided["policy"],
        "approval": _approval(carried),
        "reports": _reports(shipment),
        "cost": sum_cost([record for record in records if record.execution == execution.id]),
        "sandbox": as_mapping(shipment.after.body["facts"]).get("sandbox"),
        "records": name_records(carried),
    }
    return predicate, carried


def sum_cost(records: Sequence[Record]) -> dict[str, Json]:
    """Add up what the model calls of an execution used. `charged_usd` leaves out what was played from a file."""
    tokens, turns, listed, charged, unpriced = 0, 0, Decimal(0), Decimal(0), 0
    for record in records:
        if record.kind is not Kind.OUTCOME or not _is(record, "model.call"):
            continue
        facts = as_mapping(record.body["facts"])
        usage = as_mapping(facts.get("usage") or {})
        turns += 1
        tokens += sum(int(str(usage.get(name, 0))) for name in ("input_tokens", "output_tokens"))
        cost = facts.get("cost_usd")
        unpriced += cost is None and bool(usage)  # a call that failed has used nothing that has a price
        listed += Decimal(str(cost or 0))
        charged += Decimal(0) if facts.get("priced") == "recorded" else Decimal(str(cost or 0))
    return {
        "turns": turns,
        "tokens": tokens,
        "list_usd": str(listed),
        "charged_usd": str(charged),
        "unpriced_turns": unpriced,
    }


def _approval(carried: Mapping[str, Record]) -> dict[str, Json] | None:
    verdict = carried.get("push.verdict")
    if verdict is None:
        return None
    return {"record": "push.verdict", "by": verdict.body["by"], "asserted": verdict.body["asserted"]}


def _reports(shipment: Shipment) -> dict[str, Json]:
    reports: dict[str, Json] = {
        "after": {"record": "after", "suite": as_mapping(shipment.after.body["value"])["suite"]}
    }
    if shipment.before is not None:
        reports["before"] = {"record": "before", "report": _report(shipment.before)}
    return reports


def _report(record: Record) -> Json:
    value = record.body["value"]
    return value.get("report") if isinstance(value, Mapping) else None


def _is(record: Record, tool: str) -> bool:
    return record.body.get("tool") == tool


def _is_builds(record: Record) -> bool:
    """True for a command of the pipeline itself: what an agent ran is its own word about the build, not the build's."""
    return _is(record, "command.run") and not str(record.body["principal"]).startswith("agent:")


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
