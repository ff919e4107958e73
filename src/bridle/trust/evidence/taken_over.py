"""What a rerun shows for a stage that it took over: the record of the stage's end, which repeats the one in the other execution.

Rules
  1. A record of another execution counts only when it is about an action in a stage that was taken over, and from before that
     stage's end.
  2. Ends lead there one after the other: each names by id the one it repeats, of the same stage, which stands earlier.
  3. An approval is about an action, so it counts where that stage had not ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridle.trust.journal import Kind, Record


def collect_ends(journal: Sequence[Record], carried: Sequence[Record]) -> dict[str, Record]:
    """Return, named after their stage, the ends that lead from a rerun to the executions of the records `carried`."""
    executions = {record.execution for record in carried if record.execution}
    newest = max(carried, key=lambda record: record.seq).execution  # nothing that was taken over came after
    ends: dict[str, Record] = {}
    for stage, chain in _chains(journal, execution=newest):
        if len(chain) > 1 and any(end.execution in executions for end in chain[1:]):
            ends.update({f"{stage}.taken-over.{at}": end for at, end in enumerate(chain, start=1)})
    return ends


def find_foreign(records: Sequence[Record], *, execution: str) -> Record | None:
    """Return the first record that counts neither as this execution's nor as that of a stage it took over; None if all do."""
    chains = [chain for _, chain in _chains(records, execution=execution)]
    ends = {end.id for chain in chains for end in chain}
    taken = [end for chain in chains for end in chain[1:]]
    for record in records:
        if (
            record.kind in (Kind.PRINCIPAL_REGISTERED, Kind.KEY_ROTATED, Kind.DEPUTY_DISMISSED)
            or record.execution == execution
            or record.id in ends
        ):
            continue
        if not any(_stands_in(record, end) for end in taken):
            return record
    return None


def _stands_in(record: Record, end: Record) -> bool:
    about_approval = record.kind in (Kind.APPROVAL_REQUESTED, Kind.APPROVAL_VERDICT)
    inside = about_approval or record.subject.startswith(f"{end.execution}/{end.subject}/")
    return inside and record.execution == end.execution and record.seq < end.seq


def _chains(records: Sequence[Record], *, execution: str) -> Iterator[tuple[str, list[Record]]]:
    """Yield, by stage, its newest end in `execution` and those that this one repeats, one after the other."""
    ends = [record for record in records if record.kind is Kind.BLOCK_ENDED and "/" not in record.subject]
    by_id = {end.id: end for end in ends}
    newest = {end.subject: end for end in ends if end.execution == execution}
    for stage, end in newest.items():
        chain = [end]
        while (earlier := by_id.get(str(chain[-1].body.get("reused", "")))) is not None:
            if earlier.subject != stage or earlier.seq >= chain[-1].seq:
                break
            chain.append(earlier)
        yield stage, chain
