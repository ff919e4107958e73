"""Facts: what the decision is made on, gathered before it and recorded with it.

The document is the policy's input as well; `gate.facts_schema` has its shape, and this is what it means:

    {
      "action":    {"tool", "arguments", "control", "target", "datasets", "effect", "digest", "step", "execution", "purpose",
                    "case"},                              target: what its manifest says names the place that it changes
      "principal": null | {"id", "kind", "name", "owner", "version", "digest", "state", "asserted",
                            "roles": [{"role", "through", "where"}, …]},
      "initiator": null | {the same},
      "actors":    [null | {the same}, …],                who acted with the token before it was exchanged, the last one first;
                                                          null for one who is not there any more (trust.exchange)
      "scope":     ["file:edit", …],                      what the token allows right now
      "boundary":  {"write", "protect", "push", "network", "suite", "limits"},
      "approval":  null | {"id", "by", "asserted", "rests_on", "approvers", "inputs"},
                                                          an approved, unused one for this very digest
      "rests_on":  {"policy", "agent", "commit", "repository", "report"},       what an approval given now would rest on
      "tree":      "sha256:…" of the workspace now, or ""
      "verification": null | {"tree", "changed", "outside", "secrets", "difference", "baseline_tests",
                              "suite": {"tests", "failures", "errors", "exit_code", "report", …}},
      "provenance": null | {"commit", "repository", "message", "change": {"exact", "alike"}, "execution", "agent",
                            "agent_digest", "tree", "changed", "report"},    of a commit that is to be pushed; a rerun has those
                                                                             of the stages it took over
      "undoes":    null | {"repository", "workspace", "branch", "commit", "previous"},  what the push came to that a git.restore
                                                          puts back: one of the execution that this one is the rollback of
      "reruns":    null | {"tree"} | {"tree", "source", "clone": {"commit", "tree"}, "branches": {name: commit}},
                                                          what a workspace.restore puts there: as it was in the execution that
                                                          this one runs again (gate.reruns)
      "loop":      null | {"target", "exact", "alike", "times", "repeated", "limit", "within_s", "undoes",
                    "before": [{"at", "tool", "execution", "key", "same"}, …]},
                                                          which time this is done; null for what is not counted or cannot be told
      "attempt":   null | {"state": begun|unknown|done|again|another, "tool", "execution", "key", "at", "record"},  where the same
                                                          piece of business stands, whoever tried it (gate.attempts)
      "deployment": null | {"service", "environment", "type": production|non-production, "infrastructure"},  of the stage around
                                                          it; an environment is production unless the pipeline says otherwise
      "task":      null | {"session", "purpose", "case", "request_digest"},  what the session at the door is for
      "plan":      null | {"id", "digest", "call", "of", "rules"},   of which plan of calls it is one (trust.call_plans); the
                                                          digest is "" while the plan is proposed
      "instead":   null | {"tool", "key", "record", "because": breaker-open|out-of-reach|not-known-there},  for which call it
                                                          stands in that was not done, and why that is known (gate.rerouting)
      "evidence":  [{"record", "type", "subject", "at", "age_s", "signer", "attestors", "name", "counts", "highest"}, …],
                                                          what was said about the commit, tree and digests that a lasting action
                                                          is about, oldest first (gate.exhibited)
      "origins":   null | [{"argument", "value", "type", "kind", "where", "note"}, …],  where each judged value of a call of an
                                                          external tool comes from (gate.origins); null when nobody can tell
      "history":   null | [{"at", "session", "tool", "effect", "status", "approved", "arguments"}, …],  what was done, and asked
                                                          for, before in this session and case (gate.history)
      "as_of":     null | 1234,                           the last record of the journal that this history was read from
      "case":      null | {"id", "object", "type", "version", "type_digest", "owner", "state", "final", "revision", "covered",
                    "otherwise", "holds", "exceptions", "decisions", "due_at", "overdue"},  the case that it is done for, as it
                                                          stands, and whether its state covers this tool for this purpose; null
                                                          for none, or when nobody can tell (action.case names it then)
      "change":    null | {"case", "what", "source", "target", "refused", "widens", "doubtful", "asks", "terms"},  what an
                                                          action of an inside tool would change, and what forbids it (gate.inside)
      "override":  null | {"id", "by", "name", "asserted", "reason", "scope", "begins_at", "ends_at"},  an emergency override
                                                          that counts now and here (trust.overrides)
      "place":     {"project", "pipeline", "organisations"},   where it belongs, null when not known; no pipeline ("") at the door
      "account":   {…},                                   what the account says of itself in policies.yaml
      "risk":      low | medium | high                     as the tool's owner has it, high where nobody says
      "limits":    null | [{"limit", "rule", "per", "group", "counts", "with_this", "most", "within_s", "then", "full"}, …],  how
                                                          full each limit of the account would be with it (gate.limits); null when
                                                          nobody can tell
      "breakers":  null | [{"breaker", "per", "subject", "state": closed|open|cooled|probing, "until", "holds"}, …],  the circuit
                                                          breakers that count what fails of it (gate.breakers)
      "budget":    null | {"turns", "tokens", "cost_usd"},        what is left, decimal strings for money
      "now":       "2026-01-01T00:00:00.000000Z"
    }

A fact that cannot be had is absent, never guessed; rules that need it then do not allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial

from bridle.core.canonical import Json
from bridle.core.clock import Clock, iso
from bridle.gate.action import Action
from bridle.gate.approvals import Approval
from bridle.gate.attempts import Attempts, describe_attempt
from bridle.gate.budgets import Budgets, Price, worst_cost
from bridle.gate.exhibited import describe_evidence
from bridle.gate.fleet import FleetLimits
from bridle.gate.history import Cases, control_of, describe_history
from bridle.gate.inside import Inside, case_of
from bridle.gate.loops import (
    LIMITS,
    LONGEST_SESSION,
    Deed,
    Deeds,
    LoopLimits,
    describe_change,
    describe_loop,
    is_counted,
)
from bridle.gate.manifest import Manifest, Manifests, Risk
from bridle.gate.origins.recall import Recall
from bridle.gate.origins.writings import Writings
from bridle.gate.provenance import describe_undone, find_provenance
from bridle.gate.reruns import describe_restore
from bridle.gate.resting import describe_overfull, describe_resting
from bridle.gate.standing import Standing, Standings, describe_principal
from bridle.trust.journal import Guard, Journal, Kind
from bridle.trust.overrides import Overrides, find_for
from bridle.trust.principals import Place, Principals
from bridle.trust.tokens import Tokens

MOST_PIPELINES = 1000  # executions whose pipeline is remembered; the journal has the others


@dataclass(kw_only=True, eq=False)
class FactSource:
    """Gathers the facts of one action from the stores. `delegate` is who would carry it out: nobody, once it is
    suspended or has another key than `delegate_key` (hexadecimal)."""

    journal: Journal
    principals: Principals
    tokens: InitVar[Tokens]
    budgets: Budgets
    deeds: Deeds
    attempts: Attempts
    clock: Clock
    manifests: Manifests
    limits: FleetLimits
    loops: LoopLimits = LIMITS
    account: Mapping[str, Json] = field(default_factory=dict)
    delegate: InitVar[str] = ""
    delegate_key: InitVar[str] = ""
    writings: InitVar[Writings]
    cases: Cases | None = None
    overrides: Overrides | None = None
    inside: Inside | None = None
    price: Price | None = None

    def __post_init__(self, tokens: Tokens, delegate: str, delegate_key: str, writings: Writings) -> None:
        self.standings = Standings(
            self.principals, tokens, self.clock, delegate=delegate, delegate_key=delegate_key
        )
        self._recall = Recall(self.journal, self.manifests, writings, self.cases)
        self._pipelines: dict[str, str] = {}

    async def gather(
        self,
        action: Action,
        *,
        effect: str,
        policy: str,
        approval: Approval | None,
        verification: Mapping[str, Json] | None,
        tree: str,
        before: Sequence[Deed] = (),
    ) -> tuple[dict[str, Json], Standing]:
        """Return the document described above, and the standing it was made from.

        `before` is what will have been done by then, where a plan of calls is judged.
        """
        manifest, now = self.manifests.get(action.request.tool), self.clock.now()
        standing = await self.standings.of(action)
        provenance = await find_provenance(self.journal, action)
        loop = await self.loop(action, provenance, before)
        case = await self.case(action, effect)
        rests_on = describe_resting(
            action, manifest, standing, policy=policy, provenance=provenance, loop=loop, case=case
        )
        budget = await self.budgets.get(action.budget) if action.budget else None
        document: dict[str, Json] = {
            "action": _describe_action(action, manifest, effect),
            **_describe_standing(standing),
            "boundary": action.boundary.to_json(),
            "approval": _describe_approval(approval),
            "rests_on": rests_on,
            "verification": dict(verification) if verification else None,
            "tree": tree,
            "provenance": provenance,
            "loop": loop,
            **_describe_work(action),
            **await self._look_back(action, manifest, provenance, now),
            "case": case,
            "change": await self.change(action, manifest, standing),
            "place": await self.place(action, standing),
            "account": dict(self.account),
            "risk": str(manifest.risk) if manifest else str(Risk.HIGH),
            "budget": budget.left() if budget else None,
            "now": iso(now),
        }
        cost = partial(self.cost_of, action)
        document |= await self.limits.describe(action, document, manifest, cost=cost, now=now)
        document["rests_on"] = {**rests_on, **describe_overfull(document)}
        return {**document, "override": await self.override(document)}, standing

    async def _look_back(
        self, action: Action, manifest: Manifest | None, provenance: Mapping[str, Json] | None, now: datetime
    ) -> dict[str, Json]:
        """Return what the journal tells of the time before: what this would undo, repeat, try again or use."""
        journal, arguments = self.journal, action.request.arguments
        restores = action.request.tool == "workspace.restore"
        return {
            "undoes": await describe_undone(journal, action),
            "reruns": await describe_restore(journal, action.execution) if restores else None,
            "attempt": await describe_attempt(manifest, arguments, attempts=self.attempts, journal=journal),
            "evidence": await describe_evidence(journal, manifest, arguments, provenance, now=now),
            "origins": await self._recall.describe(action, manifest),
            **await describe_history(
                action, manifest, journal=journal, manifests=self.manifests, cases=self.cases
            ),
        }

    async def note_writing(self, action: Action) -> list[Guard]:
        """Return the guard that notes what a call may write that no trusted origin vouches for, if anything."""
        manifest = self.manifests.get(action.request.tool)
        noted = await self._recall.note(action, manifest) if manifest else None
        return [noted] if noted else []

    def cost_of(self, action: Action) -> Decimal | None:
        """Return the most that a model call may cost; None when nobody can tell, or for another action."""
        return worst_cost(action, self.price) if self.price else None

    async def override(self, document: Mapping[str, Json]) -> dict[str, Json] | None:
        """Return the emergency override that these facts lie in, or None."""
        if self.overrides is None:
            return None
        found = find_for(await self.overrides.active(self.clock.now()), document)
        return found.to_json() if found else None

    async def case(self, action: Action, effect: str) -> dict[str, Json] | None:
        """Return the case that the action is done for, as it stands; None when there is none, or nobody can tell."""
        case, request = case_of(action), action.request
        if not case or self.inside is None:
            return None
        return await self.inside.describe_case(case, request.tool, effect, request.purpose)

    async def change(
        self, action: Action, manifest: Manifest | None, standing: Standing
    ) -> dict[str, Json] | None:
        """Return what an action of an inside tool would change, and what forbids it; None for every other."""
        if manifest is None or not manifest.inside or self.inside is None:
            return None
        return await self.inside.describe_change(action, standing)

    async def place(self, action: Action, standing: Standing) -> dict[str, Json]:
        """Return where the action belongs, as far as that is known."""
        project = standing.token.claims.project if standing.token else ""
        return {
            "project": project or None,
            "pipeline": await self.pipeline(action),
            "organisations": list(self.principals.organisations(Place(project))) if project else None,
        }

    async def pipeline(self, action: Action) -> str | None:
        """Return the pipeline that the action is of, which an execution keeps; "" at the door, None when it is not known."""
        if action.task or action.execution == action.case != "":
            return ""
        if action.execution not in self._pipelines:
            started = await self.journal.last(action.execution, action.execution, (Kind.EXECUTION_STARTED,))
            if started is None or "pipeline" not in started.body:
                return None
            if len(self._pipelines) >= MOST_PIPELINES:
                self._pipelines.clear()
            self._pipelines[action.execution] = str(started.body["pipeline"])
        return self._pipelines[action.execution]

    async def loop(
        self, action: Action, provenance: Mapping[str, Json] | None, before: Sequence[Deed]
    ) -> dict[str, Json] | None:
        """Return which time this change would be made to its target, and what was done to it before."""
        manifest = self.manifests.get(action.request.tool)
        if manifest is None or not is_counted(manifest):
            return None
        change = describe_change(manifest, action.request.arguments, provenance)
        if change is None:
            return None
        now = self.clock.now()
        history = await self.deeds.of(change.target, since=now - max(self.loops.within, LONGEST_SESSION))
        history += [deed for deed in before if deed.change.target == change.target]
        return describe_loop(manifest, change, history, self.loops, execution=action.execution, now=now)


def _describe_action(action: Action, manifest: Manifest | None, effect: str) -> dict[str, Json]:
    request = action.request
    return {
        "tool": request.tool,
        "arguments": request.arguments,
        "control": control_of(manifest, request.arguments),
        "target": {name: request.arguments[name] for name in _targets(manifest) if name in request.arguments},
        "datasets": list(manifest.datasets) if manifest else [],
        "effect": effect,
        "digest": action.digest,
        "step": action.step,
        "execution": action.execution,
        "purpose": request.purpose,
        "case": case_of(action),
    }


def _targets(manifest: Manifest | None) -> tuple[str, ...]:
    return manifest.target if manifest else ()


def _describe_work(action: Action) -> dict[str, Json]:
    """Return what the action says of the work that it is a part of."""
    return {
        "deployment": dict(action.deployment) if action.deployment else None,
        "task": dict(action.task) if action.task else None,
        "plan": dict(action.plan) if action.plan else None,
        "instead": dict(action.instead) if action.instead else None,
    }


def _describe_standing(standing: Standing) -> dict[str, Json]:
    return {
        "principal": describe_principal(standing.actor),
        "initiator": describe_principal(standing.initiator),
        "actors": [describe_principal(one) for one in standing.behind],
        "scope": sorted(standing.scope),
    }


def _describe_approval(approval: Approval | None) -> dict[str, Json] | None:
    if approval is None:
        return None
    return {
        "id": approval.id,
        "by": approval.by,
        "asserted": approval.asserted,
        "rests_on": approval.rests_on,
        "approvers": list(approval.given),
        "inputs": approval.inputs,
    }
