"""Provenance: where a commit comes from, and what a push came to, read back from the records of both."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json, as_mapping
from bridle.core.visible import hide_userinfo
from bridle.gate.action import Action
from bridle.gate.reruns import arguments_of, did, options_of, read_counted, whole_clones
from bridle.trust.journal import Journal, Kind, Record

UNDONE = ("repository", "workspace", "branch", "commit", "previous")


async def find_provenance(journal: Journal, action: Action) -> dict[str, Json] | None:
    """Return who made the commit that is to be pushed, and on which test report; None when it was not made here."""
    commit = action.request.arguments.get("commit")
    if action.request.tool != "git.push" or not isinstance(commit, str):
        return None
    records = await read_counted(journal, action.execution)
    made = [record for record in records if made_commit(record, commit)]
    return describe_provenance(records, made[-1], commit) if made else None


async def describe_undone(journal: Journal, action: Action) -> dict[str, Json] | None:
    """Return what the push came to that is to be put back; None unless this execution is the rollback of the push's."""
    key = action.request.arguments.get("push")
    if action.request.tool != "git.restore" or not isinstance(key, str):
        return None
    undoes = (await options_of(journal, action.execution)).get("undoes")
    if not isinstance(undoes, str) or not key.startswith(f"{undoes}/"):
        return None
    outcome = await journal.last(undoes, key, (Kind.OUTCOME,))
    value = outcome.body["value"] if outcome and outcome.body["status"] == "succeeded" else None
    if outcome is None or outcome.body["tool"] != "git.push" or not isinstance(value, Mapping):
        return None
    return {name: value.get(name) for name in UNDONE}


def made_commit(record: Record, commit: str) -> bool:
    """True for the outcome of the commit's making."""
    return did(record, "git.commit") and as_mapping(record.body["value"]).get("commit") == commit


def verified_tree(record: Record, tree: Json) -> bool:
    """True for the outcome of a verification of this tree."""
    value = record.body.get("value")
    return (
        record.kind is Kind.OUTCOME
        and record.body.get("tool") == "workspace.verify"
        and isinstance(value, Mapping)
        and value.get("tree") == tree
    )


def describe_provenance(records: list[Record], made: Record, commit: str) -> dict[str, Json]:
    """Join the commit's outcome with the decision and the verification that it was made on."""
    about = {record.kind: record for record in records if record.subject == made.subject}
    decided = about[Kind.DECIDED].body
    facts = decided["facts"]
    assert isinstance(facts, Mapping)
    principal, verification = facts["principal"], facts["verification"]
    assert isinstance(principal, Mapping)
    assert isinstance(verification, Mapping)
    suite = verification.get("suite")
    return {
        "commit": commit,
        "repository": hide_userinfo(_cloned_from(records, before=made)),
        "message": arguments_of(about[Kind.DECIDED])["message"],
        "change": as_mapping(made.body["facts"]).get("change"),
        "execution": made.execution,
        "record": made.id,
        "agent": principal["id"],
        "agent_version": principal["version"],
        "agent_digest": principal["digest"],
        "tree": verification["tree"],
        "changed": verification["changed"],
        "report": suite.get("report", "") if isinstance(suite, Mapping) else "",
    }


def _cloned_from(records: list[Record], *, before: Record) -> str:
    """Return the repository that the workspace was cloned from when the commit was made."""
    clones = whole_clones([record for record in records if record.seq < before.seq])
    decided = {record.subject: record for record in records if record.kind is Kind.DECIDED}
    return str(arguments_of(decided[clones[-1].subject])["repository"]) if clones else ""


def report_of(record: Record) -> Mapping[str, Json] | None:
    """The report of a command that a step of the pipeline, not an agent, has run."""
    if record.kind is not Kind.OUTCOME or record.body.get("tool") != "command.run":
        return None
    value, by = record.body.get("value"), record.body.get("principal")
    report = value.get("report") if isinstance(value, Mapping) else None
    return report if isinstance(report, Mapping) and not str(by).startswith("agent:") else None
