"""The decision: what boundaries, policy and a person's word come to, and the rules that said it.

Rules
  1. What the boundaries in code refuse is denied; the policy's answer is not read (gate.boundaries).
  2. No answer of the policy (none given, or an error) is a denial: policy.no-answer.
  3. Any deny of the policy is a denial.
  4. Any ask of the policy is a question to a person, unless an approval of this action answers it, or an emergency override.
  5. What is allowed or asked about is asked about, too, for each full limit that wants a person (gate.limits).
  6. Any allow of the policy then allows; when no rule says anything, it is denied: policy.no-rule-allows.

An approval answers when it was given by people (or, to go on, by its author's default), and when all that it rests on is what
it would rest on now, the policy that answers included. That of a plan of calls answers the rules that asked when it was given
and no others, and none that wants to be asked about alone. Denies are monotone: adding one to any input never makes it allow.

The facts are those of gate.facts. Gathering them, recording the decision and using up the approval are the
gate's work; this file is pure, and the same inputs give the same decision for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from bridle.core.canonical import Json
from bridle.gate.boundaries import Facts, check_boundaries
from bridle.gate.filling import ask_about_full
from bridle.gate.manifest import Manifest
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError, Would

OVERRIDDEN = "override.emergency"
COVERED = ("loop", "limits")  # what an approval was given in spite of, and is no more so, does not undo it
Verdict: TypeAlias = Literal["allow", "ask", "deny"]


@dataclass(frozen=True)
class Decision:
    """What was decided. `findings` are those of the winning effect, never empty.

    `policy` is the digest of the set that was read, empty when the decision did not need one. `expect` are
    conditions that the delegate must find true at the target. `approval` is the id of the approval to use up,
    or empty. `warnings` and `would` are what rules said that decide nothing: they warn, or are on trial.
    """

    effect: Verdict
    findings: tuple[Finding, ...]
    policy: str = ""
    expect: Mapping[str, Json] = field(default_factory=dict)
    approval: str = ""
    warnings: tuple[Finding, ...] = ()
    would: tuple[Would, ...] = ()


def decide(facts: Facts, manifest: Manifest | None, answer: PolicyAnswer | PolicyError | None) -> Decision:
    """Decide one action. A boundary's refusal stands without an answer, so `answer` may be None for it."""
    refused = check_boundaries(facts, manifest)
    if refused:
        return Decision("deny", refused)
    return weigh(facts, answer)


def weigh(facts: Facts, answer: PolicyAnswer | PolicyError | None) -> Decision:
    """Return what the policy's answer and a person's word come to, for an action that no boundary refuses: rules 2 to 6."""
    if not isinstance(answer, PolicyAnswer):
        return Decision("deny", (_no_answer(answer),))
    return replace(_weigh(facts, answer), warnings=answer.warn, would=answer.would)


def _weigh(facts: Facts, answer: PolicyAnswer) -> Decision:
    if answer.deny:
        return Decision("deny", answer.deny, answer.digest)
    full = ask_about_full(facts) if answer.ask or answer.allow else ()
    if answer.ask or full:
        return _ask(facts, replace(answer, ask=(*answer.ask, *full)))
    if answer.allow:
        return Decision("allow", answer.allow, answer.digest, _expect(facts))
    nothing = Finding(
        "policy.no-rule-allows", "No rule of the policy allows this. What is not allowed is denied."
    )
    return Decision("deny", (nothing,), answer.digest)


def foresee(facts: Facts, manifest: Manifest) -> Decision | None:
    """Return the denial that stands whatever the actions this tool requires would find; None when it depends on them."""
    refused = check_boundaries(facts, manifest, verified=False)
    return Decision("deny", refused) if refused else None


def _no_answer(answer: PolicyError | None) -> Finding:
    why = answer.what if answer is not None else "it was not asked"
    return Finding("policy.no-answer", f"The policy gave no answer ({why}), so nothing is allowed.")


def _ask(facts: Facts, answer: PolicyAnswer) -> Decision:
    approval = facts.get("approval")
    if not isinstance(approval, Mapping):
        return _overridden(facts, answer) or Decision("ask", answer.ask, answer.digest)
    complaint = _approval_complaint(approval, facts, policy=answer.digest)
    if complaint:
        return _overridden(facts, answer) or Decision("ask", (*answer.ask, complaint), answer.digest)
    left = _left_to_ask(approval, facts, answer)
    if left:
        return _overridden(facts, answer) or Decision("ask", left, answer.digest)
    name, people = str(approval["id"]), _approvers(approval)
    approved = Finding("approved", f"{people} approved exactly this action ({name}).")
    return Decision("allow", (approved,), answer.digest, _expect(facts), name)


def _overridden(facts: Facts, answer: PolicyAnswer) -> Decision | None:
    """Return the allowance of an emergency override, if one counts; whether a pipeline goes on is not the policy's question."""
    override, now = facts.get("override"), facts.get("now")
    if not isinstance(override, Mapping) or _tool(facts) == "pipeline.continue":
        return None
    name, person, ends = override.get("id"), override.get("by"), override.get("ends_at")
    if not (isinstance(name, str) and isinstance(ends, str) and isinstance(now, str) and now < ends):
        return None
    if not name or not isinstance(person, str) or not person.startswith("user:"):
        return None
    asked = ", ".join(finding.rule for finding in answer.ask)
    reason = f"{person} has overridden until {ends} what would ask a person ({name}): {asked}."
    return Decision("allow", (Finding(OVERRIDDEN, reason),), answer.digest, _expect(facts))


def _approval_complaint(approval: Mapping[str, Json], facts: Facts, *, policy: str) -> Finding | None:
    """Say why the approval does not answer, or None when it does."""
    name, person = approval.get("id"), approval.get("by")
    if not isinstance(name, str) or not name or not isinstance(person, str) or not person:
        return Finding("approval.incomplete", "The approval does not say which it is or who gave it.")
    if person.startswith("agent:") or person == _acting_agent(facts):
        return Finding("approval.not-a-person", f"{person} cannot approve this: ask a person.")
    if not person.startswith("user:") and _tool(facts) != "pipeline.continue":
        return Finding("approval.not-a-person", f"{person} cannot approve this: only to go on has a default.")
    changed = _changed(approval.get("rests_on"), facts.get("rests_on"), policy=policy)
    if changed:
        reason = f"The approval {name} no longer holds: {' and '.join(changed)} changed since it was given."
        return Finding("approval.outdated", reason)
    return None


def _left_to_ask(approval: Mapping[str, Json], facts: Facts, answer: PolicyAnswer) -> tuple[Finding, ...]:
    """Return what the approval of a plan does not answer: what asks for itself alone, and what did not ask when it was given."""
    then, plan = approval.get("rests_on"), facts.get("plan")
    if not isinstance(then, Mapping) or "plan" not in then:
        return ()
    known = plan.get("rules") if isinstance(plan, Mapping) else None
    answered = known if isinstance(known, (list, tuple)) else ()
    return tuple(finding for finding in answer.ask if finding.alone or finding.rule not in answered)


def _approvers(approval: Mapping[str, Json]) -> str:
    listed = approval.get("approvers")
    names = [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []
    return " and ".join(names) or str(approval["by"])


def _tool(facts: Facts) -> str:
    action = facts.get("action")
    return str(action.get("tool", "")) if isinstance(action, Mapping) else ""


def _acting_agent(facts: Facts) -> str:
    """Return the agent's id. People may approve what they asked for, unless a policy wants four eyes."""
    principal = facts.get("principal")
    if not isinstance(principal, Mapping) or principal.get("kind") != "agent":
        return ""
    return str(principal.get("id", ""))


def _changed(then: Json, now: Json, *, policy: str) -> list[str]:
    """Name what differs between what an approval rests on and what it would rest on now."""
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return ["what it rests on"]
    then = {name: value for name, value in then.items() if name not in COVERED or name in now}
    now = {name: value for name, value in now.items() if name != "plan" or "plan" in then}  # asked on its own
    names = {name for name in {*then, *now} if name not in then or name not in now or then[name] != now[name]}
    if now.get("policy") != policy:
        names.add("policy")
    return sorted(names)


def _expect(facts: Facts) -> dict[str, Json]:
    """A commit is made of the tree that was verified, and of nothing that came after."""
    action, verification = facts.get("action"), facts.get("verification")
    if not isinstance(action, Mapping) or action.get("tool") != "git.commit":
        return {}
    return {"tree": verification["tree"]} if isinstance(verification, Mapping) else {}
