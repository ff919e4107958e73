"""The predicate of a governed change: what it claims, and which claims the records beside it have to bear out.

    {"execution", "commit", "branch", "repository", "agent": {"name", "version", "digest"}, "policy": digest,
     "approval": null | {"record", "by", "asserted"}, "reports": {"before": {…}, "after": {…}},
     "cost": {…}, "sandbox": {…}, "records": {name: {"seq", "hash"}, …}}

Rules
  1. The records named are exactly the records carried, each with its hash, all of this execution, or of a stage that it took
     over as a rerun (trust.evidence.taken_over).
  2. A push of exactly this commit to this branch of this repository was decided, carried out and reported; it is the subject too.
  3. That push was decided by the policy named. When its decision rested on an approval, the predicate names the
     verdict that gave it, by whom, and whether only the operating system vouches for them; else it names none.
  4. An action of the agent named, in the version and digest named, is among the decisions.
  5. A report that names its `record` says nothing but what that record's value says.

`cost`, `sandbox` and reports that name no record are the control plane's word, and rest on its signature alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.bodies import read_part, read_text
from bridle.trust.encoding import read_fields
from bridle.trust.evidence.taken_over import collect_ends, find_foreign
from bridle.trust.journal import Kind, Record

CHANGE_V1 = "urn:bridle:predicate:change:v1"
PUSH = "git.push"

_CHANGE = frozenset(
    {
        "execution",
        "commit",
        "branch",
        "repository",
        "agent",
        "policy",
        "approval",
        "reports",
        "cost",
        "sandbox",
        "records",
    }
)
_AGENT = frozenset({"name", "version", "digest"})
_APPROVAL = frozenset({"record", "by", "asserted"})
_NAMED = frozenset({"seq", "hash"})


class ChangeError(TrustError):
    """The records do not bear out what a statement claims about a change."""

    default_reason = "claim-not-borne-out"


def name_records(records: Mapping[str, Record]) -> dict[str, Json]:
    """Return the predicate's `records` for the records that will be carried."""
    return {name: {"seq": record.seq, "hash": record.hash} for name, record in records.items()}


def collect_records(journal: Sequence[Record], outcomes: Mapping[str, str]) -> dict[str, Record]:
    """Return by name all records that `outcomes` (name to record id) rest on: what a bundle has to carry.

    For an outcome `push` these are push, push.intent, push.decision, and where people were asked push.asked, push.request, the
    verdict that was the last one needed as push.verdict, and those before it as push.verdict.1 and on; besides, each
    delegate's first registration under the delegate's id, every rotation of a key, the dismissal of each deputy whose word is
    carried, and as ship.taken-over.1 and on the ends of a stage that was taken over.
    """
    by_id = {record.id: record for record in journal}
    carried: dict[str, Record] = {}
    for name, record_id in outcomes.items():
        if record_id not in by_id or by_id[record_id].kind is not Kind.OUTCOME:
            raise ChangeError(f"{record_id} is not the outcome of an action", where=name)
        carried.update(_course_of(journal, by_id[record_id], name))
    carried.update(collect_ends(journal, list(carried.values())))
    deputies = {_name_deputy(record) for record in carried.values()}
    for record in journal:
        if record.kind is Kind.DEPUTY_DISMISSED and record.subject in deputies:
            carried[f"{record.subject}.dismissed"] = record
        if record.kind is Kind.PRINCIPAL_REGISTERED and record.body.get("kind") == "delegate":
            carried.setdefault(str(record.body["id"]), record)
        if record.kind is Kind.KEY_ROTATED:
            carried[f"{record.subject}.{record.seq}"] = record
    return dict(sorted(carried.items(), key=lambda item: item[1].seq))


def check_change(
    predicate: Json, *, subjects: Mapping[str, Mapping[str, Json]], records: Sequence[Record]
) -> dict[str, Record]:
    """Check the claims against `records` (in order, already verified); return them by the names they were given."""
    change = read_fields(predicate, _CHANGE, what="the predicate")
    named = match_names(change, records)
    foreign = find_foreign(records, execution=str(change["execution"]))
    if foreign is not None:
        raise ChangeError("a record of another execution is carried", where=foreign.id)
    decision, outcome = _find_push(change, records)
    commit = change["commit"]
    if not any(digests.get("gitCommit") == commit for digests in subjects.values()):
        raise ChangeError("the statement's subject is not the commit that was pushed")
    intent = last_before(records, outcome, Kind.INTENDED)
    if read_part(intent, "permit", "content", "expect").get("repository") != change["repository"]:
        raise ChangeError("the push was permitted to another repository", where=intent.id)
    if decision.body.get("policy") != change["policy"]:
        raise ChangeError("the push was decided by another policy", where=outcome.id)
    check_approval(change, decision, named)
    _check_agent(change, records)
    _check_reports(change, named)
    return named


def match_names(change: Mapping[str, Json], records: Sequence[Record]) -> dict[str, Record]:
    """Return the records by the names that a predicate gives them: all that are carried, and no others."""
    carried = {record.seq: record for record in records}
    named: dict[str, Record] = {}
    for name, claim in _object(change, "records").items():
        fields = read_fields(claim, _NAMED, what=f"the claim about {name}")
        record = carried.get(fields["seq"]) if isinstance(fields["seq"], int) else None
        if record is None or record.hash != fields["hash"]:
            raise ChangeError(f"the record named {name} is not the one carried")
        named[name] = record
    known = {record.seq for record in named.values()}
    strange = [record for record in records if record.seq not in known]
    if strange:
        raise ChangeError("a record is carried that the statement does not name", where=strange[0].id)
    return named


def _find_push(change: Mapping[str, Json], records: Sequence[Record]) -> tuple[Record, Record]:
    """Return the deciding record and the outcome of the push that succeeded."""
    for outcome in records:
        if (
            outcome.kind is Kind.OUTCOME
            and outcome.execution == change["execution"]
            and outcome.body.get("tool") == PUSH
            and outcome.body.get("status") == "succeeded"
        ):
            decision = last_before(records, outcome, Kind.DECIDED)
            arguments = read_part(decision, "request", "arguments")
            if all(arguments.get(name) == change[name] for name in ("commit", "branch")):
                return decision, outcome
    raise ChangeError("no push of this commit to this branch succeeded")


def check_approval(change: Mapping[str, Json], decision: Record, named: Mapping[str, Record]) -> None:
    """Raise ChangeError unless the predicate's `approval` is the verdict that this decision rests on."""
    used = read_part(decision, "facts").get("approval")
    if change["approval"] is None and used is None:
        return
    claim = read_fields(change["approval"], _APPROVAL, what="the claim about the approval")
    verdict = named.get(str(claim["record"]))
    if verdict is None or verdict.kind is not Kind.APPROVAL_VERDICT:
        raise ChangeError("the approval named is not the verdict of a person")
    if not isinstance(used, Mapping) or used.get("id") != verdict.subject:
        raise ChangeError("the push did not rest on the approval named", where=verdict.id)
    if any(verdict.body.get(name) != claim[name] for name in ("by", "asserted")):
        raise ChangeError("the approval was given by somebody else", where=verdict.id)


def _check_agent(change: Mapping[str, Json], records: Sequence[Record]) -> None:
    agent = read_fields(change["agent"], _AGENT, what="the claim about the agent")
    for record in records:
        if record.kind is Kind.DECIDED:
            acted = read_part(record, "facts").get("principal")
            if isinstance(acted, Mapping) and all(acted.get(name) == agent[name] for name in _AGENT):
                return
    raise ChangeError(f"no action of {agent['name']} in this version is among the records")


def _check_reports(change: Mapping[str, Json], named: Mapping[str, Record]) -> None:
    for name, report in _object(change, "reports").items():
        if not isinstance(report, Mapping) or "record" not in report:
            continue
        record = named.get(str(report["record"]))
        if record is None or record.kind is not Kind.OUTCOME:
            raise ChangeError(f"the report {name} names a record that is no outcome")
        value = read_part(record, "value")
        odd = [field for field in report if field != "record" and report[field] != value.get(field)]
        if odd:
            raise ChangeError(f"the report {name} says another {odd[0]} than its record", where=record.id)


def _course_of(journal: Sequence[Record], outcome: Record, name: str) -> dict[str, Record]:
    decision = last_before(journal, outcome, Kind.DECIDED)
    course = {
        name: outcome,
        f"{name}.intent": last_before(journal, outcome, Kind.INTENDED),
        f"{name}.decision": decision,
    }
    approval = read_part(decision, "facts").get("approval")
    if isinstance(approval, Mapping):
        course.update(_word_of(journal, str(approval["id"]), name))
    return course


def _name_deputy(record: Record) -> str:
    """Return by which naming somebody answered in another's place in this record, or an empty text."""
    behalf = record.body.get("behalf")
    naming = behalf.get("naming") if isinstance(behalf, Mapping) else None
    return str(naming.get("id", "")) if isinstance(naming, Mapping) else ""


def _word_of(journal: Sequence[Record], approval: str, name: str) -> dict[str, Record]:
    """Return the request and the verdicts of an approval, and the decision that asked for it."""
    about = [record for record in journal if record.subject == approval]
    request = next((record for record in about if record.kind is Kind.APPROVAL_REQUESTED), None)
    verdicts = [record for record in about if record.kind is Kind.APPROVAL_VERDICT]
    if request is None or not verdicts:
        raise ChangeError(f"the journal has no request and verdict of {approval}", where=name)
    action = read_text(request, "action")
    asked = [
        record
        for record in journal[: journal.index(request)]
        if record.kind is Kind.DECIDED and record.body.get("action") == action
    ]
    if not asked:
        raise ChangeError(f"no decision asked for {approval}", where=name)
    earlier = {f"{name}.verdict.{at}": record for at, record in enumerate(verdicts[:-1], start=1)}
    last = {f"{name}.verdict": verdicts[-1]}
    return {f"{name}.asked": asked[-1], f"{name}.request": request, **earlier, **last}


def last_before(records: Sequence[Record], outcome: Record, kind: Kind) -> Record:
    """Return the newest record of `kind` about the same action before its outcome."""
    found = [
        record
        for record in records
        if record.kind is kind
        and (record.execution, record.subject) == (outcome.execution, outcome.subject)
        and record.seq < outcome.seq
    ]
    if not found:
        raise ChangeError(f"the action has no {kind} record before its outcome", where=outcome.id)
    return found[-1]


def _object(change: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = change[name]
    if not isinstance(value, Mapping):
        raise ChangeError(f"the predicate's {name} is not an object")
    return value
