"""What no policy can allow: the refusals that stand in code, before any rule is asked.

Rules, in this order; the first four end the reading, the others all speak
   1. tool.unknown              no manifest, or one of another tool
      tool.stopped              an external tool that is gone, changed, or contradicted by its server (gate.external)
   2. facts.incomplete          a fact the rules below need is absent or misshapen
   3. tool.arguments            the arguments do not fit the tool's schema
   4. scope.missing             the token does not hold what the tool needs
   5. tool.not-for-agents       an agent asks for a tool that only the harness and people use
   6. path.outside-workspace    a path argument leaves the workspace or hides what it is
   7. path.protected,           a path that is written lies in a protected place, or
      path.not-writable         outside what may be written
   8. git.branch                a commit, or an agent's push, to a branch that the step does not own
   9. commit.outside-boundary   what changed was not recomputed, is another tree's, or holds a forbidden path
  10. commit.secret             a line that would be committed holds a known secret or a token, or nobody has looked
  11. commit.suite-not-green    the suite did not run, failed, ran nothing, or ran less than its baseline
  12. git.unknown-commit       a commit to be pushed that was made through the gate neither in this execution nor in a stage that
                               it took over as a rerun
  13. git.unknown-push          a push to be put back that the execution which is rolled back did not make, or not so
  14. workspace.unknown-tree    a tree, or commits, to begin a rerun with that the execution which is run again did not have
  15. budget.exhausted          nothing is left to call a model with
  16. network.not-granted       the step's boundary asks for a network
  17. domain.not-listed         an argument names a host that the tool's owner does not list, or hides it
  18. spend.per-call            an argument is no amount, or more than one call may spend
  19. limit.full,               a limit of the account, or what a tool may spend, has no room for this (gate.limits)
      spend.used-up,
      limit.not-known           or nobody can tell
      breaker.open              too much of what it runs on has failed (gate.breakers)
  20. case.…                    what the case itself forbids, by its state and its type (operating.cases.rules)

The model is told the reason, so a reason says what was wrong and what would be right. `model.call` is exempt
from rule 5: it is not offered to agents, but the harness makes it in the agent's name. Pure; asks nobody and
combines nothing: gate.decision does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from bridle.core.boundary import Boundary, clean_path, matches_any
from bridle.core.canonical import Json, canonical
from bridle.core.errors import InputError
from bridle.core.visible import show_name
from bridle.gate.breakers import refuse_open
from bridle.gate.filling import refuse_full
from bridle.gate.hosts import host_of, is_below
from bridle.gate.loops import is_counted
from bridle.gate.manifest import Manifest
from bridle.gate.verification import difference_complaint, secrets_complaint, suite_complaint
from bridle.trust.policy import Finding

Facts: TypeAlias = Mapping[str, Json]

NO_AGENTS = ("user", "service", "delegate")  # a kind that nobody has heard of gets no more than an agent


@dataclass(frozen=True)
class Case:
    """The facts that the rules here read, known to be there and of their kinds."""

    tool: str
    arguments: Mapping[str, Json]
    by_agent: bool
    scope: frozenset[str]
    boundary: Boundary
    verification: Mapping[str, Json] | None
    provenance: Mapping[str, Json] | None
    undoes: Mapping[str, Json] | None
    reruns: Mapping[str, Json] | None
    budget: Mapping[str, Json] | None
    tree: str
    manifest: Manifest
    refused: tuple[Finding, ...]


def check_boundaries(
    facts: Facts, manifest: Manifest | None, *, verified: bool = True
) -> tuple[Finding, ...]:
    """Return what forbids the action whatever a policy says, in the order of the rules; empty if nothing.

    Without `verified`, the rules that read the verification are left out: it has not been made yet.
    """
    tool = _tool_of(facts)
    if manifest is None or manifest.tool != tool:
        return (Finding("tool.unknown", f"There is no tool {tool!r}. Use one of the tools you were given."),)
    if manifest.stopped:
        reason = f"{tool} is stopped: {manifest.stopped}. Somebody who owns it has to look."
        return (Finding("tool.stopped", reason),)
    try:
        case = _read(facts, manifest)
    except InputError as exc:
        return (Finding("facts.incomplete", f"The facts needed to decide are not complete: {exc.what}."),)
    complaint = manifest.complaint(case.arguments)
    if complaint:
        return (Finding("tool.arguments", f"The arguments do not fit {tool}: {complaint}."),)
    told = (finding for rule in RULES if verified or rule not in ON_VERIFICATION for finding in rule(case))
    return (*told, *refuse_full(facts, manifest), *refuse_open(facts))


def _tool_of(facts: Facts) -> str:
    action = facts.get("action")
    return str(action.get("tool", "")) if isinstance(action, Mapping) else ""


def _read(facts: Facts, manifest: Manifest) -> Case:
    principal, action, scope = _mapping(facts, "principal"), _mapping(facts, "action"), facts.get("scope")
    if not isinstance(scope, (list, tuple)):
        raise InputError("the scope of the token is not known")
    if is_counted(manifest):
        _optional(facts, "loop")  # it may be null: the policy asks then
    return Case(
        tool=manifest.tool,
        arguments=_mapping(action, "arguments"),
        by_agent=principal.get("kind") not in NO_AGENTS,
        scope=frozenset(word for word in scope if isinstance(word, str)),
        boundary=_boundary_of(_mapping(facts, "boundary")),
        verification=_optional(facts, "verification"),
        provenance=_optional(facts, "provenance"),
        undoes=_optional(facts, "undoes") if manifest.tool == "git.restore" else None,
        reruns=_optional(facts, "reruns") if manifest.tool == "workspace.restore" else None,
        budget=_optional(facts, "budget"),
        tree=str(facts.get("tree") or ""),
        manifest=manifest,
        refused=_refused(facts) if manifest.inside else (),
    )


def _refused(facts: Facts) -> tuple[Finding, ...]:
    """Return what forbids a change inside Bridle; raise InputError when nobody can tell."""
    listed = _mapping(facts, "change").get("refused")
    if not isinstance(listed, (list, tuple)) or not all(isinstance(item, Mapping) for item in listed):
        raise InputError("what forbids the change is not known")
    return tuple(Finding(str(item["rule"]), str(item["reason"])) for item in listed)


def _boundary_of(content: Mapping[str, Json]) -> Boundary:
    for name in ("write", "protect", "push"):
        patterns = content.get(name)
        if not isinstance(patterns, (list, tuple)) or not all(isinstance(glob, str) for glob in patterns):
            raise InputError(f"the boundary does not list what it says of {name}")
    return Boundary.from_json(content)


def _mapping(facts: Facts, name: str) -> Mapping[str, Json]:
    value = facts.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is not known")
    return value


def _optional(facts: Facts, name: str) -> Mapping[str, Json] | None:
    """A fact may be stated to be null; one that is not stated at all is missing."""
    return None if name in facts and facts[name] is None else _mapping(facts, name)


def _scope(case: Case) -> Iterator[Finding]:
    needs = case.manifest.needs
    if needs not in case.scope:
        yield Finding(
            "scope.missing", f"{case.tool} needs the permission {needs}, which this step does not hold."
        )


def _offered(case: Case) -> Iterator[Finding]:
    if case.by_agent and not case.manifest.agents and case.tool != "model.call":
        yield Finding("tool.not-for-agents", f"Agents may not use {case.tool}. Use one of your own tools.")


def _paths(case: Case) -> Iterator[Finding]:
    for name in dict.fromkeys(case.manifest.paths + case.manifest.writes):
        if name not in case.arguments:
            continue
        try:
            path = clean_path(str(case.arguments[name]))
        except InputError as exc:
            reason = f"{exc.what}. Give a path relative to the workspace, without '..'."
            yield Finding("path.outside-workspace", reason)
            continue
        if name in case.manifest.writes:
            yield from _written(path, case.boundary)


def _written(path: str, boundary: Boundary) -> Iterator[Finding]:
    if boundary.may_write(path):
        return
    if matches_any(path, boundary.protect):
        yield Finding("path.protected", f"{show_name(path)} is protected and cannot be changed by this step.")
        return
    allowed = ", ".join(boundary.write) or "nothing"
    yield Finding(
        "path.not-writable", f"{show_name(path)} may not be written. This step may write: {allowed}."
    )


def _branch(case: Case) -> Iterator[Finding]:
    if case.tool != "git.commit" and not (case.tool == "git.push" and case.by_agent):
        return
    branch, owned = str(case.arguments["branch"]), case.boundary.push
    if not matches_any(branch, owned):
        allowed = ", ".join(owned) or "none"
        yield Finding(
            "git.branch", f"The branch {branch} is not this step's. It may move these branches: {allowed}."
        )


def _difference(case: Case) -> Iterator[Finding]:
    if case.tool != "git.commit":
        return
    complaint = difference_complaint(case.verification, tree=case.tree, boundary=case.boundary)
    if complaint:
        yield Finding("commit.outside-boundary", complaint)


def _secrets(case: Case) -> Iterator[Finding]:
    if case.tool != "git.commit":
        return
    complaint = secrets_complaint(case.verification)
    if complaint:
        yield Finding("commit.secret", complaint)


def _suite(case: Case) -> Iterator[Finding]:
    if case.tool != "git.commit":
        return
    complaint = suite_complaint(case.verification)
    if complaint:
        yield Finding("commit.suite-not-green", f"{complaint} Repair it, run the suite, then commit again.")


def _commit(case: Case) -> Iterator[Finding]:
    if case.tool != "git.push":
        return
    if case.provenance is None or case.provenance.get("commit") != case.arguments["commit"]:
        yield Finding(
            "git.unknown-commit",
            "This commit was not made in this execution, so nobody knows what it holds. Push one that was.",
        )


def _restore(case: Case) -> Iterator[Finding]:
    if case.tool != "git.restore":
        return
    given = {name: value for name, value in case.arguments.items() if name != "push"}
    if case.undoes is None or dict(case.undoes) != given:
        yield Finding(
            "git.unknown-push",
            "The execution that is rolled back made no push that came to this, so there is nothing to put back.",
        )


def _rerun(case: Case) -> Iterator[Finding]:
    if case.tool != "workspace.restore":
        return
    if case.reruns is None or canonical(case.reruns) != canonical(case.arguments):
        yield Finding(
            "workspace.unknown-tree",
            "The execution that is run again did not have this tree and these commits, so this one does not begin with them.",
        )


def _budget(case: Case) -> Iterator[Finding]:
    if case.tool != "model.call" or case.budget is None:
        return
    for name in ("turns", "tokens", "cost_usd"):
        left = case.budget.get(name, "")  # null is "no limit"; a budget that is silent has nothing left
        if left is not None and not _is_left(left):
            yield Finding("budget.exhausted", f"The step's budget is used up: no {name} left.")


def _is_left(left: Json) -> bool:
    try:
        return Decimal(str(left)) > 0
    except InvalidOperation:
        return False


def _network(case: Case) -> Iterator[Finding]:
    if case.boundary.network != "off":
        yield Finding("network.not-granted", "This step asks for a network, and none can be given.")


def _domains(case: Case) -> Iterator[Finding]:
    for name, listed in case.manifest.domains.items():
        given = case.arguments.get(name, ())
        for value in given if isinstance(given, (list, tuple)) else (given,):
            host = host_of(value)
            if not host or not any(is_below(host, domain) for domain in listed):
                told = f"{name} may name these hosts: {', '.join(listed) or 'none'}"
                yield Finding("domain.not-listed", f"{told}. It names {show_name(str(value)[:100])}.")


def _spend(case: Case) -> Iterator[Finding]:
    if case.manifest.spend is None:
        return
    complaint = case.manifest.spend.complaint(case.arguments)
    if complaint:
        yield Finding("spend.per-call", f"{complaint[0].upper()}{complaint[1:]}.")


def _case(case: Case) -> Iterator[Finding]:
    yield from case.refused


Rule: TypeAlias = Callable[[Case], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    _scope,
    _offered,
    _paths,
    _branch,
    _difference,
    _secrets,
    _suite,
    _commit,
    _restore,
    _rerun,
    _budget,
    _network,
    _domains,
    _spend,
    _case,
)
ON_VERIFICATION = frozenset({_difference, _secrets, _suite})
