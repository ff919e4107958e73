"""The predicate of a deployment: what was deployed or pushed, and which evidence about just that was there before it was decided.

    {"execution", "deployment": {"record", "tool", "leaf"}, "subjects": ["commit:…", "tree:sha256:…", "sha256:…"],
     "policy": digest, "approval": null | {"record", "by", "asserted"}, "requires": ["sarif", …],
     "evidence": [{"record", "type", "subject", "signer", "leaf"}, …], "controls": null | name,
     "records": {name: {"seq", "hash"}, …}}

Rules
  1. The records named are exactly the records carried, each with its hash.
  2. The deployment is an outcome that succeeded, of an action that lasts, allowed by the policy named; it is about the subjects
     named, and so is the statement.
  3. When its decision rested on an approval, the predicate names the verdict; else it names none.
  4. Each piece of evidence is about one of the subjects, says that it passed, and stands in the log before the deployment was
     decided. It is what its record says: a file that a delegate read or a person handed in, or the verification of the tree.
  5. For every type that is required there is one.
  6. The controls named are those of this execution, from before the decision.

It does not show that no other evidence was there, nor that what passed was enough: the decision's own record tells on which facts
it was made, and a policy says what is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import InputError, TrustError
from bridle.trust.bodies import read_part
from bridle.trust.encoding import read_fields
from bridle.trust.evidence.change import (
    check_approval,
    collect_records,
    last_before,
    match_names,
    name_records,
)
from bridle.trust.evidence.exhibits import find_subjects, has_passed
from bridle.trust.journal import Kind, Record

DEPLOYMENT_V1 = "urn:bridle:predicate:deployment:v1"
LASTING = ("consequential", "destructive")
VERIFY = "workspace.verify"

_DEPLOYMENT = frozenset(
    [
        "execution",
        "deployment",
        "subjects",
        "policy",
        "approval",
        "requires",
        "evidence",
        "controls",
        "records",
    ]
)
_DEPLOYED = frozenset({"record", "tool", "leaf"})
_EXHIBIT = frozenset({"record", "type", "subject", "signer", "leaf"})
_DIGESTS = {"commit:": "gitCommit", "tree:sha256:": "bridleTree", "sha256:": "sha256"}


class DeploymentError(TrustError):
    """The records do not bear out what a statement claims about a deployment."""

    default_reason = "claim-not-borne-out"


def find_deployment(records: Sequence[Record], target: str) -> Record:
    """Return the newest outcome of a deployment: of an execution, or about a subject. Raise InputError when there is none."""
    decided = {
        (record.execution, record.subject): record for record in records if record.kind is Kind.DECIDED
    }
    for outcome in reversed(records):
        decision = decided.get((outcome.execution, outcome.subject))
        if outcome.kind is not Kind.OUTCOME or outcome.body.get("status") != "succeeded" or decision is None:
            continue
        about = subjects_of(decision)
        if about and lasts(decision) and target in (outcome.execution, *about):
            return outcome
    raise InputError(
        f"nothing was deployed or pushed that is {target}",
        hint="name an execution that pushed or deployed, a commit, or a digest: bridle executions",
        reason="nothing-deployed",
    )


def describe_deployment(
    records: Sequence[Record], outcome: Record, requires: Sequence[str]
) -> tuple[dict[str, Json], dict[str, Record]]:
    """Return the predicate and, by name, the records it rests on; raise InputError when required evidence is not there."""
    decision = last_before(records, outcome, Kind.DECIDED)
    about = subjects_of(decision)
    found = {
        type_: _find_evidence(records, type_, about, before=decision) for type_ in dict.fromkeys(requires)
    }
    carried = collect_records(records, {"deployment": outcome.id})
    claims: list[Json] = []
    for number, (type_, record) in enumerate(found.items(), start=1):
        name = f"evidence.{number}"
        carried.update(_with_course(records, record, name))
        claims.append({"record": name, "leaf": record.seq, **_say(record, type_)})
    controls = _controls_of(records, decision)
    if controls is not None:
        carried["controls"] = controls
    carried = dict(sorted(carried.items(), key=lambda item: item[1].seq))
    verdict = carried.get("deployment.verdict")
    predicate: dict[str, Json] = {
        "execution": outcome.execution,
        "deployment": {"record": "deployment", "tool": outcome.body["tool"], "leaf": outcome.seq},
        "subjects": about,
        "policy": decision.body["policy"],
        "approval": _approval(verdict),
        "requires": list(found),
        "evidence": claims,
        "controls": "controls" if controls else None,
        "records": name_records(carried),
    }
    return predicate, carried


def _approval(verdict: Record | None) -> dict[str, Json] | None:
    if verdict is None:
        return None
    return {"record": "deployment.verdict", "by": verdict.body["by"], "asserted": verdict.body["asserted"]}


def name_digests(about: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the subjects as an in-toto statement names them."""
    return {subject: _digest_set(subject) for subject in about}


def check_deployment(
    predicate: Json, *, subjects: Mapping[str, Mapping[str, Json]], records: Sequence[Record]
) -> dict[str, Record]:
    """Check the claims against `records` (in order, already verified); return them by the names they were given."""
    claim = read_fields(predicate, _DEPLOYMENT, what="the predicate")
    named = match_names(claim, records)
    deployed = read_fields(claim["deployment"], _DEPLOYED, what="the claim about the deployment")
    outcome = _named(named, deployed["record"], Kind.OUTCOME)
    decision = last_before(records, outcome, Kind.DECIDED)
    _must(outcome.execution == claim["execution"], "the deployment is of another execution")
    _must(
        outcome.body.get("status") == "succeeded" and lasts(decision),
        "the record named is no deployment that succeeded",
    )
    _must(
        (outcome.body.get("tool"), outcome.seq) == (deployed["tool"], deployed["leaf"]),
        "it was another deployment",
    )
    about = subjects_of(decision)
    _must(bool(about) and list(_listed(claim["subjects"])) == about, "the deployment is about something else")
    _must(dict(subjects) == name_digests(about), "the statement is about something else than the deployment")
    _must(decision.body.get("policy") == claim["policy"], "it was decided by another policy")
    check_approval(claim, decision, named)
    types = [_check_exhibit(item, named, about, before=decision) for item in _listed(claim["evidence"])]
    missing = [str(type_) for type_ in _listed(claim["requires"]) if type_ not in types]
    _must(not missing, f"there is no evidence of type {', '.join(missing)}")
    if claim["controls"] is not None:
        controls = _named(named, claim["controls"], Kind.CONTROLS_ATTESTED)
        of_this = controls.execution == claim["execution"] and controls.seq < decision.seq
        _must(of_this, "the controls are not those that this was decided under")
    return named


def subjects_of(decision: Record) -> list[str]:
    """Return what a decided action is about."""
    provenance = read_part(decision, "facts").get("provenance")
    arguments = read_part(decision, "request", "arguments")
    return find_subjects(arguments, provenance if isinstance(provenance, Mapping) else None)


def lasts(decision: Record) -> bool:
    """True for an allowed action that changes what lies outside."""
    about = read_part(decision, "facts").get("action")
    return (
        isinstance(about, Mapping)
        and about.get("effect") in LASTING
        and decision.body.get("effect") == "allow"
    )


def _find_evidence(records: Sequence[Record], type_: str, about: Sequence[str], *, before: Record) -> Record:
    """Return the newest evidence of a type from before the decision; a newer one that failed is not left out."""
    for record in reversed(records):
        if record.seq >= before.seq or _say(record, type_)["subject"] not in about:
            continue
        if not _passed(record, type_):
            raise InputError(
                f"the newest evidence of type {type_} says that it did not pass",
                where=record.id,
                reason="evidence-not-passed",
            )
        return record
    raise InputError(
        f"no evidence of type {type_} about {', '.join(about)} was there when it was decided",
        hint="hand it in before: `evidence:` of a step, or bridle evidence add",
        reason="evidence-missing",
    )


def _say(record: Record, type_: str) -> dict[str, Json]:
    """Return type, subject and signer of a record that is evidence of this type, else a claim about nothing."""
    if record.kind is Kind.EVIDENCE_ADDED:
        exhibit = read_part(record, "exhibit")
        if exhibit.get("type") == type_:
            return {"type": type_, "subject": exhibit["subject"], "signer": record.body["signer"]}
    value, report = record.body.get("value"), record.body.get("report")
    is_verification = record.kind is Kind.OUTCOME and record.body.get("tool") == VERIFY and type_ == "junit"
    if is_verification and isinstance(value, Mapping) and isinstance(report, Mapping):
        return {"type": type_, "subject": f"tree:{value.get('tree')}", "signer": report.get("delegate")}
    return {"type": type_, "subject": None, "signer": None}


def _passed(record: Record, type_: Json) -> bool:
    if record.kind is Kind.EVIDENCE_ADDED:
        return has_passed(type_, read_part(record, "exhibit", "summary"))
    suite = read_part(record, "value").get("suite")
    good = (
        record.body.get("status") == "succeeded"
        and isinstance(suite, Mapping)
        and suite.get("exit_code") == 0
    )
    return bool(good) and has_passed(type_, {"counts": as_mapping(suite), "highest": ""})


def _with_course(records: Sequence[Record], record: Record, name: str) -> dict[str, Record]:
    """Return a record of evidence with the action that it rests on, and of a person's the record alone."""
    if record.kind is Kind.OUTCOME:
        return collect_records(records, {name: record.id})
    if "key" not in record.body:
        return {name: record}
    read = next(
        one
        for one in records
        if one.kind is Kind.OUTCOME and (one.execution, one.subject) == (record.execution, record.body["key"])
    )
    return {name: record, **collect_records(records, {f"{name}.read": read.id})}


def _controls_of(records: Sequence[Record], decision: Record) -> Record | None:
    """The newest before the decision: each process that serves a session attests its own."""
    return next(
        (
            one
            for one in sorted(records, key=lambda one: -one.seq)
            if (one.kind, one.execution) == (Kind.CONTROLS_ATTESTED, decision.execution)
            and one.seq < decision.seq
        ),
        None,
    )


def _check_exhibit(claim: Json, named: Mapping[str, Record], about: Sequence[str], *, before: Record) -> Json:
    fields = read_fields(claim, _EXHIBIT, what="a claim about evidence")
    record = _named(named, fields["record"], Kind.EVIDENCE_ADDED, Kind.OUTCOME)
    said = _say(record, str(fields["type"]))
    same = {"record": fields["record"], "leaf": record.seq, **said} == dict(fields)
    _must(same, "the evidence says something else than is claimed", record)
    _must(fields["subject"] in about, "the evidence is about something else than the deployment", record)
    _must(record.seq < before.seq, "the evidence came after the deployment was decided", record)
    _must(_passed(record, fields["type"]), "the evidence does not say that it passed", record)
    return fields["type"]


def _named(named: Mapping[str, Record], name: Json, *kinds: Kind) -> Record:
    record = named.get(str(name))
    if record is None or record.kind not in kinds:
        raise DeploymentError(f"the record named {name} is not what it is named for")
    return record


def _digest_set(subject: str) -> dict[str, str]:
    prefix = next(prefix for prefix in _DIGESTS if subject.startswith(prefix))
    return {_DIGESTS[prefix]: subject.removeprefix(prefix)}


def _listed(value: Json) -> Iterator[Json]:
    _must(isinstance(value, (list, tuple)), "a claim is not a list")
    assert isinstance(value, (list, tuple))
    yield from value


def _must(holds: bool, otherwise: str, record: Record | None = None) -> None:
    if not holds:
        raise DeploymentError(otherwise, where=record.id if record else "")
